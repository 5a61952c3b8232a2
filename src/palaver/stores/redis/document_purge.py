"""The purge of documents: chunks a few at a time, quotes turn by turn, marks one by one, at last the document. And of chunks
whose turns go."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from palaver.stores.redis import chunk_rows, citations, logs, marks, pruning
from palaver.stores.redis.access import Access
from palaver.stores.redis.announcements import changes_key
from palaver.stores.redis.claims import find_claim, forget_once, release
from palaver.stores.redis.documents import content_key
from palaver.stores.redis.indexes import due
from palaver.stores.redis.session import Session
from palaver.stores.redis.step import Move
from palaver.stores.redis.stored import StoredBot, StoredDocument, StoredMessage, StoredTurn, hidden_since, id_of
from palaver.stores.redis.taught import key_of, notes_key
from palaver.stores.redis.training import run_name
from palaver.stores.redis.turn_ends import in_hand

_CHUNKS_AT_ONCE = 1000


class RedisDocumentPurge(Access):
    """What a purge does with knowledge."""

    async def _purge_documents(self, cutoff: int, limit: int) -> int:
        removed = 0
        for document_id in await self._run(partial(_doomed, cutoff=cutoff, limit=limit)):
            doom = partial(_doom, document_id=document_id, cutoff=cutoff)
            if removed < limit and await self._run(doom, document_id):
                removed += await self._purge_document(document_id, limit - removed)
        return removed

    async def _purge_document(self, document_id: str, limit: int) -> int:
        removed = await self._run(partial(_shrink, document_id=document_id, limit=limit), document_id)
        for turn_id in await self._run(partial(_cited, document_id=document_id, limit=limit - removed)):
            await self._run(partial(_empty_turn, turn_id=turn_id, document_id=document_id), turn_id)
            await self._run(lambda db, turn_id=turn_id: db.ask(("ZREM", _cited_key(db, document_id), turn_id)))  # type: ignore[misc]
            removed += 1
        for note in await self._run(partial(marks.noted, document_id=document_id, limit=limit - removed)):
            await self._run(partial(marks.unmark, document_id=document_id, note=note), id_of(note))
            removed += 1
        if removed < limit:
            removed += await self._run(partial(_drop, document_id=document_id), document_id)
        return removed

    async def _purge_vectors(self, limit: int) -> int:
        """Drop vectors that don't serve."""
        removed = 0
        for bot_id in await self._run(partial(pruning.noted, limit=limit)) if limit > 0 else ():
            for document_id in await self._run(partial(pruning.to_prune, bot_id=bot_id, limit=limit)):
                removed += await self._run(partial(pruning.prune, document_id=document_id), document_id)
        return removed

    async def _purge_chunks(self, conversation_id: str, notes: Sequence[bytes]) -> int:
        """Remove the chunks that were made of turns of a conversation, by what is noted of them."""
        for document_id in dict.fromkeys(key_of(note).document_id for note in notes):
            ordinals = [key_of(note)[1:] for note in notes if key_of(note).document_id == document_id]
            await self._run(partial(_remove_chunks, document_id=document_id, named=ordinals), document_id)
        if notes:
            await self._run(lambda db: db.ask(("ZREM", notes_key(db, conversation_id), *notes)))
        return len(notes)


async def _doomed(db: Session, cutoff: int, limit: int) -> Sequence[str]:
    """Return documents that were deleted, by themselves or with their bot."""
    if limit < 1:
        return ()
    found = await due(db, "documents.doomed", cutoff, limit)
    for bot_id in await due(db, "bots.doomed", cutoff, limit):
        found += await documents_of(db, bot_id, max(limit - len(found), 0))
    return list(dict.fromkeys(found))


async def documents_of(db: Session, bot_id: str, limit: int) -> Sequence[str]:
    """Return documents of a bot, deleted or not."""
    lists = [db.keys.index(f"documents.{state}:{bot_id}") for state in ("live", "deleted")]
    answers = await db.ask(*(("ZRANGE", each, 0, limit - 1) for each in lists)) if limit else ()
    return [id_of(member) for members in answers for member in members][:limit]


async def _doom(db: Session, document_id: str, cutoff: int) -> bool:
    """Give a document up for good, unless it was restored meanwhile. Its content and what is not ready go at once."""
    kept = await db.find(StoredDocument, document_id)
    if kept is None:
        return False
    bot = await db.find(StoredBot, kept.bot_id)
    deleted_at = hidden_since(kept, bot)
    if not kept.doomed:
        if deleted_at is None or deleted_at > cutoff:
            return False
        db.write("UNLINK", content_key(db, document_id))
        if kept.version != kept.ready_version:
            chunk_rows.forget(db, kept, kept.version)
        db.put(replace(kept, doomed=True, deleted_at=deleted_at))
    return True


async def _shrink(db: Session, document_id: str, limit: int) -> int:
    """Remove the last chunks of a doomed document, with their vectors; return how many."""
    kept = await db.find(StoredDocument, document_id)
    if kept is None or kept.span == 0 or kept.ready_version is None:
        return 0
    left = max(kept.span - min(limit, _CHUNKS_AT_ONCE), 0)
    for key in chunk_rows.keys_of(db.keys, kept, kept.ready_version):
        db.write("HDEL", key, *range(left, kept.span))
    db.put(replace(kept, span=left))
    return kept.span - left


def _cited_key(db: Session, document_id: str) -> str:
    return db.keys.of(citations.CITED, document_id)


async def _cited(db: Session, document_id: str, limit: int) -> Sequence[str]:
    (ids,) = await db.ask(("ZRANGE", _cited_key(db, document_id), 0, limit - 1)) if limit > 0 else ((),)
    return [each.decode() for each in ids]


async def _empty_turn(db: Session, turn_id: str, document_id: str) -> None:
    """Empty the quotes of a document in an answer and its log. Something is changed in any case: whoever is about to end the
    turn has to look again."""
    if await db.find(StoredTurn, turn_id) is None:
        return
    _, turn = await in_hand(db, None, turn_id)
    lines = await logs.whole(db, turn_id)
    db.expect(len(lines), *logs.size(db, turn_id))
    citations.empty_log(db, turn_id, lines, {document_id})
    answer = await db.find(StoredMessage, turn.answer_id)
    if answer is not None:
        db.put(citations.empty_message(answer, {document_id}))
    db.put(turn)


async def _drop(db: Session, document_id: str) -> int:
    """Remove a doomed document of which nothing else is left, unless turns cite it or conversations name it, or have come to."""
    kept = await db.find(StoredDocument, document_id)
    counts = [("ZCARD", key) for key in (_cited_key(db, document_id), marks.notes_key(db.keys, document_id))]
    if kept is None or any(await db.ask(*counts)):
        return 0
    for count in counts:
        db.expect(0, *count)
    await forget_once(db, kept.tenant_id, StoredDocument, kept.key, document_id)
    run = run_name(kept.bot_id)
    release(db, run, await find_claim(db, run), document_id)
    db.drop(kept)
    db.step.after.append(Move([], [("ZREM", changes_key(db.keys, kept.bot_id), document_id)]))
    return 1


async def _remove_chunks(db: Session, document_id: str, named: Sequence[tuple[int, int]]) -> None:
    """Remove chunks by version and ordinal. The document changes: whoever is about to write some has to look again whether
    the turns that they are made of are there."""
    kept = await db.find(StoredDocument, document_id)
    if kept is None:
        return
    for version, ordinal in named:
        for key in chunk_rows.keys_of(db.keys, kept, version):
            db.write("HDEL", key, ordinal)
    db.put(replace(kept, touches=kept.touches + 1))
