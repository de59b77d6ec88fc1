"""What a request says in its path, its query, its form and of whom it is from: read here and nowhere else.

Engines differ in what they do with text that they can't hold, and with numbers over 63 bits. So no view gets either:
every value is looked at before any view is called, and a view that wants a number or an id asks for one.
Malformed names the value that is wrong. Bodies of JSON are offbook.core.protocol.json's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from flask import Flask, request
from werkzeug.datastructures import Authorization, MultiDict
from werkzeug.routing import BaseConverter, IntegerConverter

from offbook.core.cells.validation import UUID_TEXT
from offbook.core.errors import Malformed
from offbook.core.pictures import SHA256_TEXT
from offbook.core.protocol.requests import INTEGER_MAX, is_seq
from web.messages import api as messages

Default = TypeVar("Default")


@dataclass(frozen=True, slots=True)
class Values:
    """Texts by their names. Of several with one name the first counts."""

    source: Callable[[], MultiDict[str, str]]

    def __contains__(self, name: str) -> bool:
        return name in self.source()

    def text(self, name: str, default: Default) -> str | Default:
        """The text of this name; ``default`` where there is none."""
        return self.source().get(name, default)

    def number(
        self, name: str, default: Default, least: int = 0, most: int = INTEGER_MAX, code: str = "bad_number"
    ) -> int | Default:
        """Raises Malformed for what is no whole number in these bounds, an empty text too."""
        text = self.source().get(name)
        if text is None:
            return default
        if is_seq(text) and least <= int(text) <= most:
            return int(text)
        raise Malformed.of(messages.BAD_NUMBER._replace(code=code), name=name, least=least, most=most)

    def uuid(self, name: str, default: Default) -> str | Default:
        """Raises Malformed for what is no UUID; an empty text counts as none."""
        text = self.source().get(name)
        if not text:
            return default
        if UUID_TEXT.fullmatch(text):
            return text.lower()
        raise Malformed.of(messages.BAD_ID, name=name)

    def lists(self) -> Mapping[str, list[str]]:
        """Every text of every name, in order."""
        return self.source().to_dict(flat=False)


class Number(IntegerConverter):
    """The number of a row, in a path: ``<number:user_id>``. What is above 63 bits is 0, which no row has.

    To refuse it, as the converter of werkzeug may, would say that the address does not take the method.
    """

    regex = "[0-9]+"

    def to_python(self, value: str) -> int:
        return int(value) if is_seq(value) else 0


class Sha256(BaseConverter):
    """The hash of a blob, in a path: ``<hash:sha256>``."""

    regex = SHA256_TEXT.pattern


query = Values(lambda: request.args)
posted = Values(lambda: request.form)
posted_or_query = Values(lambda: request.values)


def authorization() -> Authorization | None:
    """Who the request says it is from. Werkzeug fails on a Basic header that is not ASCII: such a one names nobody."""
    return request.authorization if request.headers.get("Authorization", "").isascii() else None


def require_text_in_address() -> None:
    """Raise Malformed where the path or the query of this request holds what no engine takes as text."""
    path = request.view_args or {}
    _require_text("address", ((name, value) for name, value in path.items() if isinstance(value, str)))
    _require_text("address", request.args.items(multi=True))


def require_text_in_form() -> None:
    """As ``require_text_in_address``, for a form. To look for one uses up a body that is none: only pages call this."""
    _require_text("form", request.form.items(multi=True))


def _require_text(where: str, values: Iterable[tuple[str, str]]) -> None:
    """Werkzeug decodes all of them as UTF-8, and keeps escaped what is not: only NUL is left to look for."""
    for name, text in values:
        if "\0" in text or "\0" in name:
            shown = name.replace("\0", "")[:80]
            raise Malformed.of(messages.NUL_IN_REQUEST, name=shown, where=where)


def register(app: Flask) -> None:
    """Let paths have numbers, and look at all text before a view gets it."""
    app.url_map.converters["number"] = Number
    app.url_map.converters["hash"] = Sha256
    app.before_request(require_text_in_address)
