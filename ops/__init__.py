"""What admins do with a server as a whole: backups, moving it, and a look at its health."""
