"""The pages of streams: what admins see of the files that they named, and what of files that are not well."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from html import unescape
from pathlib import Path

import pytest
from click.testing import Result

from app import App
from offbook.core.stream_format import SECOND_US
from storage.values.streams import StreamGap, StreamMessage
from tests.support.browser import Browser, add_user, parts_of, signed_in
from tests.support.stream_files import URL, Written, shown, written
from web.pages.streams import MESSAGES, payload, spans_away
from web.presenters.bar_chart import Band, bands

pytestmark = pytest.mark.engines("sqlite")  # the stores behind it have tests on every database


@pytest.fixture
def boss(app: App) -> Browser:
    add_user(app, "ada", admin=True)
    return signed_in(app, "ada")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "harbour.db"


def text_of(browser: Browser, path: str) -> str:
    """The page's text, as people see it."""
    answer = browser.get(path)
    assert answer.status_code == 200
    return unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.text.partition("<main")[2])))


def path_of(app: App, file: Path) -> str:
    return f"/streams/{shown(app, file).id}"


# --- the list --------------------------------------------------------------------------------------------------------


def test_where_there_is_no_stream_the_commands_are_told(boss: Browser) -> None:
    page = text_of(boss, "/streams")
    assert "No stream yet" in page
    assert "offbook ingest wss://example.org/feed --db live_stream.db" in page
    assert "flask stream add live_stream.db" in page


def test_the_way_there_is_shown_to_admins_alone(app: App, boss: Browser) -> None:
    add_user(app, "bob")
    bob = signed_in(app, "bob")
    assert 'href="/streams"' in boss.get("/").text
    assert 'href="/streams"' in boss.get("/settings").text
    assert 'href="/streams"' not in bob.get("/").text + bob.get("/settings").text


def test_a_stream_is_listed_with_what_it_is_doing(app: App, boss: Browser, file: Path) -> None:
    now = parts_of(app).clock()
    rates = dict.fromkeys(range(60), 20000)
    with Written(file, now, ["a", "b"], rates, [(100, 90, "x")]).open():
        shown(app, file)
        page = text_of(boss, "/streams")
    assert f"harbour {URL} 2 messages " in page
    assert "1 gap Last message just now" in page
    assert "Receiving 20,000/s" in page
    assert '<svg class="spark"' in boss.get("/streams").text


def test_a_file_that_can_not_be_read_is_told_in_its_line_and_others_stand(app: App, boss: Browser, file: Path) -> None:
    now = parts_of(app).clock()
    for name in ("gone", "other", "well"):
        shown(app, written(file.with_stem(name), now))
    file.with_stem("gone").unlink()
    with closing(sqlite3.connect(file.with_stem("other"))) as connection:
        connection.execute("DROP TABLE stream")
    page = text_of(boss, "/streams")
    assert f"gone The file is gone. {file.with_stem('gone')} Can’t be read" in page
    assert "other It holds no stream of `offbook ingest`." in page
    assert f"well {URL} 0 messages" in page


# --- one stream ------------------------------------------------------------------------------------------------------


def test_a_stream_has_its_rate_over_time_as_a_picture_and_a_table(app: App, boss: Browser, file: Path) -> None:
    now = parts_of(app).clock()
    with Written(file, now, rates={90: 100, 91: 20, 7_300: 5_000}).open():
        path = path_of(app, file)
        hour, day, week = (boss.get(f"{path}?span={span}").text for span in ("hour", "day", "week"))
    assert '<h2 id="rate-head">Messages per minute</h2>' in hour
    assert hour.count('<g class="chart-day">') == hour.count('<th scope="row">') == 60
    assert "60 bars up to" in hour
    assert "120 messages in all" in hour
    assert "Messages per half hour" in day
    assert "5,120 messages in all" in day
    assert "Messages per 3 hours" in week
    assert week.count('<g class="chart-day">') == 56
    assert not re.search(r"\sstyle=|\son[a-z]+=|<style|<script(?! type=\"module\" src)", hour)


def test_when_it_was_away_is_drawn_and_listed_with_the_reason(app: App, boss: Browser, file: Path) -> None:
    now = parts_of(app).clock()
    with Written(file, now, gaps=[(200_000, 190_000, "long ago"), (600, None, "<b>broke</b> off\u202e")]).open():
        path = path_of(app, file)
        page = boss.get(path).text
    assert page.count('<rect class="chart-band"') == 1
    assert "&lt;b&gt;broke&lt;/b&gt; off\\u202e" in page
    assert "long ago" in page
    assert "until now" in page


def test_only_the_last_gaps_are_listed(app: App, boss: Browser, file: Path) -> None:
    now = parts_of(app).clock()
    gaps = [(1000 - number, 1000 - number, f"reason {number}") for number in range(30)]
    with Written(file, now, gaps=gaps).open():
        page = text_of(boss, path_of(app, file))
    assert "reason 29" in page
    assert "reason 19" not in page
    assert "The last 10 of 30." in page


def test_the_latest_messages_are_shown_and_older_ones_a_page_further(app: App, boss: Browser, file: Path) -> None:
    now = parts_of(app).clock()
    path = path_of(app, written(file, now, *(f"message {number}." for number in range(MESSAGES + 5))))
    first = boss.get(f"{path}?span=day")
    assert "message 5." in first.text
    assert "message 4." not in first.text
    older = re.search(r'rel="next" href="([^"]+)"', first.text)
    assert older
    second = boss.get(unescape(older[1]).partition("#")[0])
    assert "message 4." in second.text
    assert "message 5." not in second.text
    assert "Older messages" in second.text
    assert "Messages per half hour" in second.text
    assert 'rel="next"' not in second.text
    assert "Newest" in second.text


@pytest.mark.parametrize("before", ["0", str(2**63 - 1)])
def test_a_place_that_no_page_gave_harms_nothing(app: App, boss: Browser, file: Path, before: str) -> None:
    path = path_of(app, written(file, parts_of(app).clock(), "x"))
    assert boss.get(f"{path}?before={before}&span=nothing").status_code == 200


@pytest.mark.parametrize("before", ["-5", str(2**63), "x", ""])
def test_a_place_that_is_no_number_is_told_in_a_sentence(app: App, boss: Browser, file: Path, before: str) -> None:
    path = path_of(app, written(file, parts_of(app).clock(), "x"))
    page = boss.get(f"{path}?before={before}")
    assert page.status_code == 400
    assert "must be a whole number" in page.text


def test_what_a_message_says_does_nothing_to_the_page(app: App, boss: Browser, file: Path) -> None:
    path = path_of(
        app, written(file, parts_of(app).clock(), "<script>alert(1)</script>\x1b[2J\u202e", b"\x00\xff" * 500)
    )
    page = boss.get(path).text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;\\x1b[2J\\u202e" in page
    assert "<script>alert" not in page
    assert ("00 ff " * 16).strip() + "…" in page
    assert "1.0 kB, binary" in page


def test_a_file_that_went_away_says_so_and_how_to_be_rid_of_it(app: App, boss: Browser, file: Path) -> None:
    file = file.with_stem("a name")
    path = path_of(app, written(file, parts_of(app).clock()))
    file.unlink()
    page = text_of(boss, path)
    assert "The file is gone." in page
    assert f"flask stream remove '{file}'" in page


def test_a_file_of_a_later_version_says_so_whatever_its_tables_are(app: App, boss: Browser, file: Path) -> None:
    path = path_of(app, written(file, parts_of(app).clock(), "one"))
    with closing(sqlite3.connect(file)) as connection:
        connection.executescript("UPDATE stream SET version = 99; ALTER TABLE stream_data RENAME TO stream_messages")
    assert "later offbook" in text_of(boss, path)


def test_a_stream_that_nobody_named_is_not_there(app: App, boss: Browser) -> None:
    assert boss.get("/streams/33333333-3333-4333-8333-333333333333").status_code == 404


def test_a_writer_without_a_sign_of_life_is_told_of(app: App, boss: Browser, file: Path) -> None:
    now = parts_of(app).clock() - 300 * SECOND_US
    with Written(file, now).open():
        page = text_of(boss, path_of(app, file))
    assert "No sign of life" in page
    assert "has not signed it since 5 minutes ago" in page


# --- pure parts ------------------------------------------------------------------------------------------------------


def test_a_gap_that_lasts_reaches_until_now() -> None:
    assert spans_away([StreamGap(5, None, "x"), StreamGap(1, 2, "y")], 9) == [(5, 9), (1, 2)]


@pytest.mark.parametrize(
    ("stretch", "found"),
    [
        ((25, 50), [Band(25, 25)]),
        ((-50, 10), [Band(0, 10)]),
        ((90, 500), [Band(90, 10)]),
        ((-9, 900), [Band(0, 100)]),
        ((50, 50), []),
        ((-9, -1), []),
        ((100, 200), []),
    ],
)
def test_a_band_lies_where_its_time_is_and_inside_the_plot(stretch: tuple[int, int], found: list[Band]) -> None:
    assert bands([stretch], 0, 100) == found


def test_a_short_gap_is_wide_enough_to_be_seen_at_both_ends() -> None:
    for stretch in ((0, 1), (999_999, 1_000_000)):
        (band,) = bands([stretch], 0, 1_000_000)
        assert band.width >= 0.4
        assert 0 <= band.x <= 100 - band.width


def test_lines_of_a_message_stay_lines() -> None:
    assert payload(StreamMessage(1, "", 9, "one\ntwo\x00")) == "one\ntwo\\x00"
    assert payload(StreamMessage(1, "", 9, b"\x01\xab")) == "01 ab"


# --- by command ------------------------------------------------------------------------------------------------------


def run(app: App, *words: str) -> Result:
    return app.test_cli_runner().invoke(args=["stream", *words])


def test_an_admin_chooses_by_command_which_files_are_read(app: App, file: Path) -> None:
    written(file, parts_of(app).clock())
    assert run(app, "add", str(file)).stdout == f"The page Streams shows harbour now ({file}).\n"
    assert run(app, "list").stdout == f"harbour\t{file}\n"
    assert run(app, "remove", "harbour").stdout == f"The page Streams shows harbour no more ({file}).\n"
    assert run(app, "list").stdout == ""


def test_what_is_no_stream_is_refused_in_a_line(app: App, file: Path) -> None:
    refused = run(app, "add", str(file))
    assert (refused.exit_code, refused.stderr) == (1, f"Error: {file}: The file is gone.\n")
    refused = run(app, "remove", "nothing")
    assert (refused.exit_code, refused.stderr) == (1, "Error: 'nothing' names no stream: see `flask stream list`.\n")
