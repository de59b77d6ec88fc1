"""What the command prints for people: tables, times, the bar."""

from __future__ import annotations

import io

import pytest

from offbook.cli.output import ProgressBar, cut, format_pairs, format_table, format_time, short_ids, width
from offbook.core.formatting import format_count
from offbook.sync.session import SyncReport


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("text", "columns"), [("Ada", 3), ("Zoë", 3), ("Zoe\u0308", 3), ("東京", 4), ("", 0)])
def test_the_width_of_a_text_is_what_a_terminal_shows(text: str, columns: int) -> None:
    assert width(text) == columns


def test_columns_stand_below_each_other() -> None:
    assert format_table(("A", "B"), [("東京", "1"), ("Zoë", "2")]) == ["A     B", "東京  1", "Zoë   2"]


def test_a_table_is_cut_to_its_terminal_and_nowhere_else() -> None:
    row = ("x" * 100, "y" * 100)
    assert format_table(("A", "B"), [row])[1] == f"{row[0]}  {row[1]}"
    lines = format_table(("A", "B"), [row], columns_max=60)
    assert max(map(width, lines)) <= 60
    assert lines[1].startswith("x" * 39 + "…")


def test_a_cut_never_halves_a_wide_letter() -> None:
    assert cut("東京都", 4) == "東…"


def test_ids_are_as_short_as_tells_them_apart() -> None:
    assert short_ids(["aaaaaaaa-bb", "aaaaaaaa-bc"]) == {"aaaaaaaa-bb": "aaaaaaaa-bb", "aaaaaaaa-bc": "aaaaaaaa-bc"}
    assert short_ids(["aaaaaaaa-bb"]) == {"aaaaaaaa-bb": "aaaaaaaa"}


def test_further_lines_of_a_text_stand_below_its_first() -> None:
    assert format_pairs([("Notes", "one\ntwo"), ("Id", "")]) == ["Notes  one", "       two", "Id     "]


def test_numbers_and_times_are_said_as_people_do() -> None:
    assert (format_count(1, "change"), format_count(2000, "change")) == ("1 change", "2,000 changes")
    assert format_count(0, "is", "are") == "0 are"
    assert format_time(None) == "never"
    assert format_time("whenever") == "whenever"


def test_a_long_sync_shows_a_bar_on_a_terminal() -> None:
    terminal = Terminal()
    with ProgressBar(terminal, after_seconds=0) as bar:
        bar.update(SyncReport(pushed=1000), 2000)
        bar.update(SyncReport(pushed=3000, pulled=12), 0)
    assert "3,000 sent, 12 received" in terminal.getvalue()


def test_no_bar_is_shown_where_a_sync_is_short_or_no_terminal_is_there() -> None:
    terminal, file = Terminal(), io.StringIO()
    for stream, seconds in ((terminal, 60), (file, 0)):
        with ProgressBar(stream, seconds) as bar:
            bar.update(SyncReport(pushed=1), 1)
    assert terminal.getvalue() == file.getvalue() == ""


def test_colours_are_left_out_where_nobody_wants_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    terminal = Terminal()
    with ProgressBar(terminal, after_seconds=0) as bar:
        bar.update(SyncReport(pushed=1), 1)
    assert "\x1b[3" not in terminal.getvalue().replace("\x1b[?", "")
