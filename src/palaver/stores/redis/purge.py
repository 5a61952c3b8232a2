"""Purge: what was deleted goes for good, in small steps that can be repeated, each one step of one conversation.

What a removal leaves in Redis' append-only file is cleared by its own rewrite, which nobody waits for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from palaver.clock import from_micros, to_micros
from palaver.stores.redis.attachments import Linking, reference_of
from palaver.stores.redis.begin import attachments_of
from palaver.stores.redis.kept import KeptBot, KeptConversation, KeptMessage, KeptTurn
from palaver.stores.redis.keys import GONE_BOTS, GONE_CONVERSATIONS, GONE_TURNS, LOGS, UNUSED, of_bot
from palaver.stores.redis.once import release
from palaver.stores.redis.paths import message_ids
from palaver.stores.redis.session import Session, answer
from palaver.stores.redis.walks import id_in

_UNUSED_SECONDS = 24 * 3600  # an upload that no message refers to after a day was given up


class RedisPurge(Linking):
    """``purge`` of ``stores.base.ConversationRows``, ``expire_logs`` of ``TurnRows``"""

    async def purge(self, *, deleted_before_seconds: float, limit: int) -> int:
        now = await self._now()
        cutoff = now - int(deleted_before_seconds * 1_000_000)
        removed = 0
        for remove in (self._conversations, self._turns, self._bots, self._unused):
            if removed < limit:
                removed += await remove(cutoff, limit - removed)
        return removed

    async def expire_logs(self, *, older_than_seconds: float, limit: int) -> int:
        cutoff = await self._now() - int(older_than_seconds * 1_000_000)
        ended = await self._read(partial(_oldest, name=LOGS, cutoff=cutoff, limit=limit))
        return sum([await self._write(partial(_drop_log, turn_id=turn_id), turn_id) for turn_id in ended])

    async def _conversations(self, cutoff: int, limit: int) -> int:
        removed = 0
        while removed < limit:
            doomed = await self._read(partial(_doomed_conversation, cutoff=cutoff))
            if doomed is None:
                break
            removed += await self._empty(doomed, cutoff, limit - removed)
        return removed

    async def _empty(self, conversation_id: str, cutoff: int, limit: int) -> int:
        """Remove up to ``limit`` rows of a conversation: messages, turns with their logs, then itself."""
        await self._write(partial(_give_up, conversation_id=conversation_id, cutoff=cutoff), conversation_id)
        messages = await self._read(partial(_messages_inside, conversation_id=conversation_id, limit=limit))
        await self._release_bytes(messages)
        remove = partial(_remove_inside, conversation_id=conversation_id, messages=messages, limit=limit)
        removed, emptied = await self._write(remove, conversation_id)
        if emptied is not None:
            await self._write(partial(_release_once, kept=emptied), emptied.tenant_id)
        return removed

    async def _release_bytes(self, messages: Sequence[KeptMessage]) -> None:
        for message in messages:
            if attachment_ids := attachments_of(message.value.parts):
                await self._let_go(message.tenant_id, message.id, attachment_ids)

    async def _turns(self, cutoff: int, limit: int) -> int:
        removed = 0
        for turn_id in await self._read(partial(_oldest, name=GONE_TURNS, cutoff=cutoff, limit=limit)):
            messages = await self._read(partial(_deleted_messages, turn_id=turn_id))
            await self._release_bytes(messages)
            removed += await self._write(partial(_remove_turn, turn_id=turn_id, messages=messages), turn_id)
        return removed

    async def _bots(self, cutoff: int, limit: int) -> int:
        removed = 0
        for name in await self._read(partial(_oldest, name=GONE_BOTS, cutoff=cutoff, limit=limit)):
            bot_id, _, tenant_id = name.partition(" ")
            removed += await self._write(partial(_remove_bot, tenant_id=tenant_id, bot_id=bot_id), tenant_id)
        return removed

    async def _unused(self, cutoff: int, limit: int) -> int:
        given_up = min(cutoff, await self._now() - _UNUSED_SECONDS * 1_000_000)
        removed = 0
        for member in await self._read(partial(_oldest, name=UNUSED, cutoff=given_up, limit=limit)):
            if await self._remove(reference_of(member)):
                removed += 1
            else:
                await self._wire.put([("ZREM", self._keys.listing(UNUSED), member)])
        return removed


async def _oldest(db: Session, name: str, cutoff: int, limit: int) -> list[str]:
    found = await db.one(answer("ZRANGEBYSCORE", db.keys.listing(name), "-inf", cutoff, "LIMIT", 0, limit))
    return [each.decode() for each in found]


async def _drop_log(db: Session, turn_id: str) -> bool:
    turn = await db.one(db.turn(turn_id))
    kept = None if turn is None else await db.one(db.conversation(turn.value.conversation_id))
    if turn is None or kept is None or not turn.has_log:
        return False
    db.put(KeptTurn(tenant_id=turn.tenant_id, bot_id=turn.bot_id, record=turn.record, place=turn.place))
    db.do("UNLINK", db.keys.inside(turn_id, "log"))
    return True


async def _doomed_conversation(db: Session, cutoff: int) -> str | None:
    found = await _oldest(db, GONE_CONVERSATIONS, cutoff, 1)
    if found:
        return found[0]
    for name in await _oldest(db, GONE_BOTS, cutoff, 200):
        bot_id, _, tenant_id = name.partition(" ")
        first = await db.one(answer("ZRANGE", db.keys.conversations(tenant_id, of_bot(bot_id)), 0, 0))
        if first:
            return id_in(first[0].decode())
    return None


async def _give_up(db: Session, conversation_id: str, cutoff: int) -> None:
    """From here on a conversation goes piece by piece, unless it was restored meanwhile."""
    kept = await db.one(db.conversation(conversation_id))
    if kept is None or kept.is_given_up:
        return
    bot = await db.one(db.bot(kept.tenant_id, kept.value.bot_id))
    hidden_at = None if bot is None else bot.bot.deleted_at
    times = [time for time in (kept.value.deleted_at, hidden_at) if time is not None]
    doomed_at = next(
        (time for time in times if to_micros(time) <= cutoff), from_micros(cutoff) if bot is None else None
    )
    if doomed_at is not None:
        kept = kept.with_value(deleted_at=doomed_at)
        db.put(replace(kept, record=replace(kept.record, deletion=None)))


async def _messages_inside(db: Session, conversation_id: str, limit: int) -> list[KeptMessage]:
    ids = await db.one(answer("ZRANGE", db.keys.inside(conversation_id, "messages"), 0, limit - 1))
    found = await db.read(*(db.message(each.decode()) for each in ids))
    return [message for message in found if message is not None]


async def _remove_inside(
    db: Session, *, conversation_id: str, messages: Sequence[KeptMessage], limit: int
) -> tuple[int, KeptConversation | None]:
    """Remove messages, then turns; what is empty then is removed, too, and returned."""
    kept = await db.one(db.conversation(conversation_id))
    if kept is None or not kept.is_given_up:
        return 0, None
    there = await db.read(*(db.message(message.id) for message in messages))
    for message in there:
        if message is not None:
            remove_message(db, message)
    removed = len(messages)
    ids = await db.one(answer("ZRANGE", db.keys.inside(conversation_id, "turns"), 0, max(limit - removed, 0)))
    turns = await db.read(*(db.turn(each.decode()) for each in ids[: max(limit - removed, 0)]))
    for turn in turns:
        removed += 1
        if turn is not None:
            remove_turn(db, turn)
    if removed >= limit or len(ids) > len(turns):
        return removed, None
    db.remove(kept)
    for part in ("turns", "messages", "path", "keys"):
        db.do("UNLINK", db.keys.inside(conversation_id, part))
    return removed + 1, kept


def remove_message(db: Session, message: KeptMessage) -> None:
    """Remove a message, and what leads to it."""
    for part in ("messages", "path"):
        db.do("ZREM", db.keys.inside(message.value.conversation_id, part), message.id)
    db.remove(message)


def remove_turn(db: Session, turn: KeptTurn) -> None:
    """Remove a turn, its log, and what leads to it."""
    conversation_id = turn.value.conversation_id
    db.do("ZREM", db.keys.inside(conversation_id, "turns"), turn.id)
    for part in ("live", "log"):
        db.do("UNLINK", db.keys.inside(turn.id, part))
    if turn.record.once is not None:
        db.do("HDEL", db.keys.inside(conversation_id, "keys"), turn.record.once.key)
    db.remove(turn)


async def _release_once(db: Session, kept: KeptConversation) -> None:
    release(db, kept.tenant_id, "conversation", kept.record.once)


async def _deleted_messages(db: Session, turn_id: str) -> list[KeptMessage]:
    turn = await db.one(db.turn(turn_id))
    if turn is None:
        return []
    found = await db.read(*(db.message(each) for each in message_ids(turn)))
    return [message for message in found if message is not None and not message.is_there]


async def _remove_turn(db: Session, turn_id: str, messages: Sequence[KeptMessage]) -> int:
    turn = await db.one(db.turn(turn_id))
    if turn is None:
        db.do("ZREM", db.keys.listing(GONE_TURNS), turn_id)
        return 0
    await db.one(db.conversation(turn.value.conversation_id))
    there = await db.read(*(db.message(message.id) for message in messages))
    for message in there:
        if message is not None:
            remove_message(db, message)
    remove_turn(db, turn)
    return 1 + len(messages)


async def _remove_bot(db: Session, tenant_id: str, bot_id: str) -> int:
    """Remove a bot that has no conversations any more."""
    kept: KeptBot | None = await db.one(db.bot(tenant_id, bot_id))
    if await db.one(answer("ZCARD", db.keys.conversations(tenant_id, of_bot(bot_id)))):
        return 0
    if kept is None or kept.bot.deleted_at is None:
        return 0
    release(db, tenant_id, "bot", kept.once)
    db.remove(kept)
    return 1
