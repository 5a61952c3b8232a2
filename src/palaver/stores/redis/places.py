"""Places in the order of making: a counter for each kind of thing. A place that is not used is left out."""

from __future__ import annotations

from palaver.stores.redis.server import Command
from palaver.stores.redis.session import Session
from palaver.stores.redis.stored import Stored


def next_place(db: Session, kind: type[Stored]) -> Command:
    """Return the command that gives the next place."""
    return ("INCR", _counter(db, kind))


async def take_place(db: Session, kind: type[Stored]) -> int:
    """Return the next place."""
    (n,) = await db.ask(next_place(db, kind))
    return int(n)


async def reserve(db: Session, kind: type[Stored], n: int) -> None:
    """What is made from now on comes behind a place."""
    key = _counter(db, kind)
    while True:
        (kept,) = await db.ask(("GET", key))
        if int(kept or 0) >= n or await db.server.run(
            db.server.script("move", [key], 1, kept or "", 2, "GET", key, 3, "SET", key, n)
        ):
            return


def _counter(db: Session, kind: type[Stored]) -> str:
    return db.keys.named(f"places:{kind.KIND}")
