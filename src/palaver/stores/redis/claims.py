"""What only one can have: a name, an external id, a key that something is made with.

A claim says who has it and since when. It counts as long as its owner confirms it: in a cluster a process may die between
taking a claim and making what it is for, and then the claim is taken over.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

from palaver.errors import KeyReused
from palaver.stores.orders import Once
from palaver.stores.redis.session import Outrun, Session
from palaver.stores.redis.stored import S

_UNDER_WAY_MICROS = 20_000_000
"""Whoever takes a claim makes what it is for within this time, or has died: every command has a shorter time-out."""


@dataclass(frozen=True, slots=True)
class Claim:
    """Who has something; ``kept`` is how that is written, and ``fingerprint`` what it was asked for with."""

    owner_id: str
    since: int
    fingerprint: str
    kept: bytes


async def find_claim(db: Session, name: str) -> Claim | None:
    """Return a claim, confirmed or not."""
    (kept,) = await db.ask(("GET", db.keys.claim(name)))
    if kept is None:
        return None
    owner_id, since, fingerprint = json.loads(kept)
    return Claim(owner_id, since, fingerprint, kept)


def take(db: Session, name: str, owner_id: str, before: Claim | None, fingerprint: str = "") -> None:
    """Take a claim as part of the step."""
    kept = json.dumps([owner_id, db.now, fingerprint])
    db.take(db.keys.claim(name), None if before is None else before.kept, kept)


def release(db: Session, name: str, claim: Claim | None, owner_id: str) -> None:
    """Give up a claim as part of the step, if it is the owner's."""
    if claim is not None and claim.owner_id == owner_id:
        db.release(db.keys.claim(name), claim.kept)


async def owner_of(db: Session, claim: Claim | None, kind: type[S], confirms: Callable[[S], bool]) -> S | None:
    """Return who has a claim.

    Raises:
        Outrun: It was taken a moment ago, by a step that is not done.
    """
    if claim is None:
        return None
    owner = await db.find(kind, claim.owner_id)
    if owner is not None and confirms(owner):
        return owner
    if db.server.is_cluster and abs(db.now - claim.since) < _UNDER_WAY_MICROS:
        raise Outrun
    return None


async def made_before(db: Session, tenant_id: str, kind: type[S], once: Once | None, new_id: str) -> S | None:
    """Return what this key made, deleted or not; else note that it makes ``new_id``, as part of the step.

    Raises:
        KeyReused: It made it from another body.
    """
    if once is None:
        return None
    name = once_name(tenant_id, kind, once.key)
    claim = await find_claim(db, name)
    made = await _made_by(db, claim, kind, once)
    if made is None:
        take(db, name, new_id, claim, once.fingerprint.hex())
    return made


async def made_by(db: Session, tenant_id: str, kind: type[S], once: Once) -> S | None:
    """Return what this key made, deleted or not, if it made something.

    Raises:
        KeyReused: It made it from another body.
    """
    return await _made_by(db, await find_claim(db, once_name(tenant_id, kind, once.key)), kind, once)


async def _made_by(db: Session, claim: Claim | None, kind: type[S], once: Once) -> S | None:
    made = await owner_of(db, claim, kind, lambda _: True)
    if claim is None or made is None:
        return None
    if claim.fingerprint != once.fingerprint.hex():
        raise KeyReused("This idempotency key was used before, with another body.")
    return made


async def forget_once(db: Session, tenant_id: str, kind: type[S], key: str | None, made_id: str) -> None:
    """Give up the key that something was made with, as part of the step that removes it."""
    if key is not None:
        name = once_name(tenant_id, kind, key)
        release(db, name, await find_claim(db, name), made_id)


def once_name(tenant_id: str, kind: type[S], key: str) -> str:
    """The name of the claim of an idempotency key."""
    return f"once:{kind.KIND}:{tenant_id}:{key}"
