"""Commands that look after a server: ``flask doctor`` and ``flask vacuum``. What they print is decided from values."""

from __future__ import annotations

import os
import platform
import shutil
import stat
import sys
import time
from dataclasses import fields
from importlib.metadata import version
from pathlib import Path

import click
from flask.cli import with_appcontext

from cli.current import current_database, photos_elsewhere, services
from cli.errors import report_errors
from config import Config
from offbook.core.accounts.users import kept_until
from offbook.core.formatting import format_count, format_date, format_size
from offbook.core.merge.retention import DAY_US
from offbook.core.text import describe_duration
from ops.doctor import Finding, UserCounts, examine, is_migrated, is_readable, newest_seq, people
from services.blobs import Blobs
from storage.engines.database import Database
from storage.errors import Unwritable
from storage.values.databases import DatabaseSize, LogSize

SECRET_LENGTH_MIN = 32
METRICS_TOKEN_LENGTH_MIN = 16
AHEAD_US = 1_000_000
"""A seq may be so far ahead of the clock: two machines, or a clock that was set a little."""

SPARE_BYTES = 100 * 10**6
"""What a disk should have left for logs and files that come and go."""

LATE_US = 2 * DAY_US
"""A purge may be so late: the retention runs once a day."""

LOG_LENGTHS_MAX = 2
"""How many times its usual length the log may have, or hold back, before something is wrong."""

MAY_BE_ZERO = ("port", "trusted_proxies")


@click.command("doctor")
@with_appcontext
def doctor() -> None:
    """Look for what is unsafe, broken or slow. Exits with 1 where something is."""
    versions = Finding(f"This is offbook {version('offbook')} on Python {platform.python_version()}.")
    checked = check_database(current_database(), services().clock())
    photos = check_photos(services().blobs, photos_elsewhere()) if is_migrated(current_database()) else []
    findings = [versions, *checked, *photos, *check_settings(services().config)]
    for finding in findings:
        click.secho(("! " if finding.bad else "  ") + finding.sentence, fg="red" if finding.bad else None)
    sys.exit(any(finding.bad for finding in findings))


@click.command("vacuum")
@with_appcontext
@report_errors
def vacuum() -> None:
    """Give back the space of what was deleted, and count anew what makes queries quick. The server may run."""
    database = current_database()
    before, upkeep = database.size(), database.adapter.MAINTENANCE
    needed_bytes = before.data * upkeep.VACUUM_SPACE_FACTOR
    if before.folder and shutil.disk_usage(before.folder).free < needed_bytes:
        needed = format_size(needed_bytes)
        raise click.ClickException(f"This needs {needed} free in {before.folder}: make room there first.")
    click.echo(upkeep.VACUUM_LOCK_NOTICE)
    started = time.monotonic()
    database.vacuum()
    seconds, after = time.monotonic() - started, database.size()
    click.echo(
        f"The database takes {format_size(after.data)}; before it took {format_size(before.data)} ({seconds:.1f} s)."
    )


def check_database(database: Database, now_us: int) -> list[Finding]:
    """What ops.doctor finds, and, where it can be read, how it lies on its disk and in time."""
    findings = examine(database)
    if is_readable(database):
        size = database.size()
        free_bytes = shutil.disk_usage(size.folder).free if size.folder else None
        findings += [
            *check_disk_space(size, free_bytes, database.adapter.MAINTENANCE.VACUUM_SPACE_FACTOR),
            *check_log(database),
        ]
    if is_migrated(database):
        findings += [*check_clock(newest_seq(database), now_us), *check_users(people(database), now_us)]
    return findings


def check_photos(blobs: Blobs, folder: Path | None) -> list[Finding]:
    """Whether the photos that are known are all there, and where they are if not in the database."""
    findings = []
    if missing := blobs.without_bytes():
        lack = format_count(missing, "photo has its bytes", "photos have their bytes")
        where = f"nor in {folder}" if folder else "nor in a folder that BLOB_URL names"
        advice = "put back the folder that they are in, or set BLOB_URL to it"
        findings.append(Finding(f"{lack} neither in the database {where}: {advice}.", bad=True))
    if folder is None:
        return findings
    if folder.exists() and not os.access(folder, os.W_OK | os.X_OK):
        findings.append(Finding(f"Photos can't be written to {folder}: let this user write there.", bad=True))
    return [*findings, Finding(f"Photos are in {folder}: backups and moves leave them out, copy it with them.")]


def check_settings(config: Config) -> list[Finding]:
    """What the settings leave open, and what they shut."""
    return [*check_exposure(config), *check_secrets(config), *check_limits(config)]


def check_disk_space(size: DatabaseSize, free_bytes: int | None, times: int) -> list[Finding]:
    """Whether the disk has room for what a vacuum and a backup need."""
    takes = f"The database takes {format_size(size.data)}"
    if size.free is not None and size.free > size.data // 2 and size.data > SPARE_BYTES:
        takes += f", of which `flask vacuum` gives back {format_size(size.free)}"
    if free_bytes is None:
        return [Finding(f"{takes}.")]
    needed_bytes = max(size.data * times, SPARE_BYTES)
    if free_bytes < needed_bytes:
        sentence = (
            f"{takes}, and its disk has {format_size(free_bytes)} free: make room for {format_size(needed_bytes)}."
        )
        return [Finding(sentence, bad=True)]
    return [Finding(f"{takes}, and its disk has {format_size(free_bytes)} free.")]


def check_log(database: Database) -> list[Finding]:
    """Whether the log is too long. Looking at it copies as much of it into the file as can be, which takes room."""
    try:
        return check_log_length(database.log())
    except Unwritable as error:
        return [Finding(f"The log of the database (WAL) can't be looked at. {error.for_admins}", bad=True)]


def check_log_length(log: LogSize | None) -> list[Finding]:
    """Whether someone keeps the log from being begun anew."""
    if log is None:
        return []
    bytes_max = log.usual_bytes * LOG_LENGTHS_MAX
    length = f"The log of the database (WAL) has {format_size(log.bytes)}"
    if log.held_bytes > bytes_max:
        sentence = f"{length}, since some program reads the database and does not end: find and end it."
        return [Finding(sentence, bad=True)]
    if log.bytes > bytes_max:
        return [Finding(f"{length}, which is far too much: run `flask vacuum`.", bad=True)]
    return [Finding(f"{length}.")]


def check_clock(newest_seq: int, now_us: int) -> list[Finding]:
    """Whether what was stored last was stored in the future, as this machine's clock has it."""
    ahead_us = newest_seq - now_us
    if ahead_us <= AHEAD_US:
        return [Finding("This machine's clock agrees with what was stored last.")]
    sentence = (
        f"What was stored last is {describe_duration(ahead_us // 1_000_000)} in the future: this machine's clock is or "
        "was wrong. "
        "Set it by NTP. If it is right now, only the times of changes are wrong until then, and nothing is lost."
    )
    return [Finding(sentence, bad=True)]


def check_users(people: UserCounts, now_us: int) -> list[Finding]:
    """Who is let in, whether one of them is an admin, and whether anybody stays in the trash for too long."""
    if not people.let_in + people.disabled + people.removed:
        return []
    counts = f"{format_count(people.let_in, 'user')} can sign in, {people.admins:,} of them as admin"
    counts += f"; {people.disabled:,} disabled, {people.removed:,} in the trash."
    findings = [Finding(counts if people.admins else f"{counts} `flask user admin NAME` makes somebody one.")]
    if people.first_removed_at is not None and now_us > kept_until(people.first_removed_at) + LATE_US:
        since = format_date(people.first_removed_at)
        sentence = f"Somebody is in the trash since {since}, for too long: run `flask book prune` once a day."
        findings.append(Finding(sentence, bad=True))
    return findings


def check_exposure(config: Config) -> list[Finding]:
    """Whether passwords and tokens may travel in the clear."""
    if config.host in ("127.0.0.1", "::1", "localhost"):
        return [Finding(f"Only this machine reaches the server ({config.host}).")]
    if config.trusted_proxies:
        return [Finding(f"{config.trusted_proxies} proxies in front are trusted to speak HTTPS.")]
    sentence = f"Anyone who reaches {config.host} does so without HTTPS: put a proxy in front, and set TRUSTED_PROXIES."
    return [Finding(sentence, bad=True)]


def check_secrets(config: Config) -> list[Finding]:
    """Whether others on this machine can read what must stay secret."""
    findings = []
    if len(config.secret_key) < SECRET_LENGTH_MIN:
        findings.append(
            Finding(f"SECRET_KEY is shorter than {SECRET_LENGTH_MIN} characters: choose a longer one.", bad=True)
        )
    if 0 < len(config.metrics_token) < METRICS_TOKEN_LENGTH_MIN:
        sentence = f"METRICS_TOKEN is shorter than {METRICS_TOKEN_LENGTH_MIN} characters, so that anyone may guess it: "
        findings.append(Finding(sentence + "choose a longer one.", bad=True))
    if config.instance_path.exists() and stat.S_IMODE(config.instance_path.stat().st_mode) & 0o077:
        sentence = f"Others on this machine can look into {config.instance_path}: run `chmod 700` on it."
        findings.append(Finding(sentence, bad=True))
    return findings or [Finding("The secrets are kept from others.")]


def check_limits(config: Config) -> list[Finding]:
    """Whether a limit is set so that nothing gets through."""
    numbers = {field.name: getattr(config, field.name) for field in fields(config) if field.name not in MAY_BE_ZERO}
    shut = [name for name, value in numbers.items() if type(value) in (int, float) and value <= 0]
    if shut:
        return [Finding(f"Nothing gets through with {', '.join(shut)} at 0: choose more.", bad=True)]
    return [Finding("Every limit lets something through.")]
