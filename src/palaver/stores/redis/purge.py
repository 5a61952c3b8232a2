"""Purge: what was deleted goes for good, in small steps, each of which can be repeated.

What lies elsewhere goes before what names it, so that a purge that was cut finds it again. Redis gives memory back by itself;
its append-only file holds what was removed until it is next rewritten, which its settings decide.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from palaver.stores.redis import holds, links, logs, marks, taught
from palaver.stores.redis.alike import alike_key
from palaver.stores.redis.announcements import changes_key, state_key
from palaver.stores.redis.claims import forget_once
from palaver.stores.redis.deletions import begin_purge
from palaver.stores.redis.document_purge import RedisDocumentPurge, documents_of
from palaver.stores.redis.figures import fold
from palaver.stores.redis.indexes import due
from palaver.stores.redis.paths import BURIED, KEYS, PATH, SAID, TREE, TURNS
from palaver.stores.redis.session import Session
from palaver.stores.redis.stored import StoredBot, StoredConversation, StoredMessage, StoredTurn, hidden_since, id_of
from palaver.stores.redis.values import message

_UNUSED_MICROS = 24 * 3600 * 1_000_000  # an upload that no message refers to after a day was given up


class RedisPurge(RedisDocumentPurge):
    """The purge of ``stores.base.ConversationRows``"""

    async def purge(self, *, deleted_before_seconds: float, limit: int) -> int:
        now = await self._now()
        cutoff = now - int(deleted_before_seconds * 1_000_000)
        removed = 0
        for remove in (self._conversations, self._turns, self._purge_documents, self._bots):
            removed += await remove(cutoff, limit - removed)
        removed += await self._purge_vectors(limit - removed)
        return removed + await self._attachments(min(cutoff, now - _UNUSED_MICROS), limit - removed)

    async def _conversations(self, cutoff: int, limit: int) -> int:
        removed = 0
        for conversation_id in await self._run(partial(_doomed_conversations, cutoff=cutoff, limit=limit)):
            doom = partial(_doom, conversation_id=conversation_id, cutoff=cutoff)
            while removed < limit and await self._run(doom, conversation_id):
                gone = await self._empty(conversation_id, limit - removed)
                removed += gone
                if not gone:
                    removed += await self._run(partial(_drop_conversation, conversation_id=conversation_id))
                    break
        return removed

    async def _empty(self, conversation_id: str, limit: int) -> int:
        """Remove up to ``limit`` things inside a conversation: what was learnt from it, messages, then turns with their logs."""
        notes = await self._run(lambda db: taught.notes_of(db, conversation_id, 0, limit))
        if notes:
            return await self._purge_chunks(conversation_id, notes)
        messages = await self._run(lambda db: _inside(db, SAID, conversation_id, limit))
        if messages:
            return await self._remove_messages(conversation_id, messages)
        turns = await self._run(lambda db: _inside(db, TURNS, conversation_id, limit))
        return await self._run(lambda db: _drop_turns(db, turns), conversation_id) if turns else 0

    async def _remove_messages(self, conversation_id: str, message_ids: Sequence[str]) -> int:
        for message_id, attachment_id in await self._run(partial(_references, message_ids=message_ids)):
            unlink = partial(links.unlink, attachment_id=attachment_id, message_id=message_id)
            await self._run(unlink, attachment_id)
        return await self._run(lambda db: _drop_messages(db, conversation_id, message_ids), conversation_id)

    async def _turns(self, cutoff: int, limit: int) -> int:
        removed = 0
        for turn_id in await self._run(lambda db: due(db, "turns.doomed", cutoff, max(limit, 0))):
            if removed >= limit:
                break
            found = await self._run(lambda db, turn_id=turn_id: db.find(StoredTurn, turn_id))  # type: ignore[misc]
            if found is not None and await self._give_up(found, cutoff):
                removed += await self._purge_chunks(found.conversation_id, await self._run(partial(_notes, turn=found)))
                ids = await self._run(partial(_deleted_messages, turn=found))
                removed += await self._remove_messages(found.conversation_id, ids) if ids else 0
                removed += await self._run(partial(_drop_turns, turn_ids=[turn_id]), found.conversation_id)
        return removed

    async def _give_up(self, turn: StoredTurn, cutoff: int) -> bool:
        """Whether a turn is still deleted; from here on it can't be restored."""
        begin = partial(begin_purge, turn_id=turn.id, conversation_id=turn.conversation_id, cutoff=cutoff)
        return await self._run(begin, turn.conversation_id)

    async def _bots(self, cutoff: int, limit: int) -> int:
        doomed = await self._run(partial(_empty_bots, cutoff=cutoff, limit=limit))
        return sum([await self._run(partial(_drop_bot, bot_id=each), each) for each in doomed])

    async def _attachments(self, cutoff: int, limit: int) -> int:
        removed = 0
        for attachment_id in await self._run(lambda db: due(db, "attachments.unused", cutoff, max(limit, 0))):
            kept = await self._run(partial(links.doom, attachment_id=attachment_id), attachment_id)
            if kept is not None:
                await self._run(partial(links.let_go, kept=kept), kept.sha256)
                await self._run(partial(links.drop, attachment_id=attachment_id), attachment_id)
                removed += 1
        return removed


async def _doomed_conversations(db: Session, cutoff: int, limit: int) -> Sequence[str]:
    """Return conversations that were deleted, by themselves or with their bot."""
    if limit < 1:
        return ()
    found = await due(db, "conversations.doomed", cutoff, limit)
    for bot_id in await due(db, "bots.doomed", cutoff, limit):
        if len(found) < limit:
            found += await _conversations_of(db, bot_id, limit - len(found))
    return found


async def _doom(db: Session, conversation_id: str, cutoff: int) -> bool:
    """Give a conversation up for good, unless it was restored meanwhile: from here on it goes piece by piece."""
    kept = await db.find_conversation(conversation_id)
    if kept is None:
        return False
    bot = await db.find(StoredBot, kept.bot_id)
    deleted_at = hidden_since(kept, bot)
    if not kept.doomed:
        if deleted_at is None or deleted_at > cutoff:
            return False
        db.put(replace(kept, doomed=True, deleted_at=deleted_at))
    return True


async def _conversations_of(db: Session, bot_id: str, limit: int) -> list[str]:
    (members,) = await db.ask(("ZRANGE", db.keys.index(f"conversations.bot:{bot_id}"), 0, limit - 1))
    return [id_of(member) for member in members]


async def _inside(db: Session, kind: str, conversation_id: str, limit: int) -> list[str]:
    (ids,) = await db.ask(("ZRANGE", db.keys.of(kind, conversation_id), 0, limit - 1))
    return [each.decode() for each in ids]


async def _references(db: Session, message_ids: Sequence[str]) -> list[tuple[str, str]]:
    """Return which messages refer to which attachments."""
    found = await db.find_all(StoredMessage, message_ids)
    return [
        (each.id, attachment_id)
        for each in found
        if each is not None
        for attachment_id in links.attachments_of(message(each).parts)
    ]


async def _drop_messages(db: Session, conversation_id: str, message_ids: Sequence[str]) -> int:
    for each in await db.find_all(StoredMessage, message_ids):
        if each is not None:
            db.drop(each)
    db.write("ZREM", db.keys.of(SAID, conversation_id), *message_ids)
    db.write("ZREM", db.keys.of(PATH, conversation_id), *message_ids)
    return len(message_ids)


async def _drop_turns(db: Session, turn_ids: Sequence[str]) -> int:
    """Remove turns and their logs; return how many things that were."""
    removed = 0
    for each in await db.find_all(StoredTurn, turn_ids):
        if each is not None:
            db.drop(each)
            logs.drop(db, each.id)
            db.write("UNLINK", db.keys.of(holds.KIND, each.id))
            db.write("ZREM", db.keys.of(TURNS, each.conversation_id), each.id)
            if each.key is not None:
                db.write("HDEL", db.keys.of(KEYS, each.conversation_id), each.key)
            removed += 1 + each.has_log
    return removed


async def _notes(db: Session, turn: StoredTurn) -> Sequence[bytes]:
    (notes,) = await db.ask(taught.notes_about(db, turn))
    return tuple(notes)


async def _deleted_messages(db: Session, turn: StoredTurn) -> list[str]:
    found = await db.find_all(StoredMessage, [turn.question_id, turn.answer_id])
    return [each.id for each in found if each and each.deleted_at is not None and each.turn_id == turn.id]


async def _drop_conversation(db: Session, conversation_id: str) -> int:
    kept = await db.find(StoredConversation, conversation_id)
    if kept is None:
        return 0
    for kind in (PATH, SAID, TURNS, TREE, BURIED, KEYS, "revision"):
        db.write("UNLINK", db.keys.of(kind, conversation_id))
    db.write("UNLINK", taught.notes_key(db, conversation_id))
    marks.forget(db, kept, kept.trained_ids)
    await forget_once(db, kept.tenant_id, StoredConversation, kept.key, conversation_id)
    await fold(db, kept.tenant_id, conversation_id, {})
    db.drop(kept)
    return 1


async def _empty_bots(db: Session, cutoff: int, limit: int) -> Sequence[str]:
    """Return bots that were deleted and have no conversations and no documents left."""
    found = await due(db, "bots.doomed", cutoff, max(limit, 0))
    return [each for each in found if not (await _conversations_of(db, each, 1) or await documents_of(db, each, 1))]


async def _drop_bot(db: Session, bot_id: str) -> int:
    kept = await db.find(StoredBot, bot_id)
    if kept is None or kept.deleted_at is None:
        return 0
    await forget_once(db, kept.tenant_id, StoredBot, kept.key, bot_id)
    db.write("UNLINK", state_key(db.keys, bot_id))
    db.write("UNLINK", changes_key(db.keys, bot_id))
    db.write("UNLINK", alike_key(db.keys, bot_id))
    db.drop(kept)
    return 1
