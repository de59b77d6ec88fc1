"""Commands for admins: ``flask user|device|book|stream|tables|backup|restore|move|doctor|vacuum …``.

Everything here goes through a store, as the pages do. A new command is a function in one of these files, and a line in
COMMANDS. Each is imported when it is called: a server needs none of them, and a command none of the others.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from importlib import import_module
from types import MappingProxyType
from typing import cast

import click
from flask import Flask
from flask.cli import AppGroup

COMMANDS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "user": ("cli.users", "user"),
        "device": ("cli.devices", "device"),
        "book": ("cli.books", "book"),
        "stream": ("cli.streams", "stream"),
        "tables": ("cli.tables", "tables"),
        "backup": ("cli.backup", "make_backup"),
        "restore": ("cli.backup", "restore_backup"),
        "move": ("cli.move", "move"),
        "doctor": ("cli.maintenance", "doctor"),
        "vacuum": ("cli.maintenance", "vacuum"),
    }
)
"""The module of each command, and its function there."""


class Commands(AppGroup):
    """Commands that are loaded when they are looked up."""

    def __init__(self, name: str, loaders: Mapping[str, Callable[[], click.Command]]) -> None:
        super().__init__(name)
        self._loaders = loaders

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*self._loaders, *super().list_commands(ctx)})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in self._loaders and cmd_name not in self.commands:
            self.add_command(self._loaders[cmd_name](), cmd_name)
        return super().get_command(ctx, cmd_name)


def register(app: Flask, **others: Callable[[], click.Command]) -> None:
    """Add the commands to ``flask``, and ``others``, whose loaders these are."""
    app.cli = Commands(app.name, {**{name: partial(_load, *place) for name, place in COMMANDS.items()}, **others})


def _load(module: str, function: str) -> click.Command:
    return cast(click.Command, getattr(import_module(module), function))
