"""``book.settings``: a dict that stays in the file and is told to nobody."""

from __future__ import annotations

import pytest

from offbook import Replica
from tests.device.conftest import Device
from tests.device.fake_server import Server


@pytest.fixture
def book(device: Device) -> Replica:
    return device("a")


def test_a_setting_is_there_when_the_file_is_opened_again(book: Replica) -> None:
    book.settings["window"] = {"size": [800, 600], "is_wide": True}
    book.close()
    with Replica(book.path) as again:
        assert again.settings["window"] == {"size": [800, 600], "is_wide": True}


def test_settings_are_a_dict(book: Replica) -> None:
    book.settings.update(b=1, a="x")
    book.settings["b"] = 2
    assert dict(book.settings) == {"a": "x", "b": 2}
    del book.settings["a"]
    assert (len(book.settings), book.settings.get("a", 5)) == (1, 5)


def test_a_setting_that_is_not_there_is_a_key_error(book: Replica) -> None:
    with pytest.raises(KeyError, match="size"):
        book.settings["size"]
    with pytest.raises(KeyError, match="size"):
        del book.settings["size"]


def test_what_json_can_not_say_is_refused_and_changes_nothing(book: Replica) -> None:
    book.settings["size"] = 1
    with pytest.raises(TypeError):
        book.settings["size"] = object()
    with pytest.raises(ValueError, match="JSON"):
        book.settings["size"] = float("nan")
    assert book.settings["size"] == 1


def test_a_setting_is_told_to_nobody(book: Replica, server: Server) -> None:
    book.settings["token_of_something_else"] = "secret"
    book.sync()
    assert book.status().pending == 0
    assert "secret" not in str(server.requests)
