"""The rules of offbook, without any I/O.

Theory of operation. Every device edits its own copy and logs each write as a *change*: the cells that it gives a new
value, the device's time, and the *base*, that is, how much of the book its writer had seen. The server puts all
changes of a book into one sequence. For each it asks: had the writer seen what stands in these cells now? If so, the
change replaces it, whatever the clocks say. If not, the two are concurrent, and the book's policy decides what shows;
what does not show is kept in the history. A device then pulls rows by *seq*, the book's own clock, and lays what it
has not sent yet on top.

=====================  ============================================================================================
schema                 what is synced: tables, fields, limits
model                  the nouns: Change, Record, Clock, Verdict, Conflict, Cursor
validation             the values of cells, checked by the rules of TABLES
lenient_validation     what a server says of a record, held by its JSON types alone
merge.policies         one function per policy
merge.policy_wording   what each policy does, in words
merge.decide           decide(record, change, policy, seq) -> Decision
merge.batch            plan(book, records, settled, batch, now) -> Plan: the server's side of a push
merge.retention        what is forgotten, and when
merge.rebase           the replica's side: what shows, what a change had seen, what goes out together
conflicts.resolution   what a person chose for a conflict, as an ordinary change
conflicts.bulk         many conflicts, decided at once
history.entry          what the history tells of a change, and what a record was after it
history.reconstruct    records as they were, out of the values that changes replaced
history.explain        why a cell has its value, in sentences
protocol.json          JSON as RFC 8259 has it and no more
protocol.requests      what a device sends, read strictly; every limit
protocol.rows          records as rows of a page; seqs and times on the wire
verify.digests         what a record is, as a number that adds up
verify.ranges          ranges of ids, by which two sides find where they differ
connection             the replica's way to its server: what is done in each state about each event, and when
stream_format          what a stream's file says of time and of its writer
text                   folding text for search and order; durations and a clock's offset in words
codes                  every code that a refusal carries: its status, its scope, its reason
messages               what is said with a code: sentences as templates with named arguments
errors                 everything that is raised on purpose
=====================  ============================================================================================

Values in, decisions out: standard library only, and no clock, no id and no randomness but what comes as an argument.
"""

from offbook.core.merge.batch import BookState, Outcome, Plan, RecordedVerdict, plan_batch
from offbook.core.merge.decide import Create, Decision, NoChange, Reject, Write, decide
from offbook.core.merge.policies import DEFAULT_POLICY, POLICIES
from offbook.core.model import Change, Clock, Conflict, Cursor, Operation, Record, Rejection, Verdict
from offbook.core.schema import TABLES

__all__ = [
    "DEFAULT_POLICY",
    "POLICIES",
    "TABLES",
    "BookState",
    "Change",
    "Clock",
    "Conflict",
    "Create",
    "Cursor",
    "Decision",
    "NoChange",
    "Operation",
    "Outcome",
    "Plan",
    "Record",
    "Reject",
    "Rejection",
    "RecordedVerdict",
    "Verdict",
    "Write",
    "decide",
    "plan_batch",
]
