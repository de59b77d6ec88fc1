"""The files that pages load are asked for once, and again when one of them changed."""

from __future__ import annotations

import re
from pathlib import Path

from app import STATIC
from tests.support.browser import Browser, app_on
from web.assets import url_of


def test_a_file_that_changed_changes_the_url_of_all(tmp_path: Path) -> None:
    (tmp_path / "css").mkdir()
    seen = {url_of(tmp_path)}
    for name, text in (("css/a.css", ""), ("css/a.css", "a"), ("css/b.css", "a"), ("b.css", "a")):
        (tmp_path / name).write_text(text)
        seen.add(url_of(tmp_path))
    (tmp_path / "b.css").unlink()
    assert len(seen) == 5
    assert url_of(tmp_path) in seen


def test_a_browser_keeps_them_for_a_year_and_no_cookie_with_them(ada: Browser) -> None:
    answer = ada.get(f"{url_of(STATIC)}/css/app.css")
    assert answer.headers["Cache-Control"] == "public, max-age=31536000"
    assert "Set-Cookie" not in answer.headers
    assert "Cookie" not in answer.headers["Vary"]


def test_a_page_names_them_by_the_url_that_changes_with_them(ada: Browser) -> None:
    named = re.findall(r'(?:href|src)="(/static/[^"]+)"', ada.get("/").text)
    assert len(named) > 3
    assert {path.rpartition("/static/")[2].partition("/")[0] for path in named} == {url_of(STATIC).rpartition("/")[2]}


def test_they_name_each_other_by_relative_urls_only() -> None:
    texts = [
        path.read_text() for path in STATIC.rglob("*") if path.suffix in (".css", ".js") and "vendor" not in path.parts
    ]
    assert [text for text in texts if re.search(r"""["'(]/static""", text)] == []


def test_whoever_works_on_them_sees_at_once_what_became_of_it(database_url: str) -> None:
    app = app_on(database_url)
    app.debug = True
    answer = app.test_client().get(f"{url_of(STATIC)}/css/app.css", buffered=True)
    assert answer.headers["Cache-Control"] == "no-cache"
