"""One sync with the server: the request, the answer, and how it is applied to the file."""
