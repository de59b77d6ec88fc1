"""What an ingest says where it does not begin, or ends: sentences as those of offbook.core.messages."""

from __future__ import annotations

from offbook.core.messages import Message

# --- the URL and the headers -----------------------------------------------------------------------------------------

ODD_CHARACTERS = Message("bad_address", "A URL has neither spaces nor special characters: copy it again.")
OTHER_SCHEME = Message("bad_address", "A WebSocket's URL begins with {right}://, not {scheme}://.")
NOT_A_WEBSOCKET = Message(
    "bad_address", "The URL must begin with ws:// or wss:// and name a host, like wss://example.org/feed."
)
FRAGMENT = Message("bad_address", "A WebSocket's URL has no part behind a #: leave it out.")
NO_PASSWORD = Message("bad_address", "The URL names a user without a password: USER:PASSWORD@HOST, or better a header.")
BAD_HEADER = Message("bad_address", "A header is NAME: VALUE on one line, like Authorization: Bearer TOKEN.")
HEADER_OF_HANDSHAKE = Message(
    "bad_address", "The header {name} is a part of every WebSocket's beginning and can't be chosen."
)

# --- the file --------------------------------------------------------------------------------------------------------

NO_STREAM = Message("not_a_stream", "{path} holds something else than a stream: name another file with --db.")
NEWER_STREAM = Message(
    "not_a_stream", "{path} was written by a later offbook: install that, or name another file with --db."
)
FILE_REPLACED = Message("unkept", "{path} was deleted, moved or replaced while it was written to: start again.")
FILE_LOCKED = Message("occupied", "Another process (its number is {process}) writes to {path}.")
OTHER_STREAM = Message(
    "other_stream",
    "{path} holds the stream of {url}. Name another file with --db; or say --moved, if this is the same stream at a "
    "new address.",
)
FILE_TAKEN = Message("occupied", "This ingest was suspended for so long that another one took {path} over.")

# --- why there is no connection --------------------------------------------------------------------------------------

PROXY_REFUSES = Message(
    "offline", "The proxy {proxy}, which the environment names, answered {status}{phrase}, and lets nothing through."
)
PROXY_UNUSABLE = Message("offline", "The proxy {proxy}, which the environment names, can't be used.")
NOT_TRUSTED = Message("unwelcome", "Its certificate is not trusted: {reason}.")
NO_TLS = Message("unwelcome", "It does not speak TLS as wss:// needs it.")
NO_WEBSOCKET = Message("unwelcome", "What answers there is no WebSocket.")
PROXY_SILENT = Message(
    "offline", "The proxy {proxy}, which the environment names, gave no answer within {seconds:g} seconds."
)
PROXY_NOT_REACHED = Message("offline", "The proxy {proxy}, which the environment names, can't be reached.")
SILENT = Message("offline", "No answer within {seconds:g} seconds.")
UNKNOWN_HOST = Message("offline", "The host is not known, or this machine is offline.")
BROKE_OFF_EARLY = Message("offline", "It broke the connection off before it had answered.")
NOT_REACHED = Message("offline", "It can't be reached: {reason}.")
FAILED = Message("offline", "It can't be reached ({kind}).")
MESSAGE_TOO_LARGE = Message("offline", "It sent a message of more than {most:g} MiB, which was refused.")
NOT_UTF8 = Message("offline", "It sent a text that is not UTF-8.")
RULES_BROKEN = Message("offline", "It broke the rules of WebSocket.")
NO_PING = Message("offline", "It answered no ping for {seconds:g} seconds.")
BROKE_OFF = Message("offline", "The connection broke off.")
CLOSED = Message("offline", "It closed the connection with {code}{reason}.")
MOVED = Message(
    "unwelcome",
    "It answered {status}{phrase}: the stream is at another address now. None is followed, so that no token goes "
    "astray.",
)
TOKEN_WANTED = Message(
    "not_authorized", "It answered {status}{phrase}: it wants a token, or another one. See --header."
)
ANSWERED_SO = Message("offline", "It answered {status}{phrase}.")
CHECK_URL = Message("unwelcome", "It answered {status}{phrase}: check the URL.")
