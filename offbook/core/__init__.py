"""The rules of offbook, without any I/O.

Theory of operation. Every device edits its own copy and logs each write as a *change*: the cells that it gives a new
value, the device's time, and the *base*, that is, how much of the book its writer had seen. The server puts all
changes of a book into one sequence. Where the writer of a change had seen what stands in its cells now, the change
replaces it, whatever the clocks say. Else the two are concurrent, and the book's policy decides what shows; what does
not show is kept in the history. A device then pulls rows by *seq*, the book's own clock, and lays what it has not sent
yet on top.

=====================  ============================================================================================
schema                 what a synced table is made of: fields, maps, limits
declaration            a schema <-> JSON
declaration_rules      what may be declared, and the sentence for what may not
growth                 what a newer declaration adds, in steps; what fits several versions
model                  the nouns: Change, Record, Clock, Verdict, Conflict, Cursor
cells.validation       the values of cells, checked by the rules of a declaration
cells.lenient_validation
                       a server's row, checked by its JSON types alone
cells.json_data        cells as JSON objects: the data of a record, and of a change
merge.policies         one function per policy
merge.policy_wording   what each policy does, in words
merge.decide           decide(record, change, policy, seq) -> Decision
merge.batch            plan_batch(book, records, …) -> Plan: the server's side of a push
merge.retention        what is forgotten, and when
merge.rebase           the replica's side: visible cells, bases of changes, batches
conflicts.resolution   a person's choice for a conflict, as a patch
conflicts.bulk         many conflicts, resolved at once
conflicts.codec        a conflict <-> JSON
history.entry          a change of the history, and what a record was after it
history.codec          an entry of the history <-> JSON
history.bursts         many changes in quick succession, as one line
history.reconstruct    records as they were, computed from the values that changes replaced
history.explain        why a cell has its value, in sentences
protocol.json          JSON as RFC 8259 has it and no more
protocol.requests      what a device sends, read strictly; every limit
protocol.validators    the values of a server's answer, one check each
protocol.rows          records as rows of a page; seqs and times on the wire
verify.digests         what a record is, as a number that adds up
verify.first_digests   the same for versions of before
verify.ranges          ranges of ids, by which two sides find where they differ
connection             the state machine of a started replica: states, events, actions
backoff                exponential backoff with jitter
login_throttle         how often a password may be guessed
users                  who may use a server, and what an admin may do to whom
stream_format          times and the writer's lease in a stream's file
sqlite_facts           which SQLite has which fault
formatting             counts, sizes and times as people read them
text                   text folded for search and order, and made safe to show
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
from offbook.core.schema import Schema, Table

__all__ = [
    "DEFAULT_POLICY",
    "POLICIES",
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
    "Schema",
    "Table",
    "Verdict",
    "Write",
    "decide",
    "plan_batch",
]
