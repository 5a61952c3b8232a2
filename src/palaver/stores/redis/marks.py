"""Which conversations name a training document in their mark: noted in the document's slot, before they are marked.

A note is what stands for the conversation in an index, scored by its place. It counts as far as the conversation bears it
out. As long as a document is there, every conversation that names it is noted: those are found again when it does not count.
A purge takes all these marks away before the document goes. It changes every conversation that it visits, so that a mark
which is under way there is decided anew, and then finds the document doomed or gone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from palaver.stores.redis.keys import Keys
from palaver.stores.redis.session import Session
from palaver.stores.redis.step import Move
from palaver.stores.redis.stored import StoredConversation, StoredDocument, id_of


def notes_key(keys: Keys, document_id: str) -> str:
    """Where the notes of a training document are."""
    return keys.of("marked", document_id)


def mark(db: Session, kept: StoredConversation, document_ids: Sequence[str], began_at: int) -> None:
    """Let a conversation name these documents, and no others, as part of the step."""
    for each in document_ids:
        there = (("EXISTS", db.keys.of(StoredDocument.KIND, each)), 1)
        db.step.before.append(Move([there], [("ZADD", notes_key(db.keys, each), kept.n, kept.member)]))
    forget(db, kept, set(kept.trained_ids) - set(document_ids))
    db.put(replace(kept, trained_ids=tuple(document_ids), trained_at=began_at))


def forget(db: Session, kept: StoredConversation, document_ids: Iterable[str]) -> None:
    """Take a conversation, after the step, out of the notes of documents that it names no longer."""
    for each in document_ids:
        db.step.after.append(Move([], [("ZREM", notes_key(db.keys, each), kept.member)]))


async def noted(db: Session, document_id: str, limit: int) -> Sequence[bytes]:
    """Return notes of a document."""
    (notes,) = await db.ask(("ZRANGE", notes_key(db.keys, document_id), 0, limit - 1)) if limit > 0 else ((),)
    return tuple(notes)


async def unmark(db: Session, document_id: str, note: bytes) -> None:
    """Take the mark away that a note of a purged document is about, and then the note. The conversation changes in any case."""
    kept = await db.find_conversation(id_of(note))
    if kept is None:
        await db.ask(("ZREM", notes_key(db.keys, document_id), note))
        return
    db.put(replace(kept, trained_ids=()) if document_id in kept.trained_ids else kept)
    forget(db, kept, [document_id])
