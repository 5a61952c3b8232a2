"""Bots: create, edit, delete with all that is under them, restore."""

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
from palaver.stores.rows import bot_columns, bot_of
from palaver.stores.scan import Scan
from palaver.stores.sqlite.access import Access
from palaver.stores.sqlite.once import made_before, note_made
from palaver.stores.sqlite.transaction import Transaction
from palaver.stores.sqlite.turn_ends import interrupt


class SqliteBots(Access):
    """The bots of ``stores.base.BotRows``"""

    async def create_bot(self, tenant_id: str, draft: BotDraft, once: Once | None = None) -> Made[Bot]:
        return await self._write(partial(_create, tenant_id=tenant_id, draft=draft, once=once))

    async def get_bot(self, tenant_id: str, bot_id: str) -> Bot:
        return await self._read(lambda tx: bot_with_key(tx, tenant_id, bot_id)[0])

    async def find_bot(self, tenant_id: str, name: str) -> Bot | None:
        row = await self._read(lambda tx: tx.row("bot_by_name", tenant_id=tenant_id, name=name))
        return bot_of(row) if row else None

    async def page_bots(self, tenant_id: str, window: Window, *, deleted: bool = False) -> Slice[Bot]:
        return await self._read(partial(_page, tenant_id=tenant_id, window=window, deleted=deleted))

    async def update_bot(self, tenant_id: str, bot_id: str, change: BotChange, *, if_version: int | None = None) -> Bot:
        return await self._write(lambda tx: _update(tx, tenant_id, bot_id, change, if_version))

    async def delete_bot(self, tenant_id: str, bot_id: str, *, if_version: int | None = None) -> Sequence[str]:
        return await self._write(lambda tx: _delete(tx, tenant_id, bot_id, if_version))

    async def restore_bot(self, tenant_id: str, bot_id: str) -> Bot:
        return await self._write(lambda tx: _restore(tx, tenant_id, bot_id))


def bot_with_key(tx: Transaction, tenant_id: str, bot_id: str) -> tuple[Bot, int]:
    """Return a bot and its integer key, or raise ``NotFound``."""
    row = tx.row("bot", id=bot_id, tenant_id=tenant_id)
    if row is None:
        raise NotFound
    return bot_of(row), row[-1]


def _refuse_taken(tx: Transaction, tenant_id: str, name: str, bot_id: str) -> None:
    taken = tx.row("bot_by_name", tenant_id=tenant_id, name=name)
    if taken is not None and taken[0] != bot_id:
        raise NameTaken("A bot has that name already.")


def _create(tx: Transaction, tenant_id: str, draft: BotDraft, once: Once | None) -> Made[Bot]:
    known = made_before(tx, tenant_id, "bot", once)
    if known is not None:
        return Made(value=bot_with_key(tx, tenant_id, known)[0], replayed=True)
    _refuse_taken(tx, tenant_id, draft.name, draft.id)
    bot = new_bot(draft, from_micros(tx.now))
    tx.insert("insert_bot", tenant_id=tenant_id, **bot_columns(bot))
    note_made(tx, tenant_id, "bot", once, draft.id)
    return Made(value=bot_with_key(tx, tenant_id, draft.id)[0])


def _page(tx: Transaction, tenant_id: str, window: Window, *, deleted: bool) -> Slice[Bot]:
    scan = Scan.over(window, Order.DESC)
    where, order, start = by_key(scan, "b.n")
    state = "IS NOT NULL" if deleted else "IS NULL"
    rows = tx.select(
        f"SELECT {tx.queries['bot_columns']} FROM bots b"  # noqa: S608 - constants
        f" WHERE b.tenant_id = :tenant_id AND b.deleted_at {state} AND {where} ORDER BY {order} LIMIT :limit",
        {"start": start, "tenant_id": tenant_id, "limit": scan.rows},
    )
    return scan.slice(rows, bot_of, lambda row: (row[-1],))


def _update(tx: Transaction, tenant_id: str, bot_id: str, change: BotChange, if_version: int | None) -> Bot:
    bot, n = bot_with_key(tx, tenant_id, bot_id)
    check_version("bot", bot.version, if_version)
    changed = changed_bot(bot, change, from_micros(tx.now))
    _refuse_taken(tx, tenant_id, changed.name, bot_id)
    tx.run("update_bot", **bot_columns(changed))
    idles = changed.idle_timeout_minutes is not None
    if idles != (bot.idle_timeout_minutes is not None):
        tx.run("set_idling", bot_n=n, idles=idles)
    return changed


def _delete(tx: Transaction, tenant_id: str, bot_id: str, if_version: int | None) -> Sequence[str]:
    bot, n = bot_with_key(tx, tenant_id, bot_id)
    check_version("bot", bot.version, if_version)
    turns = [interrupt(tx, row[0], InterruptReason.DELETED) for row in tx.rows("open_turns_of_bot", bot_n=n)]
    tx.run("delete_conversations_of_bot", bot_n=n, bot_id=bot_id, now=tx.now)
    tx.run("delete_bot", n=n, now=tx.now)
    return turns


def _restore(tx: Transaction, tenant_id: str, bot_id: str) -> Bot:
    row = tx.row("deleted_bot", id=bot_id, tenant_id=tenant_id)
    if row is None:
        return bot_with_key(tx, tenant_id, bot_id)[0]  # restoring what is there changes nothing
    bot = bot_of(row)
    _refuse_taken(tx, tenant_id, bot.name, bot_id)
    tx.run("restore_bot", n=row[-1])
    tx.run("restore_conversations_of_bot", bot_n=row[-1], bot_id=bot_id)
    return bot_with_key(tx, tenant_id, bot_id)[0]
