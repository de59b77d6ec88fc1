"""Other versions of offbook beside this one, in the same process: each is a set of modules of its own.

``last``, ``ungrown`` and ``early`` are the real code of versions of before, from git. The others are this version's
code with a declaration that has more, or less. A version's modules know only each other; Python's own and those of
libraries are shared by all.
"""

from __future__ import annotations

import importlib
import importlib.util
import io
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from bench.peers.commits import BEFORE_GROWTH
from tests.support.live_server import ROOT

LAST = "78f2304"
"""The commit of the last version: contacts are its only table, and nothing in it can be declared by an app."""

EARLY = "9321be1"
"""The commit of an earlier one: a device leaves out what it could not have typed itself, a backup is not sealed, and
what the tutorial's apps were served is not noted."""

Modules = dict[str, Any]
"""A version's modules by their names."""

FAMILY = ("offbook", "services", "storage", "tests.device.fake_server", "tests.support.memory_store")

LONGER = """

from dataclasses import replace

DETAIL_KINDS = (*DETAIL_KINDS, "gift")
_KIND, *_OTHERS = CONTACTS.maps[0].attributes
_OTHERS = [replace(one, limit=2 * one.limit) for one in _OTHERS]
CONTACTS = replace(
    CONTACTS,
    fields=tuple(replace(one, limit=2 * one.limit) for one in CONTACTS.fields),
    maps=(replace(CONTACTS.maps[0], attributes=(replace(_KIND, choices=DETAIL_KINDS), *_OTHERS)),),
)
BUILT_IN = Schema((CONTACTS, LABELS))
"""
"""A version that knows a kind more, and takes longer texts."""

MORE = (
    LONGER
    + """
_MORE = (Field("service", limit=50), Field("building", limit=50, shares="value"))
CONTACTS = replace(
    CONTACTS,
    fields=(*CONTACTS.fields, Field("pronouns", limit=50)),
    maps=(replace(CONTACTS.maps[0], attributes=(*CONTACTS.maps[0].attributes, *_MORE)),),
)
BOATS = Table("boats", (Field("name", required=True), Field("length", Type.INTEGER)))
BUILT_IN = Schema((CONTACTS, LABELS, BOATS))
"""
)
"""One that knows a field, an attribute, a part of an address and a table more, too."""

LESS = """

from dataclasses import replace

DETAIL_KINDS = ("phone", "email", "address")
_DETAILS = CONTACTS.maps[0]
CONTACTS = replace(
    CONTACTS,
    composite=None,
    fields=tuple(
        replace(one, limit=40 if one.name == "notes" else one.limit) for one in CONTACTS.fields if one.name != "company"
    ),
    maps=(
        replace(
            _DETAILS,
            attributes=tuple(
                replace(one, choices=DETAIL_KINDS) if one.name == "kind" else one
                for one in _DETAILS.attributes
                if one.name != "label"
            ),
        ),
    ),
)
BUILT_IN = Schema((CONTACTS, LABELS))
"""
"""A version that lacks kinds, a field and an attribute, takes notes of 40 characters at the most, and knows the cells
of a name each for itself."""


def last(folder: Path) -> Modules:
    """The device of the last version."""
    return _load(extract_version(folder, "offbook"), "offbook.live.session", "offbook.sync.http_connections")


def ungrown(folder: Path) -> Modules:
    """The device of the version before contacts grew."""
    folder = extract_version(folder, "offbook", commit=BEFORE_GROWTH)
    return _load(folder, "offbook.live.session", "offbook.sync.http_connections")


def early(folder: Path) -> Modules:
    """The device of an earlier one."""
    return _load(extract_version(folder, "offbook", commit=EARLY), "offbook.live")


def extract_version(folder: Path, *paths: str, commit: str = LAST) -> Path:
    """The folder, in which is now what a version had at these paths, or all of it."""
    archive = subprocess.run(["git", "archive", commit, *paths], cwd=ROOT, capture_output=True, check=True).stdout
    with tarfile.open(fileobj=io.BytesIO(archive)) as opened:
        opened.extractall(folder, filter="data")
    return folder


def changed(folder: Path, declaration: str) -> Modules:
    """This version with another declaration, and what serves it (tests.device.fake_server)."""
    shutil.copytree(ROOT / "offbook", folder / "offbook", ignore=shutil.ignore_patterns("__pycache__"))
    with (folder / "offbook" / "contacts" / "table.py").open("a") as file:
        file.write(declaration)
    return _load(folder, "offbook.live.session", "tests.device.fake_server")


def _load(folder: Path, *more: str) -> Modules:
    """All that is to be used of it: what a module loads later would be of this version, or where this one has none of
    that name, is the older one's."""
    with _apart(folder):
        for name in ("offbook.replica", *more):
            importlib.import_module(name)
        modules = {name: module for name, module in sys.modules.items() if _is_ours(name)}
    assert all(
        Path(str(module.__file__)).is_relative_to(folder) for name, module in modules.items() if "offbook" in name
    )
    sys.modules.update({name: modules[name] for name in more if importlib.util.find_spec(name) is None})
    return modules


@contextmanager
def _apart(folder: Path) -> Iterator[None]:
    """Imports in here find what lies in the folder first, and are nobody else's."""
    ours = _taken_out()
    sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        _taken_out()
        sys.modules.update(ours)


def _taken_out() -> dict[str, ModuleType]:
    return {name: sys.modules.pop(name) for name in list(sys.modules) if _is_ours(name)}


def _is_ours(name: str) -> bool:
    return any(name == one or name.startswith(f"{one}.") for one in FAMILY)
