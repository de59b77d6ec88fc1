"""batches, undo: what one act wrote, and taking it back. Both are the server's to say."""

from __future__ import annotations

import argparse

from offbook.cli.lookup import find_by_prefix
from offbook.cli.output import flatten, format_pairs, format_time, short_ids
from offbook.cli.result import CommandResult
from offbook.core.formatting import format_count
from offbook.core.history.batch_codec import batch_to_json, undo_to_json
from offbook.core.history.undo import BatchSummary, KeptCell
from offbook.core.protocol.rows import iso_micros
from offbook.replica import Replica

REASONS = {
    "changed_since": "it was changed since",
    "deleted_since": "it was deleted since",
    "purged": "what it held is gone from the trash",
}


def batches(book: Replica, args: argparse.Namespace) -> CommandResult:
    """The newest batches, each with who wrote it, when and how much."""
    rows = book.batches()
    if not rows:
        return CommandResult([], ["No batches: nothing was imported, restored or changed together yet."])
    ids = short_ids([batch.id for batch in rows])
    lines = format_pairs([(ids[batch.id], _describe(batch)) for batch in rows])
    return CommandResult([batch_to_json(batch) for batch in rows], [*lines, "", "`offbook undo ID` takes one back."])


def _describe(batch: BatchSummary) -> str:
    writer = " of ".join(flatten(name) for name in (batch.author.device, batch.author.user) if name)
    counts = ", ".join(f"{flatten(table)}: {count}" for table, count in sorted(batch.changes.items()))
    parts = (format_time(iso_micros(batch.last)), writer, counts, "undone" if batch.undone_by else "")
    return "  ".join(part for part in parts if part)


def undo(book: Replica, args: argparse.Namespace) -> CommandResult:
    """Take back what a batch wrote. One that was not sent yet is sent first: the server has to know it."""
    book.sync()
    missing = f"There is no batch with the id “{args.batch}”. `offbook batches` shows those that can be undone."
    batch = find_by_prefix(book.batches(), args.batch, lambda row: row.id, "batch", missing)
    report = book.undo(batch.id)
    lines = [f"Undone: {format_count(report.undone, 'record')} went back."]
    lines += [_kept_line(cell) for cell in report.kept]
    return CommandResult(undo_to_json(report), lines)


def _kept_line(kept: KeptCell) -> str:
    table, record_id = kept.key
    cell = "as a whole" if kept.cell == "@exists" else kept.cell
    reason = REASONS.get(kept.reason, kept.reason)
    return f"Kept: {flatten(table)} {record_id}, {flatten(cell)}: {flatten(reason)}."
