"""Every setting, its default and its reason. All come from the environment; nothing else reads it.

``Config()`` holds the defaults, for tests and tools; ``Config.from_environment()`` is what the server runs on. A
configuration that has a name in CONFIGS is chosen by it: ``create_app("testing")``.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import unquote, urlsplit

ROOT = Path(__file__).resolve().parent
KIB = 1024
MIB = 1024 * KIB


@dataclass(frozen=True)
class Config:
    """Every setting of a server, with its default."""

    instance_path: Path = ROOT / "instance"
    """Where the default database and the secret live: outside the code, and not in git."""

    database_url: str = f"sqlite:///{ROOT / 'instance' / 'offbook.db'}"
    """SQLite in a file needs nothing else to be installed or run."""

    live_url: str = ""
    """What carries news between several server processes where the database does not: ``redis://…``. On PostgreSQL the
    database does; where a pooler stands before it, this is its own address (``postgresql://…``)."""

    secret_key: str = ""
    """Signs sessions. Made once and kept in the instance folder: a new one signs everybody out."""

    host: str = "127.0.0.1"
    """Only this machine, until an admin opens it on purpose, best behind a proxy that speaks HTTPS."""

    port: int = 5000

    trusted_proxies: int = 0
    """How many proxies stand in front. Their X-Forwarded headers count; with 0 anybody could forge them."""

    allowed_hosts: tuple[str, ...] = ()
    """The names under which browsers and devices reach the server, as they stand in its address; ``*`` is any. The
    machine's own name, loopback names and addresses are always answered: no foreign name can point there by DNS."""

    threads: int = 8
    """Requests that are worked on at once. SQLite takes one writer at a time, so that more would only queue there."""

    waiting_max: int = 512
    """Requests that wait for a thread; more are told to come back, which is better than a long silence."""

    body_bytes_max: int = 16 * MIB
    """One request's body: a full batch of 1,000 changes is far smaller."""

    bodies_bytes_max: int = 128 * MIB
    """All bodies that are arriving from whoever is known, together. One address alone gets half of what is left."""

    file_bytes_max: int = 100 * MIB
    """A file of contacts. It goes to the disk as it comes, into the folder ``uploads`` of the instance."""

    files_bytes_max: int = 1024 * MIB
    """All files that are arriving, together. One address alone gets half of what is left."""

    file_seconds: float = 600
    """How long a file may take to arrive, of whoever is known."""

    body_bytes_unknown_max: int = 64 * KIB
    """One request's body, of whoever shows neither a token nor a session that counts: a form, or a small push."""

    bodies_bytes_unknown_max: int = 16 * MIB
    """All of those that are arriving, together. When there are more, only whoever is known is let in."""

    book_photos_mib: int = 1024
    """What the photos of one book may take together."""

    carddav_stale: str = "merge"
    """What becomes of a phone's card that was made from an older state than the present one; or ``refuse``: most
    programs then throw away what was typed."""

    blob_url: str = "db:"
    """Where the bytes of photos go: into the database, with which they are backed up and moved; or into a folder,
    ``file:///srv/photos``, for a database that is to stay small. Whoever backs up or moves must copy that too."""

    answers_bytes_max: int = 256 * MIB
    """All answers that nobody has taken yet, together; one address alone gets half of what is left."""

    head_bytes_max: int = 64 * 1024
    head_seconds: float = 10
    """Half-sent headers hold a socket no longer than this."""

    body_seconds: float = 30
    send_seconds: float = 30
    """How long a client may take for the next quarter of a megabyte of its answer."""

    keep_alive_seconds: int = 30
    """An idle connection stays this long, so that the next sync needs no new one."""

    sockets_max: int = 5_000
    sockets_per_guest_max: int = 16
    """Of one device, or of one person's pages: more are a mistake that would keep others out."""

    message_bytes_max: int = MIB
    """What a device pushes over its socket at once; larger batches go by ``POST /sync``."""

    ping_seconds: float = 20
    """How often a socket is asked for a sign of life, and how long it may take: then it is taken to be half open."""

    session_days: int = 30
    """How long someone stays signed in after the last visit."""

    session_days_max: int = 90
    """And how long in any case: a session that somebody else has got hold of ends as well."""

    argon2_time_cost: int = 3
    argon2_memory_kib: int = 64 * 1024
    argon2_parallelism: int = 4
    """RFC 9106's second recommendation: about 50 ms per password. Tests use less."""

    log_format: str = "text"
    """Or ``json``, for what collects the logs of many."""

    log_level: str = "warning"
    """``info`` has a line for each request, sync and socket, ``error`` only what failed. Lower ones tell too much."""

    metrics_token: str = ""
    """Who shows it reads ``GET /metrics``. Without one there is no such page: it tells how much a server is used."""

    testing: bool = False
    """What fails in a view fails in the test that called it."""

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> Config:
        instance = Path(environ.get("INSTANCE_PATH") or ROOT / "instance").resolve()
        instance.mkdir(mode=0o700, parents=True, exist_ok=True)
        database_url = environ.get("DATABASE_URL") or f"sqlite:///{instance / 'offbook.db'}"
        if database_url.partition("?")[0] in ("sqlite://", "sqlite:///", "sqlite:///:memory:"):
            raise ValueError("SQLite in memory ends with its process: name a file in DATABASE_URL.")
        return cls(
            instance_path=instance,
            database_url=database_url,
            live_url=environ.get("LIVE_URL") or cls.live_url,
            secret_key=environ.get("SECRET_KEY") or kept_secret(instance / "secret_key"),
            host=environ.get("HOST") or cls.host,
            port=whole_number(environ, "PORT", cls.port, 65_535),
            trusted_proxies=whole_number(environ, "TRUSTED_PROXIES", cls.trusted_proxies),
            book_photos_mib=whole_number(environ, "BOOK_PHOTOS_MIB", cls.book_photos_mib),
            carddav_stale=one_of(environ, "CARDDAV_STALE", ("merge", "refuse"), cls.carddav_stale),
            blob_url=checked_blob_url(environ.get("BLOB_URL") or cls.blob_url),
            allowed_hosts=tuple(environ.get("ALLOWED_HOSTS", "").replace(",", " ").split()),
            log_format=one_of(environ, "LOG_FORMAT", ("text", "json"), cls.log_format),
            log_level=one_of(environ, "LOG_LEVEL", ("info", "warning", "error"), cls.log_level),
            metrics_token=environ.get("METRICS_TOKEN") or cls.metrics_token,
        )


@dataclass(frozen=True)
class TestingConfig(Config):
    """For tests: a database in memory that ends with its app, a secret of its own, passwords that cost nothing."""

    database_url: str = "sqlite:///:memory:"
    secret_key: str = field(default_factory=lambda: secrets.token_hex(32))
    argon2_time_cost: int = 1
    argon2_memory_kib: int = 8
    argon2_parallelism: int = 1
    testing: bool = True


def development() -> Config:
    """What the server runs on, with a line in its log for each request."""
    return replace(Config.from_environment(), log_level="info")


CONFIGS: Mapping[str, Callable[[], Config]] = {
    "default": Config.from_environment,
    "production": Config.from_environment,
    "development": development,
    "testing": TestingConfig,
}
"""The configurations by name."""


def config_named(name: str) -> Config:
    """Raises ValueError where there is none of this name."""
    if name not in CONFIGS:
        raise ValueError(f"There is no configuration {name!a}: it may be {', '.join(CONFIGS)}.")
    return CONFIGS[name]()


def whole_number(environ: Mapping[str, str], name: str, default: int, most: int = 99_999) -> int:
    """A setting that counts something. Raises ValueError, with a sentence for whoever set it."""
    text = environ.get(name) or str(default)
    if not (text.isascii() and text.isdigit() and len(text) < 6 and int(text) <= most):
        raise ValueError(f"{name} must be a whole number from 0 to {most}, not {text!a}.")
    return int(text)


def checked_blob_url(url: str) -> str:
    """Where photos go. Raises ValueError, with a sentence for whoever set it."""
    if url != "db:" and blob_folder(url) is None:
        raise ValueError(f"BLOB_URL must be db: or the whole path of a folder like file:///srv/photos, not {url!a}.")
    return url


def blob_folder(url: str) -> Path | None:
    """The folder that a setting of BLOB_URL names; None where it is the database."""
    parts = urlsplit(url)
    is_folder = parts.scheme == "file" and not (parts.netloc or parts.query or parts.fragment)
    return Path(unquote(parts.path)) if is_folder and parts.path.startswith("/") else None


def one_of(environ: Mapping[str, str], name: str, names: Sequence[str], default: str) -> str:
    """A setting that is one of a few words. Raises ValueError, with a sentence for whoever set it."""
    word = (environ.get(name) or default).lower()
    if word not in names:
        raise ValueError(f"{name} must be one of {', '.join(names)}, not {word!a}.")
    return word


def kept_secret(path: Path) -> str:
    """The secret in the file, which is made on first use; only its owner may read it. Raises ValueError.

    Written aside and linked into place when it is on the disk: of two processes that start together one makes it, and
    both read it whole.
    """
    if not path.exists():
        try:
            _make_secret(path)
        except OSError as error:
            raise ValueError(f"{path} can't be made: {error.strerror}.") from None
    secret = path.read_text().strip()
    if not secret:
        raise ValueError(f"{path} is empty: delete it, and a new secret is made. Everyone signs in once more then.")
    return secret


def _make_secret(path: Path) -> None:
    handle, draft = tempfile.mkstemp(dir=path.parent)  # mode 600
    try:
        with os.fdopen(handle, "w") as file:
            file.write(secrets.token_hex(32) + "\n")
            file.flush()
            os.fsync(handle)
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
    finally:
        os.unlink(draft)
