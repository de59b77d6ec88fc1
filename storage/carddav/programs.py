"""What a device of CardDAV is: its program, and how many of the cards that it sent were not taken."""

from __future__ import annotations

from sqlalchemy import ColumnElement, select, update

from models import Base
from storage.engines.database import Database
from storage.values.accounts import CardProgramInfo, DeviceLogin

PROGRAMS = Base.metadata.tables["card_programs"]
P = PROGRAMS.c

PROGRAM_MAX, SEGMENT_MAX = 200, 255


class CardPrograms:
    """What is known of devices of CardDAV. What is noted here never fails the request on whose way it is."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of_devices(self, device_ids: list[int]) -> dict[int, CardProgramInfo]:
        """What is known of these devices, by their numbers; those that never used CardDAV are left out."""
        query = select(P.device_id, P.program, P.refused, P.segment, P.code, P.detail, P.refused_at)
        with self._database.read() as connection:
            rows = connection.execute(query.where(P.device_id.in_(device_ids))).all()
        return {device_id: CardProgramInfo(*values) for device_id, *values in rows}

    def note_program(self, login: DeviceLogin, program: str) -> None:
        """Note by what program the device syncs, where that is not known already."""
        known = self.of_devices([login.device.id]).get(login.device.id)
        program = _storable(program)[:PROGRAM_MAX]
        if known is None:
            self._add(login, program)
        elif known.program != program:
            self._database.note(update(PROGRAMS).where(*_is_of(login)).values(program=program))

    def note_refused(self, login: DeviceLogin, segment: str, code: str, detail: str, now_us: int) -> None:
        """Note that a card of the device was not taken, and why."""
        texts = {"segment": _storable(segment)[:SEGMENT_MAX], "code": code, "detail": _storable(detail)}
        values = {**texts, "refused_at": now_us}
        if login.device.id not in self.of_devices([login.device.id]):
            self._add(login)
        counted = update(PROGRAMS).where(*_is_of(login)).values(refused=P.refused + 1, **values)
        self._database.note(counted)

    def _add(self, login: DeviceLogin, program: str | None = None) -> None:
        row: dict[str, int | str] = {"device_id": login.device.id, "book_id": login.book_id}
        row |= {} if program is None else {"program": program}
        self._database.note(self._database.upsert(PROGRAMS, [*row]), row)


def _is_of(login: DeviceLogin) -> tuple[ColumnElement[bool], ...]:
    return P.device_id == login.device.id, P.book_id == login.book_id


def _storable(text: str) -> str:
    """The text without characters that some database does not take."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)
