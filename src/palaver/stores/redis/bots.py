"""Bots: create, edit, delete with all that is under them, restore.

A deleted bot hides its conversations by itself, because every read of them looks at it: however many there are, the delete
changes one thing, and then ends the turns that are open.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from palaver.bot import Bot
from palaver.clock import from_micros
from palaver.conversation import InterruptReason
from palaver.errors import NameTaken, NotFound
from palaver.page import Order, Slice, Window
from palaver.stores.changes import changed_bot, check_version, new_bot
from palaver.stores.orders import BotChange, BotDraft, Made, Once
from palaver.stores.redis.access import Access
from palaver.stores.redis.claims import find_claim, made_before, owner_of, release, take
from palaver.stores.redis.indexes import Walk, all_of, mapped, page
from palaver.stores.redis.places import take_place
from palaver.stores.redis.session import Session
from palaver.stores.redis.stored import StoredBot, StoredTurn
from palaver.stores.redis.turn_ends import interrupt
from palaver.stores.redis.values import bot, stored_bot

_AT_ONCE = 100


class RedisBots(Access):
    """The bots of ``stores.base.BotRows``"""

    async def create_bot(self, tenant_id: str, draft: BotDraft, once: Once | None = None) -> Made[Bot]:
        return await self._run(partial(_create, tenant_id=tenant_id, draft=draft, once=once), draft.name)

    async def get_bot(self, tenant_id: str, bot_id: str) -> Bot:
        return bot(await self._run(partial(live_bot, tenant_id=tenant_id, bot_id=bot_id)))

    async def find_bot(self, tenant_id: str, name: str) -> Bot | None:
        return await self._run(partial(_find, tenant_id=tenant_id, name=name))

    async def page_bots(self, tenant_id: str, window: Window, *, deleted: bool = False) -> Slice[Bot]:
        index = f"bots.{'deleted' if deleted else 'live'}:{tenant_id}"
        found = await self._run(lambda db: page(db, StoredBot, index, window, Order.DESC))
        return mapped(found, bot)

    async def update_bot(self, tenant_id: str, bot_id: str, change: BotChange, *, if_version: int | None = None) -> Bot:
        return await self._run(lambda db: _update(db, tenant_id, bot_id, change, if_version), bot_id)

    async def delete_bot(self, tenant_id: str, bot_id: str, *, if_version: int | None = None) -> Sequence[str]:
        await self._run(lambda db: _delete(db, tenant_id, bot_id, if_version), bot_id)
        return await self._end_turns_of(bot_id)

    async def _end_turns_of(self, bot_id: str) -> Sequence[str]:
        """End the open turns of a deleted bot, conversation by conversation. What begins meanwhile recovery ends."""
        walk = Walk(StoredTurn, f"turns.open:{bot_id}", ascending=True)
        ended: list[str] = []
        while found := await self._run(lambda db: walk.find(db, None, _AT_ONCE, all_of)):
            for each in found:
                end = partial(interrupt, turn_id=each.thing.id, reason=InterruptReason.DELETED)
                ended.append(await self._run(end, each.thing.conversation_id))
        return tuple(ended)

    async def restore_bot(self, tenant_id: str, bot_id: str) -> Bot:
        return await self._run(lambda db: _restore(db, tenant_id, bot_id), bot_id)


async def live_bot(db: Session, tenant_id: str, bot_id: str) -> StoredBot:
    """Return a bot that is not deleted, or raise ``NotFound``."""
    found = await db.get(StoredBot, tenant_id, bot_id)
    if found.deleted_at is not None:
        raise NotFound
    return found


def name_of(tenant_id: str, name: str) -> str:
    """The name of the claim of a bot's name."""
    return f"bot:{tenant_id}:{name}"


def _has_name(name: str, kept: StoredBot) -> bool:
    return kept.deleted_at is None and kept.name == name


async def _find(db: Session, tenant_id: str, name: str) -> Bot | None:
    claim = await find_claim(db, name_of(tenant_id, name))
    owner = None if claim is None else await db.find(StoredBot, claim.owner_id)
    return bot(owner) if owner is not None and _has_name(name, owner) else None


async def take_name(db: Session, tenant_id: str, name: str, bot_id: str) -> None:
    """Take a name for a bot as part of the step, or raise ``NameTaken``."""
    claim = await find_claim(db, name_of(tenant_id, name))
    owner = await owner_of(db, claim, StoredBot, partial(_has_name, name))
    if owner is not None and owner.id != bot_id:
        raise NameTaken("A bot has that name already.")
    take(db, name_of(tenant_id, name), bot_id, claim)


async def _give_up_name(db: Session, tenant_id: str, name: str, bot_id: str) -> None:
    release(db, name_of(tenant_id, name), await find_claim(db, name_of(tenant_id, name)), bot_id)


async def _create(db: Session, tenant_id: str, draft: BotDraft, once: Once | None) -> Made[Bot]:
    known = await made_before(db, tenant_id, StoredBot, once, draft.id)
    if known is not None:
        return Made(value=bot(await live_bot(db, tenant_id, known.id)), replayed=True)
    await take_name(db, tenant_id, draft.name, draft.id)
    kept = stored_bot(tenant_id, await take_place(db, StoredBot), new_bot(draft, from_micros(db.now)), once)
    db.put(kept)
    return Made(value=bot(kept))


async def _update(db: Session, tenant_id: str, bot_id: str, change: BotChange, if_version: int | None) -> Bot:
    kept = await live_bot(db, tenant_id, bot_id)
    check_version("bot", kept.version, if_version)
    changed = changed_bot(bot(kept), change, from_micros(db.now))
    if changed.name != kept.name:
        await take_name(db, tenant_id, changed.name, bot_id)
        await _give_up_name(db, tenant_id, kept.name, bot_id)
    db.put(replace(stored_bot(tenant_id, kept.n, changed, None), key=kept.key, fingerprint=kept.fingerprint))
    return changed


async def _delete(db: Session, tenant_id: str, bot_id: str, if_version: int | None) -> None:
    kept = await live_bot(db, tenant_id, bot_id)
    check_version("bot", kept.version, if_version)
    await _give_up_name(db, tenant_id, kept.name, bot_id)
    db.put(replace(kept, deleted_at=db.now))


async def _restore(db: Session, tenant_id: str, bot_id: str) -> Bot:
    kept = await db.get(StoredBot, tenant_id, bot_id)
    if kept.deleted_at is not None:  # restoring what is there changes nothing
        await take_name(db, tenant_id, kept.name, bot_id)
        kept = replace(kept, deleted_at=None)
        db.put(kept)
    return bot(kept)
