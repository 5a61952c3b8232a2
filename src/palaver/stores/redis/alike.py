"""Which pairs that a bot was trained on say nearly the same: the quarters of their fingerprints, noted in the bot's slot.

A note is ``<digits before>:<quarter>:<fingerprint>:<document>:<version>:<ordinal>``, in the order of its letters. It is written
before the chunk that it is about, and counts as far as that chunk is live.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from palaver.document import Chunk, ChunkKey
from palaver.stores.knowledge_orders import ALIKE_AT_ONCE
from palaver.stores.pairs import are_alike, quarters_of
from palaver.stores.redis.keys import Keys
from palaver.stores.redis.server import Command
from palaver.stores.redis.session import Session
from palaver.stores.redis.step import Move
from palaver.stores.redis.stored import StoredBot, StoredDocument


def alike_key(keys: Keys, bot_id: str) -> str:
    """Where the notes of a bot are."""
    return keys.of("alike", bot_id)


def note(db: Session, bot_id: str, chunks: Iterable[Chunk]) -> None:
    """Note what chunks say nearly, before the step."""
    notes = [
        f"{place}:{digits}:{chunk.provenance.fingerprint}:{':'.join(map(str, chunk.key))}"
        for chunk in chunks
        if chunk.provenance is not None and chunk.provenance.fingerprint is not None
        for place, digits in quarters_of(chunk.provenance.fingerprint)
    ]
    if notes:
        owning: Command = ("EXISTS", db.keys.of(StoredBot.KIND, bot_id))
        words = (word for each in notes for word in (0, each))
        db.step.before.append(Move([(owning, 1)], [("ZADD", alike_key(db.keys, bot_id), *words)]))


async def keys_alike(db: Session, bot_id: str, fingerprints: Sequence[str]) -> Mapping[str, Sequence[ChunkKey]]:
    """Return the chunks, live or not, that are like each of these; notes of documents that are gone are taken out."""
    where = alike_key(db.keys, bot_id)
    asked = [(each, *quarter) for each in fingerprints for quarter in quarters_of(each)]
    answers = await db.ask(
        *(
            ("ZRANGEBYLEX", where, f"[{place}:{digits}:", f"({place}:{digits};", "LIMIT", 0, ALIKE_AT_ONCE)
            for _, place, digits in asked
        )
    )
    found: dict[str, dict[bytes, ChunkKey]] = {each: {} for each in fingerprints}
    for (fingerprint, _, _), notes in zip(asked, answers, strict=True):
        near = ((note, _read(note)) for note in notes)
        found[fingerprint] |= {note: kept.key for note, kept in near if _are_alike(fingerprint, kept.fingerprint)}
    await _forget_gone(db, where, {note: key for notes in found.values() for note, key in notes.items()})
    return {each: tuple(dict.fromkeys(notes.values())) for each, notes in found.items()}


def _are_alike(one: str, other: str) -> bool:
    return are_alike(int(one, 16), int(other, 16))


class _Note(NamedTuple):
    fingerprint: str
    key: ChunkKey


def _read(note: bytes) -> _Note:
    _, _, fingerprint, document_id, version, ordinal = note.decode().split(":")
    return _Note(fingerprint, ChunkKey(document_id, int(version), int(ordinal)))


async def _forget_gone(db: Session, where: str, notes: Mapping[bytes, ChunkKey]) -> None:
    documents = await db.find_all(StoredDocument, [key.document_id for key in notes.values()])
    gone = [note for note, kept in zip(notes, documents, strict=True) if kept is None]
    if gone:
        await db.ask(("ZREM", where, *gone))
