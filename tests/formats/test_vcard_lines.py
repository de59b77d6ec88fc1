"""The lines of cards: what is taken for a card and a property, whatever program wrote it, and in which time."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offbook.formats.vcard import lines
from offbook.formats.vcard.lines import LINE_MAX, RawCard, split_cards
from offbook.formats.vcard.syntax import PARAMS_MAX, Property, escape, parse_line, split, unescape, unescape_uri


def cards(data: bytes | str) -> list[RawCard]:
    return list(split_cards(io.BytesIO(data.encode() if isinstance(data, str) else data)))


def texts(data: bytes | str) -> list[str | None]:
    """The lines of the one card that this is the inside of."""
    inside = data.encode() if isinstance(data, str) else data
    (card,) = cards(b"BEGIN:VCARD\r\n" + inside + b"\r\nEND:VCARD\r\n")
    return [text for _, text in card.lines]


def parsed(line: str) -> Property:
    property_ = parse_line(line, 1)
    assert property_ is not None
    return property_


# --- cards -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("end", ["\r\n", "\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_a_file_is_read_in_any_encoding_and_with_any_line_ends(encoding: str, end: str) -> None:
    text = end.join(["BEGIN:VCARD", "FN:Zoë 山😀", " x", "END:VCARD", "", "begin:vcard", "FN:b", "end:vcard "])
    assert [card.lines for card in cards(text.encode(encoding))] == [[(2, "FN:Zoë 山😀x")], [(7, "FN:b")]]


def test_a_card_has_an_end_however_many_lines_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "LINES_MAX", 5)
    monkeypatch.setattr(lines, "PHYSICAL_LINES_MAX", 8)
    whole, cut, nested, next_ = cards(
        "BEGIN:VCARD\n" + "A:1\n" * 5 + "END:VCARD\n"
        "BEGIN:VCARD\n" + "A:1\n" * 6 + "END:VCARD\n"
        "BEGIN:VCARD\nAGENT:\nBEGIN:VCARD\n" + "A:1\n" * 9 + "END:VCARD\n" + "B:2\n" * 9 + "END:VCARD\n"
        "BEGIN:VCARD\nA:1\n" + " 2\n" * 8 + "END:VCARD\n"
    )  # fmt: skip
    assert [(len(card.lines), card.is_cut) for card in (whole, cut, next_)] == [(5, False), (5, True), (1, True)]
    assert nested.is_cut
    assert all(card.has_end for card in (whole, cut, nested, next_))


def test_what_is_outside_of_cards_is_one_line_however_much_it_is() -> None:
    first, card, second = cards("\n \nx\n" + "y\n" * 1000 + "BEGIN:VCARD\nFN:Ada\nEND:VCARD\n\n\nz\n")
    assert (first.row, first.lines, first.has_begin) == (3, [(3, "x")], False)
    assert (card.row, card.has_begin) == (1004, True)
    assert (second.row, second.lines) == (1009, [(1009, "z")])


def test_a_line_end_is_one_where_it_falls_between_two_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "BEGIN:VCARD\r\nFN:a\r\nNOTE:b\r\n c\r\nEND:VCARD\r\n"
    expected = cards(text)
    for size in range(1, 9):
        monkeypatch.setattr(lines, "CHUNK", size)
        assert cards(text) == expected


def test_other_encodings_are_read_card_by_card() -> None:
    data = "BEGIN:VCARD\nFN:Zoë\nEND:VCARD\n"
    both = cards(data.encode("cp1252") + data.encode())
    assert [card.lines[0][1] for card in both] == ["FN:Zoë", "FN:Zoë"]


def test_a_charset_is_that_of_its_line() -> None:
    data = "N;CHARSET=ISO-8859-2:Łódź".encode("iso-8859-2") + b"\nFN:" + "Łódź".encode() + b"\nNOTE;CHARSET=x:\xe9"
    assert texts(data) == ["N;CHARSET=ISO-8859-2:Łódź", "FN:Łódź", "NOTE;CHARSET=x:é"]


@pytest.mark.parametrize("charset", ["cp037", "utf-7", "unicode_escape", "zlib", "hex", "idna", "\0"])
def test_a_charset_that_no_card_is_in_is_not_obeyed(charset: str) -> None:
    (text,) = texts(f"NOTE;CHARSET={charset}:abc")
    assert text is not None
    assert text.endswith(":abc")


def test_lines_are_unfolded_before_they_are_decoded() -> None:
    assert texts(b"NOTE:x\xc3\r\n \xbcy\r\n\tz") == ["NOTE:xüyz"]


def test_a_fold_of_2_1_keeps_its_space() -> None:
    """vCard 2.1, section 2.1.3: only where a space was could a line be folded."""
    assert texts("VERSION:2.1\nNOTE:one\n two") == ["VERSION:2.1", "NOTE:one two"]
    assert texts("VERSION:3.0\nNOTE:one\n two") == ["VERSION:3.0", "NOTE:onetwo"]


def test_a_line_of_spaces_is_a_fold() -> None:
    assert texts("NOTE:a\n  \n  b\nFN:c") == ["NOTE:a  b", "FN:c"]


def test_a_soft_break_is_no_end_of_a_line() -> None:
    quoted = "NOTE;ENCODING=QUOTED-PRINTABLE:a=\n=C3=\n=BC:b=\n\nFN:c"
    assert [text and parsed(text).value for text in texts(quoted)] == ["aü:b", "c"]
    assert texts("NOTE:a=\nFN:c") == ["NOTE:a=", "FN:c"]


@pytest.mark.parametrize("head", ["PHOTO;ENCODING=BASE64;PNG:", "PHOTO;TYPE=JPEG;ENCODING=b:", "PHOTO;BASE64:"])
@pytest.mark.parametrize("lines", ["\nQUJD\nREVG\n", "QUJD\nREVG\n\n", "\n QUJD\n REVG", "QUJD\n REVG"])
def test_base64_goes_on_without_folds_until_an_empty_line(head: str, lines: str) -> None:
    photo, name = texts(f"VERSION:2.1\n{head}{lines}\nFN:c")[1:]
    assert photo is not None
    assert (parsed(photo).value, name) == ("QUJDREVG", "FN:c")


def test_what_is_no_base64_does_not_go_on() -> None:
    assert texts("PHOTO;ENCODING=b:QUJD\nno line\nFN:c") == ["PHOTO;ENCODING=b:QUJD", "no line", "FN:c"]
    assert texts("X-B:QUJD\nREVG") == ["X-B:QUJD", "REVG"]


def test_a_card_without_an_end_ends_where_the_next_begins() -> None:
    first, second = cards("BEGIN:VCARD\nFN:a\nBEGIN:VCARD\nFN:b\n")
    assert (first.lines, first.has_end) == ([(2, "FN:a")], False)
    assert (second.row, second.lines, second.has_end) == (3, [(4, "FN:b")], False)


def test_what_stands_outside_of_cards_is_told_once_for_each_gap() -> None:
    found = cards("x\ny\nBEGIN:VCARD\nEND:VCARD\n\n  \nEND:VCARD\nBEGIN:VCARD\nEND:VCARD\n")
    assert [(card.row, card.has_begin) for card in found] == [(1, False), (3, True), (7, False), (8, True)]


def test_a_mark_inside_a_value_is_none() -> None:
    assert texts("NOTE:a\n END:VCARD\n BEGIN:VCARD") == ["NOTE:aEND:VCARDBEGIN:VCARD"]


def test_a_card_inside_a_card_is_the_value_of_agent() -> None:
    (card,) = cards("BEGIN:VCARD\nFN:a\nAGENT:\nBEGIN:VCARD\nFN:b;c\nEND:VCARD\nTEL:1\nEND:VCARD\n")
    agent = parsed(card.lines[1][1] or "")
    assert [text for _, text in card.lines[::2]] == ["FN:a", "TEL:1"]
    assert unescape(agent.value).split() == ["BEGIN:VCARD", "FN:b;c", "END:VCARD"]


def test_a_nul_is_a_character_that_could_not_be_read() -> None:
    assert texts("FN:a\0b\nNOTE:c\n d") == ["FN:a\ufffdb", "NOTE:cd"]


# --- limits ----------------------------------------------------------------------------------------------------------


def test_a_line_that_is_too_long_is_left_out_and_the_rest_is_read() -> None:
    long = b"x" * (LINE_MAX + 1)
    assert texts(b"FN:a\nNOTE:" + long + b"\nTEL:1") == ["FN:a", None, "TEL:1"]
    assert texts(b"FN:a\nNOTE:" + b"\n ".join([long[: LINE_MAX // 4]] * 5) + b"\nTEL:1") == ["FN:a", None, "TEL:1"]


def test_a_header_has_a_limit_of_parameters_and_of_length() -> None:
    assert parse_line("TEL" + ";A=1" * PARAMS_MAX + ":1", 1)
    assert parse_line("TEL" + ";A=1" * (PARAMS_MAX + 1) + ":1", 1) is None
    assert parse_line(f"TEL;A={'x' * 10_000}:1", 1) is None


HOSTILE = {
    "parameters": b"TEL" + b";B" * 500_000 + b"\n",
    "parameters before base64": b"TEL" + b";B" * 500_000 + b":1\n" + b"QUJD\n" * 1000,
    "quotes": b'TEL;A="' + b'";"' * 300_000 + b"\n",
    "types": b"TEL;TYPE=" + b"a," * 500_000 + b":1\n",
    "backslashes": b"N:" + b"\\" * 1_000_001 + b";\n",
    "semicolons": b"N:" + b";" * 1_000_000 + b"\n",
    "soft breaks": b"NOTE;ENCODING=QUOTED-PRINTABLE:" + b"=\n" * 300_000 + b"\n",
    "beginnings": b"BEGIN:VCARD\n" * 100_000,
    "agents": b"AGENT:\nBEGIN:VCARD\n" * 50_000,
    "folds": b"NOTE:x\n" + b" \n" * 400_000,
    "empty lines": b"\n" * 1_000_000,
    "a line without a colon": b"X" * 1_000_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_lines_end_in_linear_time(name: str) -> None:
    """A megabyte each: what grows with its square would take minutes."""
    begin = time.process_time()
    for card in cards(b"BEGIN:VCARD\n" + HOSTILE[name] + b"END:VCARD\n"):
        for row, text in card.lines:
            property_ = parse_line(text or "", row)
            if property_:
                split(property_.value, ";")
    assert time.process_time() - begin < 5


# --- properties ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "name", "params"),
    [
        ("tel;type=home;Type=VOICE:1", "TEL", {"TYPE": ["home", "voice"]}),
        ('TEL;TYPE="voice,home";PREF=1:1', "TEL", {"TYPE": ["voice", "home"], "PREF": ["1"]}),
        ("TEL;HOME;PREF:1", "TEL", {"TYPE": ["home", "pref"]}),
        ("PHOTO;URL:1", "PHOTO", {"VALUE": ["url"]}),
        ("LOGO;BASE64;PNG:1", "LOGO", {"ENCODING": ["b"], "TYPE": ["png"]}),
        ("N;LANGUAGE=de;CHARSET=UTF-8;ENCODING=8BIT:1", "N", {"LANGUAGE": ["de"]}),
        ('X-A;B="c:d;e,f",g:1', "X-A", {"B": ["c:d;e,f", "g"]}),
        ("ADR;LABEL=a^nb^^c^'d^x:1", "ADR", {"LABEL": ['a\nb^c"d^x']}),
        ('X-A;B="open:1', "X-A", {"B": ["open"]}),
        ("TEL;X-EVOLUTION-E164=+49:1", "TEL", {}),
        ("TEL;;TYPE=:1", "TEL", {"TYPE": []}),
    ],
)
def test_parameters_are_read_in_every_form(line: str, name: str, params: dict[str, list[str]]) -> None:
    property_ = parsed(line)
    assert (property_.name, property_.value) == (name, "1")
    assert {name: list(values) for name, values in property_.params} == params


def test_a_group_is_kept_apart_from_the_name() -> None:
    assert parsed("item1.X-ABLabel:a")[::3] == ("X-ABLABEL", "item1")


@pytest.mark.parametrize("line", ["", ":", "no line", ";TYPE=a:1", "a b:1", 'TEL;TYPE="HOME";1', "ü:1", "TEL;a b=c:1"])
def test_what_is_no_property_is_none(line: str) -> None:
    assert parse_line(line, 1) is None


@pytest.mark.parametrize(
    ("quoted", "value"),
    [("=4D=C3=BC", "Mü"), ("a=0D=0Ab=0Ac", "a\\nb\\nc"), ("a=3Bb;c", "a\\;b;c"), ("a\\=3Bb", "a\\;b"), ("=E9", "é")],
)
def test_quoted_printable_is_decoded_and_separates_nothing(quoted: str, value: str) -> None:
    assert parsed(f"N;ENCODING=QUOTED-PRINTABLE:{quoted}").value == value


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a\\,b\\;c\\:d", "a,b;c:d"),
        ("a\\nb\\Nc", "a\nb\nc"),
        ("\\\\n", "\\n"),
        ("\\& C:\\temp", "& C:\\temp"),
        ("a\\", "a\\"),
    ],
)
def test_escapes_are_undone(value: str, text: str) -> None:
    assert unescape(value) == text


def test_a_colon_of_a_uri_may_be_escaped_again_and_again() -> None:
    assert unescape_uri("https\\\\\\://x") == "https://x"


@pytest.mark.parametrize(
    ("value", "texts"),
    [
        ("a;b;", ["a", "b", ""]),
        ("a\\;b;c", ["a;b", "c"]),
        ("a\\\\;b", ["a\\", "b"]),
        ("\\\\\\;;", ["\\;", ""]),
        ("", [""]),
    ],
)
def test_a_value_is_split_where_its_separator_is_not_escaped(value: str, texts: list[str]) -> None:
    assert split(value, ";") == texts


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r")), min_size=1, max_size=4))
def test_what_is_escaped_is_read_back(texts: list[str]) -> None:
    for separator in ";,":
        assert split(separator.join(map(escape, texts)), separator) == texts


# --- damage ----------------------------------------------------------------------------------------------------------

WHOLE = (
    "BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Ada\r\nNOTE:Zoë\r\n  folded\r\nEND:VCARD\r\n"
    "BEGIN:VCARD\r\nVERSION:2.1\r\nFN;ENCODING=QUOTED-PRINTABLE:B=\r\n=C3=BC\r\nPHOTO;ENCODING=BASE64:\r\nQUJD\r\n\r\n"
    "END:VCARD\r\n"
)


def damaged(data: bytes) -> Iterator[tuple[int, bytes]]:
    for index in range(len(data)):
        yield index, data[:index]
        for byte in (0, data[index] ^ 1, data[index] ^ 0x80, 0x0A):
            yield index, data[:index] + bytes([byte]) + data[index + 1 :]


def test_damage_anywhere_leaves_what_stands_before_it() -> None:
    """Lines that end before the place, and are not of another encoding because of it."""
    data = WHOLE.encode()
    whole = cards(data)
    for index, broken in damaged(data):
        found = cards(broken)
        if index > data.index(b"BEGIN", 1) and b"\0" not in broken[:1]:
            assert found[0] == whole[0], index
        for card in found:
            for row, text in card.lines:
                parse_line(text or "", row)


@given(st.binary(max_size=80))
def test_any_bytes_are_cards_or_none(data: bytes) -> None:
    for card in cards(b"BEGIN:VCARD\n" + data):
        for row, text in card.lines:
            parse_line(text or "", row)
