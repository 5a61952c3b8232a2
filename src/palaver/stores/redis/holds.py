"""The hold of a running turn: whose it is, for how long, and whether it was asked to stop.

It is apart from the turn because a worker's ticks and renewals look at it and nothing else; it is gone when the turn has
ended. Renewals do not change the revision of the conversation: who ends a turn because its lease is over names the lease.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from palaver.stores.endings import has_expired
from palaver.stores.redis.server import Command
from palaver.stores.redis.session import Session
from palaver.stores.redis.stored import StoredTurn

KIND = "hold"


class Hold(NamedTuple):
    """``until`` and ``lease`` in microseconds."""

    fence: int
    until: int
    lease: int
    stop: str | None


def token(tenant_id: str, fence: int) -> str:
    """Return what a writer shows: its fence, and whose turn it means."""
    return f"{fence}:{tenant_id}"


def look(db: Session, turn_id: str) -> Command:
    """Return the command that reads a hold."""
    return ("HMGET", db.keys.of(KIND, turn_id), "fence", "until", "lease", "stop")


def hold_of(answer: Sequence[bytes | None]) -> Hold | None:
    """Return what was read."""
    fence, until, lease, stop = answer
    if fence is None or until is None or lease is None:
        return None
    return Hold(int(fence.partition(b":")[0]), int(until), int(lease), None if stop is None else stop.decode())


async def find_hold(db: Session, turn_id: str) -> Hold | None:
    """Return the hold of a turn, if it runs."""
    (answer,) = await db.ask(look(db, turn_id))
    return hold_of(answer)


def grant(db: Session, turn: StoredTurn) -> None:
    """Give a turn that runs from now on its hold."""
    hold = ("fence", token(turn.tenant_id, turn.fence), "until", turn.lease_until or 0, "lease", turn.lease_micros or 0)
    db.write("HSET", db.keys.of(KIND, turn.id), *hold)


def ask_to_stop(db: Session, turn_id: str, reason: str) -> None:
    """Ask a running turn to stop; the first reason stays."""
    db.write("HSETNX", db.keys.of(KIND, turn_id), "stop", reason)
    db.news.add(turn_id)


def is_over(db: Session, turn: StoredTurn, hold: Hold | None) -> bool:
    """Whether the worker of a turn let its lease run out."""
    return has_expired(turn.status, hold.until if hold else turn.lease_until, db.now)
