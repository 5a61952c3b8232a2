"""Bots: create, edit, delete with all that is under them, restore.

A deleted bot hides its conversations by its own row, which every read of them looks at: however many there are, the
delete changes one row, and ends the turns that are open.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from palaver.bot import Bot
from palaver.clock import from_micros
from palaver.conversation import InterruptReason
from palaver.errors import NameTaken, NotFound
from palaver.page import Order, Slice, Window
from palaver.stores.changes import changed_bot, check_version, new_bot
from palaver.stores.keyset import by_key
from palaver.stores.orders import BotChange, BotDraft, Made, Once
from palaver.stores.postgres.access import Access
from palaver.stores.postgres.once import made_before
from palaver.stores.postgres.session import Session
from palaver.stores.postgres.turn_ends import interrupt
from palaver.stores.rows import bot_columns, bot_of
from palaver.stores.scan import Scan


class PostgresBots(Access):
    """The bots of ``stores.base.BotRows``"""

    async def create_bot(self, tenant_id: str, draft: BotDraft, once: Once | None = None) -> Made[Bot]:
        return await self._write(partial(_create, tenant_id=tenant_id, draft=draft, once=once))

    async def get_bot(self, tenant_id: str, bot_id: str) -> Bot:
        return await self._read(partial(get_bot, tenant_id=tenant_id, bot_id=bot_id))

    async def find_bot(self, tenant_id: str, name: str) -> Bot | None:
        row = await self._read(lambda db: db.row("bot_by_name", tenant_id=tenant_id, name=name))
        return bot_of(row) if row else None

    async def page_bots(self, tenant_id: str, window: Window, *, deleted: bool = False) -> Slice[Bot]:
        return await self._read(partial(_page, tenant_id=tenant_id, window=window, deleted=deleted))

    async def update_bot(self, tenant_id: str, bot_id: str, change: BotChange, *, if_version: int | None = None) -> Bot:
        return await self._write(lambda db: _update(db, tenant_id, bot_id, change, if_version))

    async def delete_bot(self, tenant_id: str, bot_id: str, *, if_version: int | None = None) -> Sequence[str]:
        return await self._write(lambda db: _delete(db, tenant_id, bot_id, if_version))

    async def restore_bot(self, tenant_id: str, bot_id: str) -> Bot:
        return await self._write(lambda db: _restore(db, tenant_id, bot_id))


async def get_bot(db: Session, tenant_id: str, bot_id: str, *, to_change: bool = False) -> Bot:
    """Return a bot, which nobody else changes until the commit if it is ``to_change``; or raise ``NotFound``."""
    row = await db.row("bot_to_change" if to_change else "bot", id=bot_id, tenant_id=tenant_id)
    if row is None:
        raise NotFound
    return bot_of(row)


async def _refuse_taken(db: Session, tenant_id: str, name: str, bot_id: str) -> None:
    taken = await db.row("bot_by_name", tenant_id=tenant_id, name=name)
    if taken is not None and taken[0] != bot_id:
        raise NameTaken("A bot has that name already.")


async def _create(db: Session, tenant_id: str, draft: BotDraft, once: Once | None) -> Made[Bot]:
    known = await made_before(db, tenant_id, "bot", once, draft.id)
    if known is not None:
        return Made(value=await get_bot(db, tenant_id, known), replayed=True)
    await _refuse_taken(db, tenant_id, draft.name, draft.id)
    await db.run("insert_bot", tenant_id=tenant_id, **bot_columns(new_bot(draft, from_micros(db.now))))
    return Made(value=await get_bot(db, tenant_id, draft.id))


async def _page(db: Session, tenant_id: str, window: Window, *, deleted: bool) -> Slice[Bot]:
    scan = Scan.over(window, Order.DESC)
    where, order, start = by_key(scan, "b.n")
    state = "IS NOT NULL" if deleted else "IS NULL"
    rows = await db.select(
        f"SELECT {db.queries['bot_columns']} FROM bots b"  # noqa: S608 - constants
        f" WHERE b.tenant_id = :tenant_id AND b.deleted_at {state} AND {where} ORDER BY {order} LIMIT :limit",
        {"start": start, "tenant_id": tenant_id, "limit": scan.rows},
    )
    return scan.slice(rows, bot_of, lambda row: (row[-1],))


async def _update(db: Session, tenant_id: str, bot_id: str, change: BotChange, if_version: int | None) -> Bot:
    bot = await get_bot(db, tenant_id, bot_id, to_change=True)
    check_version("bot", bot.version, if_version)
    changed = changed_bot(bot, change, from_micros(db.now))
    await _refuse_taken(db, tenant_id, changed.name, bot_id)
    await db.run("update_bot", tenant_id=tenant_id, **bot_columns(changed))
    return changed


async def _delete(db: Session, tenant_id: str, bot_id: str, if_version: int | None) -> Sequence[str]:
    bot = await get_bot(db, tenant_id, bot_id, to_change=True)
    check_version("bot", bot.version, if_version)
    await db.run("delete_bot", tenant_id=tenant_id, id=bot_id, now=db.now)
    open_turns = await db.rows("open_turns_of_bot", tenant_id=tenant_id, bot_id=bot_id)
    return tuple([await interrupt(db, (tenant_id, row[0]), row[1], InterruptReason.DELETED) for row in open_turns])


async def _restore(db: Session, tenant_id: str, bot_id: str) -> Bot:
    row = await db.row("deleted_bot", id=bot_id, tenant_id=tenant_id)
    if row is not None:
        await _refuse_taken(db, tenant_id, bot_of(row).name, bot_id)
        await db.run("restore_bot", tenant_id=tenant_id, id=bot_id)
    return await get_bot(db, tenant_id, bot_id)  # restoring what is there changes nothing
