"""The `offbook` command: what all of it needs. The commands themselves are in offbook.cli.commands.

Each command is a function from (book, args) to a CommandResult: what to say in JSON, the same in lines for people, and
the exit code. It prints nothing itself (but for `watch` and `ingest`, which have no end), and lets errors rise:
__main__ is the one place that prints, and that turns errors into sentences and exit codes.

Local commands never touch the network. Nothing here is loaded that a command does not need: requests and rich take
longer to import than `offbook list` takes to run.
"""
