"""The SQL that makes a replica's file: our own tables, an app's tables, and the triggers that log what is written."""
