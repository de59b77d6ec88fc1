"""The files of `offbook ingest` that the server may read, and what a page asks of one."""
