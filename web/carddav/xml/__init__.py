"""The XML of CardDAV: requests into values, values into answers. Nothing here knows a request or a database."""
