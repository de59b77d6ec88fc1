"""Reads the forms of a page as a browser without scripts does: names and values, in order; templates don't count."""

from __future__ import annotations

from html.parser import HTMLParser

Fields = dict[str, list[str]]


class Forms(HTMLParser):
    """Every form of a page by its action, with the values that it would send if nobody typed anything."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.forms: dict[str, Fields] = {}
        self._form: Fields | None = None
        self._templates = 0
        self._text: list[str] | None = None
        self.feed(page.replace("\r\n", "\n"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        have = {name: value or "" for name, value in attrs}
        if tag == "template":
            self._templates += 1
        elif tag == "form":
            self._form = self.forms.setdefault(have.get("action", ""), {})
        elif self._templates or self._form is None or "name" not in have:
            return
        elif tag == "input" and (have.get("type") not in ("checkbox", "radio") or "checked" in have):
            self._form.setdefault(have["name"], []).append(have.get("value", "").replace("\n", "\r\n"))
        elif tag == "textarea":
            self._text = []
            self._form.setdefault(have["name"], []).append("")
            self._name = have["name"]

    def handle_data(self, data: str) -> None:
        if self._text is not None:
            self._text.append(data)

    def handle_endtag(self, tag: str) -> None:
        if tag == "template":
            self._templates -= 1
        elif tag == "form":
            self._form = None
        elif tag == "textarea" and self._text is not None and self._form is not None:
            self._form[self._name][-1] = "".join(self._text).removeprefix("\n").replace("\n", "\r\n")
            self._text = None


def form_at(page: str, action: str) -> Fields:
    """The form that posts to this address, whatever search it carries along."""
    found = [fields for where, fields in Forms(page).forms.items() if where.partition("?")[0] == action]
    assert len(found) == 1, f"{len(found)} forms post to {action}"
    return found[0]
