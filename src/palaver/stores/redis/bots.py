"""Bots: create, edit, delete with all that is under them, restore.

A deleted bot hides its conversations by its own row, which every read of them looks at: however many there are, the
delete changes one row, and ends the turns that are open.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from palaver.bot import Bot
from palaver.clock import from_micros
from palaver.conversation import InterruptReason, TurnStatus
from palaver.errors import Conflict, NameTaken, NotFound
from palaver.page import Order, Slice, Window
from palaver.stores.changes import changed_bot, check_version, new_bot
from palaver.stores.orders import BotChange, BotDraft, Made, Once
from palaver.stores.redis.access import Access
from palaver.stores.redis.kept import KeptBot
from palaver.stores.redis.living import live_bot
from palaver.stores.redis.once import claim, claim_of
from palaver.stores.redis.session import Session, Wanted, answer
from palaver.stores.redis.turn_ends import interrupt_turn
from palaver.stores.redis.walks import id_in, members, position_in
from palaver.stores.scan import Scan

_ALL = Scan(ascending=True, start=None, rows=200, backward=False)


class RedisBots(Access):
    """The bots of ``stores.base.BotRows``"""

    async def create_bot(self, tenant_id: str, draft: BotDraft, once: Once | None = None) -> Made[Bot]:
        return await self._write(partial(_create, tenant_id=tenant_id, draft=draft, once=once), tenant_id)

    async def get_bot(self, tenant_id: str, bot_id: str) -> Bot:
        return (await self._read(partial(live_bot, tenant_id=tenant_id, bot_id=bot_id))).bot

    async def find_bot(self, tenant_id: str, name: str) -> Bot | None:
        return await self._read(partial(_find, tenant_id=tenant_id, name=name))

    async def page_bots(self, tenant_id: str, window: Window, *, deleted: bool = False) -> Slice[Bot]:
        return await self._read(partial(_page, tenant_id=tenant_id, window=window, deleted=deleted))

    async def update_bot(self, tenant_id: str, bot_id: str, change: BotChange, *, if_version: int | None = None) -> Bot:
        return await self._write(lambda db: _update(db, tenant_id, bot_id, change, if_version), tenant_id)

    async def delete_bot(self, tenant_id: str, bot_id: str, *, if_version: int | None = None) -> Sequence[str]:
        await self._write(lambda db: _delete(db, tenant_id, bot_id, if_version), tenant_id)
        return await self._end_turns_of_bot(tenant_id, bot_id)

    async def _end_turns_of_bot(self, tenant_id: str, bot_id: str) -> Sequence[str]:
        open_turns = await self._read(partial(open_turns_of_bot, tenant_id=tenant_id, bot_id=bot_id))
        interrupt = partial(interrupt_turn, tenant_id=tenant_id, reason=InterruptReason.DELETED)
        ended = [await self._write(partial(interrupt, turn_id=turn_id), turn_id) for turn_id in open_turns]
        return tuple(turn_id for turn_id in ended if turn_id is not None)

    async def restore_bot(self, tenant_id: str, bot_id: str) -> Bot:
        return await self._write(partial(_restore, tenant_id=tenant_id, bot_id=bot_id), tenant_id)


def holder_of(db: Session, tenant_id: str, name: str) -> Wanted[bytes | None]:
    """The id of the bot that has a name."""
    return answer("HGET", db.keys.tenant(tenant_id, "names"), name)


def take_name(db: Session, kept: KeptBot, holder: bytes | None, before: KeptBot | None = None) -> None:
    """Give a bot its name, and free the one that it had.

    Raises:
        NameTaken: Another bot has it.
    """
    names, name, bot_id = db.keys.tenant(kept.tenant_id, "names"), kept.bot.name, kept.bot.id
    if before is not None and before.bot.name == name:
        return
    if holder not in (None, bot_id.encode()):
        raise NameTaken("A bot has that name already.")
    db.check("" if holder is None else bot_id, "HGET", names, name)
    db.do("HSET", names, name, bot_id)
    if before is not None:
        db.do("HDEL", names, before.bot.name)


async def _find(db: Session, tenant_id: str, name: str) -> Bot | None:
    bot_id = await db.one(answer("HGET", db.keys.tenant(tenant_id, "names"), name))
    kept = None if bot_id is None else await db.one(db.bot(tenant_id, bot_id.decode()))
    return None if kept is None or kept.bot.deleted_at is not None else kept.bot


async def _create(db: Session, tenant_id: str, draft: BotDraft, once: Once | None) -> Made[Bot]:
    known, there, holder = await db.read(
        claim_of(db, tenant_id, "bot", once), db.bot(tenant_id, draft.id), holder_of(db, tenant_id, draft.name)
    )
    if known is not None:
        return Made(value=(await live_bot(db, tenant_id, known)).bot, replayed=True)
    if there is not None:
        raise Conflict("A bot with this id exists already.")
    bot = new_bot(draft, from_micros(db.now))
    kept = KeptBot(tenant_id=tenant_id, bot=bot, once=once, place=db.place("bots"))
    take_name(db, kept, holder)
    claim(db, tenant_id, "bot", once, bot.id)
    db.put(kept)
    return Made(value=bot)


async def _page(db: Session, tenant_id: str, window: Window, *, deleted: bool) -> Slice[Bot]:
    scan = Scan.over(window, Order.DESC)
    rows: list[tuple[KeptBot, str]] = []
    async for page in members(db, db.keys.tenant(tenant_id, "bots"), scan):
        bots = await db.read(*(db.bot(tenant_id, id_in(member)) for member in page))
        found = zip(bots, page, strict=True)
        rows += [(kept, member) for kept, member in found if kept and (kept.bot.deleted_at is not None) == deleted]
        if len(rows) >= scan.rows:
            break
    return scan.slice(rows[: scan.rows], lambda row: row[0].bot, lambda row: position_in(row[1]))


async def _update(db: Session, tenant_id: str, bot_id: str, change: BotChange, if_version: int | None) -> Bot:
    before = await live_bot(db, tenant_id, bot_id)
    check_version("bot", before.bot.version, if_version)
    kept = replace(before, bot=changed_bot(before.bot, change, from_micros(db.now)))
    take_name(db, kept, await db.one(holder_of(db, tenant_id, kept.bot.name)), before)
    db.put(kept)
    return kept.bot


async def _delete(db: Session, tenant_id: str, bot_id: str, if_version: int | None) -> None:
    kept = await live_bot(db, tenant_id, bot_id)
    check_version("bot", kept.bot.version, if_version)
    db.do("HDEL", db.keys.tenant(tenant_id, "names"), kept.bot.name)
    db.put(replace(kept, bot=replace(kept.bot, deleted_at=from_micros(db.now))))


async def open_turns_of_bot(db: Session, tenant_id: str, bot_id: str) -> Sequence[str]:
    """Running ones first."""
    found: list[str] = []
    for status in (TurnStatus.RUNNING, TurnStatus.QUEUED):
        async for page in members(db, db.keys.turns(tenant_id, status), _ALL):
            turns = await db.read(*(db.turn(id_in(member)) for member in page))
            found += [turn.id for turn in turns if turn is not None and turn.bot_id == bot_id]
    return found


async def _restore(db: Session, tenant_id: str, bot_id: str) -> Bot:
    kept = await db.one(db.bot(tenant_id, bot_id))
    if kept is None:
        raise NotFound
    if kept.bot.deleted_at is not None:
        kept = replace(kept, bot=replace(kept.bot, deleted_at=None))
        take_name(db, kept, await db.one(holder_of(db, tenant_id, kept.bot.name)))
        db.put(kept)
    return kept.bot
