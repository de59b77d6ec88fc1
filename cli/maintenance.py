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

from cli import messages
from cli.current import current_database, photos_elsewhere, services
from cli.errors import report_errors
from config import Config
from offbook.core.accounts.users import kept_until
from offbook.core.formatting import format_count, format_date, format_size
from offbook.core.merge.retention import DAY_US
from offbook.core.text import describe_duration
from ops.doctor import UserCounts, examine, newest_seq, people
from ops.schema_check import Finding, is_migrated, is_readable
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
    versions = Finding(messages.VERSIONS.fault(offbook=version("offbook"), python=platform.python_version()))
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
        raise click.ClickException(messages.NO_ROOM.sentence(needed=needed, folder=before.folder))
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
        where = folder or "a folder that BLOB_URL names"
        findings.append(Finding(messages.PHOTOS_MISSING.fault(lack=lack, where=where)))
    if folder is None:
        return findings
    if folder.exists() and not os.access(folder, os.W_OK | os.X_OK):
        findings.append(Finding(messages.PHOTOS_READ_ONLY.fault(folder=folder)))
    return [*findings, Finding(messages.PHOTOS_ELSEWHERE.fault(folder=folder))]


def check_settings(config: Config) -> list[Finding]:
    """What the settings leave open, and what they shut."""
    return [*check_exposure(config), *check_secrets(config), *check_limits(config)]


def check_disk_space(size: DatabaseSize, free_bytes: int | None, times: int) -> list[Finding]:
    """Whether the disk has room for what a vacuum and a backup need."""
    takes = format_size(size.data)
    if size.free is not None and size.free > size.data // 2 and size.data > SPARE_BYTES:
        takes += f", of which `flask vacuum` gives back {format_size(size.free)}"
    if free_bytes is None:
        return [Finding(messages.SIZE.fault(takes=takes))]
    needed_bytes, free = max(size.data * times, SPARE_BYTES), format_size(free_bytes)
    if free_bytes < needed_bytes:
        return [Finding(messages.DISK_SMALL.fault(takes=takes, free=free, needed=format_size(needed_bytes)))]
    return [Finding(messages.SIZE_ON_DISK.fault(takes=takes, free=free))]


def check_log(database: Database) -> list[Finding]:
    """Whether the log is too long. Looking at it copies as much of it into the file as can be, which takes room."""
    try:
        return check_log_length(database.log())
    except Unwritable as error:
        return [Finding(messages.LOG_CANT_BE_READ.fault(reason=error.for_admins))]


def check_log_length(log: LogSize | None) -> list[Finding]:
    """Whether someone keeps the log from being begun anew."""
    if log is None:
        return []
    bytes_max = log.usual_bytes * LOG_LENGTHS_MAX
    length = format_size(log.bytes)
    if log.held_bytes > bytes_max:
        return [Finding(messages.LOG_HELD.fault(length=length))]
    if log.bytes > bytes_max:
        return [Finding(messages.LOG_LONG.fault(length=length))]
    return [Finding(messages.LOG_LENGTH.fault(length=length))]


def check_clock(newest_seq: int, now_us: int) -> list[Finding]:
    """Whether what was stored last was stored in the future, as this machine's clock has it."""
    ahead_us = newest_seq - now_us
    if ahead_us <= AHEAD_US:
        return [Finding(messages.CLOCK_AGREES.fault())]
    return [Finding(messages.CLOCK_DIFFERS.fault(duration=describe_duration(ahead_us // 1000000)))]


def check_users(people: UserCounts, now_us: int) -> list[Finding]:
    """Who is let in, whether one of them is an admin, and whether anybody stays in the trash for too long."""
    if not people.let_in + people.disabled + people.removed:
        return []
    message = messages.USERS if people.admins else messages.USERS_WITHOUT_ADMIN
    users = format_count(people.let_in, "user")
    counts = message.fault(users=users, admins=people.admins, disabled=people.disabled, removed=people.removed)
    findings = [Finding(counts)]
    if people.first_removed_at is not None and now_us > kept_until(people.first_removed_at) + LATE_US:
        since = format_date(people.first_removed_at)
        findings.append(Finding(messages.TRASH_FULL.fault(since=since)))
    return findings


def check_exposure(config: Config) -> list[Finding]:
    """Whether passwords and tokens may travel in the clear."""
    if config.host in ("127.0.0.1", "::1", "localhost"):
        return [Finding(messages.ONLY_LOCAL.fault(host=config.host))]
    if config.trusted_proxies:
        return [Finding(messages.BEHIND_PROXIES.fault(count=config.trusted_proxies))]
    return [Finding(messages.WITHOUT_HTTPS.fault(host=config.host))]


def check_secrets(config: Config) -> list[Finding]:
    """Whether others on this machine can read what must stay secret."""
    findings = []
    if len(config.secret_key) < SECRET_LENGTH_MIN:
        findings.append(Finding(messages.SHORT_SECRET_KEY.fault(least=SECRET_LENGTH_MIN)))
    if 0 < len(config.metrics_token) < METRICS_TOKEN_LENGTH_MIN:
        findings.append(Finding(messages.SHORT_METRICS_TOKEN.fault(least=METRICS_TOKEN_LENGTH_MIN)))
    if config.instance_path.exists() and stat.S_IMODE(config.instance_path.stat().st_mode) & 0o077:
        findings.append(Finding(messages.FOLDER_OPEN.fault(folder=config.instance_path)))
    return findings or [Finding(messages.SECRETS_KEPT.fault())]


def check_limits(config: Config) -> list[Finding]:
    """Whether a limit is set so that nothing gets through."""
    numbers = {field.name: getattr(config, field.name) for field in fields(config) if field.name not in MAY_BE_ZERO}
    shut = [name for name, value in numbers.items() if type(value) in (int, float) and value <= 0]
    if shut:
        return [Finding(messages.LIMITS_AT_ZERO.fault(names=", ".join(shut)))]
    return [Finding(messages.LIMITS_OPEN.fault())]
