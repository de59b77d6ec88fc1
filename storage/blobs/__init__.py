"""Photos in a database, and the process that decodes them."""
