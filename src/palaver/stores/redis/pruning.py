"""Vectors that don't serve: a bot is noted where it comes to have some, and a purge drops them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

from palaver.document import DocumentStatus
from palaver.stores.redis import announcements, chunk_rows
from palaver.stores.redis.indexes import Walk
from palaver.stores.redis.session import Session
from palaver.stores.redis.step import Move
from palaver.stores.redis.stored import StoredDocument

_NOTES = "bots.pruned"


def note(db: Session, bot_id: str) -> None:
    """Note, before the step, that a bot comes to have vectors that don't serve."""
    db.step.before.append(Move([], [("ZADD", db.keys.index(_NOTES), 0, bot_id)]))


async def note_others(db: Session, kept: StoredDocument) -> None:
    """Note, before the step, that a document comes to be found with vectors that don't serve, if it has some."""
    if kept.embeddings and _others(kept, await _serving(db, kept.bot_id) or kept.embedding):
        note(db, kept.bot_id)


async def noted(db: Session, limit: int) -> Sequence[str]:
    """Return bots that may have vectors that don't serve."""
    (ids,) = await db.ask(("ZRANGE", db.keys.index(_NOTES), 0, limit - 1))
    return [each.decode() for each in ids]


def is_embedding(kept: bytes | None, now: int, *, by_others_than: str | None = None) -> bool:
    """Whether somebody embeds the chunks of a bot anew, by what is kept of the embedder."""
    if kept is None:
        return False
    owner, until = json.loads(kept)
    return owner != by_others_than and int(until) >= now


async def to_prune(db: Session, bot_id: str, limit: int) -> Sequence[str]:
    """Return documents of a bot with vectors that don't serve; where there are none, forget the note.

    While somebody embeds anew nobody knows which will serve.
    """
    state = announcements.state_key(db.keys, bot_id)
    (embedder,) = await db.ask(("HGET", state, announcements.EMBEDDER))
    if is_embedding(embedder, db.now):
        return ()
    serving = await _serving(db, bot_id)

    async def have_others(documents: Sequence[StoredDocument]) -> Sequence[bool]:
        return [bool(_others(each, serving)) for each in documents]

    found = await Walk(StoredDocument, f"documents.live:{bot_id}", ascending=True).find(db, None, limit, have_others)
    if not found:
        await db.ask(("ZREM", db.keys.index(_NOTES), bot_id))
    return [each.thing.id for each in found]


async def prune(db: Session, document_id: str) -> int:
    """Drop the vectors of a document that don't serve; return 1, or 0 where there are none."""
    kept = await db.find(StoredDocument, document_id)
    others = set() if kept is None else _others(kept, await _serving(db, kept.bot_id))
    if kept is None or not others:
        return 0
    for embedding in others:
        db.write("UNLINK", chunk_rows.vectors_key(db.keys, kept.id, kept.ready_version or 0, embedding))
    db.put(replace(kept, embeddings=tuple(each for each in kept.embeddings if each not in others)))
    return 1


async def _serving(db: Session, bot_id: str) -> str | None:
    (answer,) = await db.ask(announcements.look(db.keys, bot_id))
    return announcements.index_of(answer).embedding


def _others(kept: StoredDocument, serving: str | None) -> set[str]:
    """Return by which embeddings a document has vectors that don't serve. One that is being made may be about to serve."""
    if kept.status == DocumentStatus.PROCESSING:
        return set()
    return {*kept.embeddings} - {serving}
