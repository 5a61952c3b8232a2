"""Which chunks were made of the turns of a conversation: noted beside the conversation, before they are written.

A note is ``<turn>:<document>:<version>:<ordinal>``. It counts as far as the document bears it out: one whose chunk never
came to be, or is gone, says nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from palaver.document import Chunk, ChunkKey
from palaver.stores.redis import alike, chunk_rows
from palaver.stores.redis.server import Command
from palaver.stores.redis.session import Session
from palaver.stores.redis.step import Move
from palaver.stores.redis.stored import StoredConversation, StoredDocument, StoredTurn, is_ready

_AT_ONCE = 200


def _note(turn_id: str, key: ChunkKey) -> str:
    return ":".join((turn_id, *map(str, key)))


def notes_key(db: Session, conversation_id: str) -> str:
    """Where the notes of a conversation are, in their order."""
    return db.keys.of("taught", conversation_id)


def key_of(note: bytes) -> ChunkKey:
    """Return the chunk that a note is about."""
    _, document_id, version, ordinal = note.decode().split(":")
    return ChunkKey(document_id, int(version), int(ordinal))


async def teach(db: Session, bot_id: str, chunks: Sequence[Chunk]) -> Sequence[bool]:
    """Note what chunks are made of, as part of the step. Say which may be written: a purge leaves none of its turns."""
    there = await _are_there(db, chunks)
    note(db, bot_id, [chunk for chunk, is_there in zip(chunks, there, strict=True) if is_there])
    return there


def note(db: Session, bot_id: str, chunks: Sequence[Chunk]) -> None:
    """Note what chunks of a bot are made of, and what they say nearly, before the step."""
    alike.note(db, bot_id, chunks)
    for conversation_id, notes in _by_conversation(chunks).items():
        chat: Command = ("EXISTS", db.keys.of(StoredConversation.KIND, conversation_id))
        where = notes_key(db, conversation_id)
        db.step.before.append(Move([(chat, 1)], [("ZADD", where, *(word for each in notes for word in (0, each)))]))


async def _are_there(db: Session, chunks: Sequence[Chunk]) -> Sequence[bool]:
    origins = [each.provenance for each in chunks]
    chats = await db.find_all(StoredConversation, [None if each is None else each.conversation_id for each in origins])
    turns = await db.find_all(StoredTurn, [None if each is None else each.turn_id for each in origins])
    return [
        origin is None or (chat is not None and not chat.doomed and turn is not None and turn.deleted_at is None)
        for origin, chat, turn in zip(origins, chats, turns, strict=True)
    ]


def _by_conversation(chunks: Iterable[Chunk]) -> Mapping[str, Sequence[str]]:
    found: dict[str, list[str]] = {}
    for each in chunks:
        if each.provenance is not None:
            notes = found.setdefault(each.provenance.conversation_id, [])
            notes.append(_note(each.provenance.turn_id, each.key))
    return found


async def taught_before(db: Session, turns: Sequence[StoredTurn]) -> frozenset[str]:
    """Return which turns are in a live training document."""
    answers = await db.ask(*(notes_about(db, each) for each in turns))
    notes = [(turn, note) for turn, found in zip(turns, answers, strict=True) for note in found]
    keys = [key_of(note) for _, note in notes]
    documents = await db.find_all(StoredDocument, [key.document_id for key in keys])
    exist = await db.ask(
        *(("HEXISTS", chunk_rows.chunks_key(db.keys, key.document_id, key.version), key.ordinal) for key in keys)
    )
    gone: list[Command] = []
    known: set[str] = set()
    for (turn, note), key, kept, exists in zip(notes, keys, documents, exist, strict=True):
        if kept is None:
            gone.append(("ZREM", notes_key(db, turn.conversation_id), note))
        elif kept.deleted_at is None and kept.ready_version == key.version and exists:
            known.add(turn.id)
    await db.ask(*gone)
    return frozenset(known)


async def teachers_of(db: Session, conversation_id: str, since: int) -> Sequence[str] | None:
    """Return the ready documents that turns of a conversation are noted for. None: one was taken back since a time, or purged,
    and who looked then may have missed what it had."""
    found: dict[str, None] = {}
    start = 0
    while notes := await notes_of(db, conversation_id, start, _AT_ONCE):
        found |= dict.fromkeys(key_of(note).document_id for note in notes)
        start += len(notes)
    kept = await db.find_all(StoredDocument, list(found))
    there = [each for each in kept if each is not None and (each.deleted_at is None or each.deleted_at < since)]
    return [each.id for each in there if is_ready(each)] if len(there) == len(kept) else None


async def notes_of(db: Session, conversation_id: str, start: int, limit: int) -> Sequence[bytes]:
    """Return notes of a conversation."""
    (notes,) = await db.ask(("ZRANGE", notes_key(db, conversation_id), start, start + limit - 1))
    return tuple(notes)


def notes_about(db: Session, turn: StoredTurn) -> Command:
    """Return the command that reads the notes of a turn."""
    return ("ZRANGEBYLEX", notes_key(db, turn.conversation_id), f"[{turn.id}:", f"({turn.id};")
