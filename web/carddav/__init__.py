"""CardDAV: HTTP and XML (RFC 6352, 4918, 6578). Which contact a card is and what it changes is the services' affair."""
