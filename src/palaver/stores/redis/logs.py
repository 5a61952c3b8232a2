"""The log of a turn: a stream whose ids are the numbers of its events."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from palaver.events import Event
from palaver.stores.endings import Logged
from palaver.stores.keyset import END
from palaver.stores.redis.server import Command, flat
from palaver.stores.redis.session import Session

KIND = "log"


def read(db: Session, turn_id: str, after: int, limit: int | None = None) -> Command:
    """Return the command, for ``look.lua``, that reads a stretch."""
    some = () if limit is None else ("COUNT", limit)
    return ("XRANGE", db.keys.of(KIND, turn_id), f"{min(after, END) + 1}-0", "+", *some)


def end(db: Session, turn_id: str) -> Command:
    """Return the command, for ``look.lua``, that reads the last event."""
    return ("XREVRANGE", db.keys.of(KIND, turn_id), "+", "-", "COUNT", 1)


def size(db: Session, turn_id: str) -> Command:
    """Return the command that counts the events."""
    return ("XLEN", db.keys.of(KIND, turn_id))


def together(db: Session, *commands: Command) -> Command:
    """Return the command that runs several reads in one moment; the keys lie in one slot."""
    keys = list(dict.fromkeys(str(command[1]) for command in commands))
    return db.server.script("look", keys, *flat(commands))


async def whole(db: Session, turn_id: str) -> list[Logged]:
    """Return all events of a log."""
    ((answer,),) = await db.ask(together(db, read(db, turn_id, after=0)))
    return lines_of(answer)


def lines_of(answer: Sequence[Any] | None) -> list[Logged]:
    """Return what was read; of no events at all Redis says nothing."""
    return [_line(entry_id, dict(zip(fields[::2], fields[1::2], strict=True))) for entry_id, fields in answer or ()]


def _line(entry_id: bytes, fields: dict[bytes, bytes]) -> Logged:
    seq = int(entry_id.partition(b"-")[0])
    return Logged(event=Event(seq, fields[b"t"].decode(), fields[b"d"].decode()), at=int(fields[b"a"]))


def end_of(answer: Sequence[Any]) -> int | None:
    """Return the number of the last event; None where there is none."""
    return int(answer[0][0].partition(b"-")[0]) if answer else None


def write(db: Session, turn_id: str, events: Sequence[Event], at: int) -> None:
    """Log events that come behind what is there."""
    key = db.keys.of(KIND, turn_id)
    for event in events:
        db.write("XADD", key, f"{event.seq}-0", "t", str(event.type), "d", event.json, "a", at)


def drop(db: Session, turn_id: str) -> None:
    """Forget a log."""
    db.write("UNLINK", db.keys.of(KIND, turn_id))
