"""The log of a turn: a stream, in which the number of an event is its id."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from palaver.events import Event
from palaver.stores.endings import Logged
from palaver.stores.keyset import END
from palaver.stores.redis.session import Session, Wanted, answer

_PAGE = 1000


def logged(entry: Any) -> Logged:
    """Read an entry of a stream."""
    number, fields = entry
    _, kind, _, data, _, at = fields
    return Logged(event=Event(int(number.partition(b"-")[0]), kind.decode(), data.decode()), at=int(at))


@dataclass(frozen=True, slots=True)
class LogEnd:
    """How many events a log has, and the number of the last one."""

    length: int
    seq: int | None


def log_end(db: Session, turn_id: str) -> Wanted[LogEnd]:
    """Where the log of a turn ends."""
    key = db.keys.inside(turn_id, "log")

    def take(answers: Sequence[Any]) -> LogEnd:
        length, tail = answers
        return LogEnd(int(length), logged(tail[0]).event.seq if tail else None)

    return Wanted((("XLEN", key), ("XREVRANGE", key, "+", "-", "COUNT", 1)), take)


def stretch_of_log(db: Session, turn_id: str, after: int, limit: int) -> Wanted[list[Logged]]:
    """Up to ``limit`` events behind one."""
    if limit == 0:
        return Wanted((), lambda _: [])
    command = ("XRANGE", db.keys.inside(turn_id, "log"), f"({min(max(after, 0), END)}-0", "+", "COUNT", limit)
    return Wanted((command,), lambda answers: [logged(entry) for entry in answers[0]])


async def whole_log(db: Session, turn_id: str) -> list[Logged]:
    """All events. Nothing is written here if the log grew meanwhile."""
    found: list[Logged] = []
    after = 0
    while True:
        part = await db.one(stretch_of_log(db, turn_id, after, _PAGE))
        found += part
        if len(part) < _PAGE:
            break
        after = part[-1].event.seq
    db.check(str(len(found)), "XLEN", db.keys.inside(turn_id, "log"))
    return found


async def log_of_running(db: Session, turn_id: str) -> list[Event]:
    """All events, for who only reads."""
    found = await db.one(answer("XRANGE", db.keys.inside(turn_id, "log"), "-", "+"))
    return [logged(entry).event for entry in found]


def add_event(db: Session, turn_id: str, event: Event, at: int) -> None:
    """Append an event, which must come behind the last one."""
    key = db.keys.inside(turn_id, "log")
    db.do("XADD", key, f"{event.seq}-0", "t", str(event.type), "d", event.json, "a", at)
