"""The rules of offbook, without any I/O.

Theory of operation. Every device edits its own copy and logs each write as a *change*: the cells that it gives a new
value, the device's time, and the *base*, that is, how much of the book its writer had seen. The server puts all
changes of a book into one sequence. For each it asks: had the writer seen what stands in these cells now? If so, the
change replaces it, whatever the clocks say. If not, the two are concurrent, and the book's policy decides what shows;
what does not show is kept in the history. A device then pulls rows by *seq*, the book's own clock, and lays what it
has not sent yet on top.

=============  ====================================================================================================
tables         what is synced: tables, fields, limits
changes        the nouns: Change, Record, Clock, Verdict, Conflict, Cursor
policies       one function per policy
merge          decide(record, change, policy, seq) -> Decision
plan           plan(book, records, settled, batch, now) -> Plan: the server's side of a push
prune          what is forgotten, and when
rebase         the replica's side: what shows, what a change had seen, what goes out together
link           the replica's way to its server: what is done in each state about each event, and when
cells          the values of cells, checked by the rules of TABLES
past           what the history tells of a change, and what a record was after it
explaining     why a cell has its value, in sentences
wire           requests and answers <-> JSON, strictly; every limit
digests        what a record is, as a number that adds up
ranges         ranges of ids, by which two sides find where they differ
text           folding text for search and order
skew           a clock that is off, in words
errors         everything that is raised on purpose
=============  ====================================================================================================

Values in, decisions out: standard library only, and no clock, no id and no randomness but what comes as an argument.
"""

from offbook.core.changes import Change, Clock, Conflict, Cursor, Operation, Record, Rejection, Verdict
from offbook.core.merge import Create, Decision, Keep, Reject, Write, decide
from offbook.core.plan import Book, Outcome, Plan, Settled, plan
from offbook.core.policies import DEFAULT_POLICY, POLICIES
from offbook.core.tables import TABLES

__all__ = [
    "DEFAULT_POLICY",
    "POLICIES",
    "TABLES",
    "Book",
    "Change",
    "Clock",
    "Conflict",
    "Create",
    "Cursor",
    "Decision",
    "Keep",
    "Operation",
    "Outcome",
    "Plan",
    "Record",
    "Reject",
    "Rejection",
    "Settled",
    "Verdict",
    "Write",
    "decide",
    "plan",
]
