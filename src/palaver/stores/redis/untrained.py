"""The second step of the schema: what leads a run of training to its conversations, for a store that was written without it.

It goes through everything a page at a time; one that was cut is run again, and changes nothing that it did already.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import TypeVar

from palaver.page import Order, Slice, Window
from palaver.stores.redis.commit import settle
from palaver.stores.redis.indexes import page
from palaver.stores.redis.marks import mark
from palaver.stores.redis.server import Server
from palaver.stores.redis.session import Session
from palaver.stores.redis.stored import S, StoredConversation, StoredDocument
from palaver.stores.redis.tenants import RedisTenants
from palaver.tenant import Tenant

T = TypeVar("T")
_AT_ONCE = 100


async def enter_untrained(server: Server) -> None:
    """Enter what has no mark that counts in the lists of its bot, and note the marks with the documents that they name."""
    await _Entering(server, None).run()


class _Entering(RedisTenants):
    async def run(self) -> None:
        await _through(self.page_tenants, self._tenants)

    async def _tenants(self, tenants: Sequence[Tenant]) -> None:
        for each in tenants:
            await _through(partial(self._page, StoredDocument, f"documents:{each.id}"), self._settle)
            await _through(partial(self._page, StoredConversation, f"conversations:{each.id}"), self._conversations)

    async def _page(self, kind: type[S], index: str, window: Window) -> Slice[S]:
        return await self._run(lambda db: page(db, kind, index, window, Order.ASC))

    async def _conversations(self, found: Sequence[StoredConversation]) -> None:
        await self._settle(found)
        for each in found:
            if each.trained_ids:
                await self._run(partial(_mark_anew, conversation_id=each.id), each.id)

    async def _settle(self, found: Sequence[StoredDocument | StoredConversation]) -> None:
        await settle(self._server, {self._server.keys.of(each.KIND, each.id): type(each) for each in found}, {})


async def _through(
    page: Callable[[Window], Awaitable[Slice[T]]], visit: Callable[[Sequence[T]], Awaitable[None]]
) -> None:
    window: Window | None = Window(limit=_AT_ONCE)
    while window is not None:
        found = await page(window)
        await visit(found.data)
        window = None if found.next is None else replace(window, after=found.next)


async def _mark_anew(db: Session, conversation_id: str) -> None:
    """Let a mark say since when it counts. One that names a document which is gone counts no more."""
    kept = await db.find_conversation(conversation_id)
    if kept is None or not kept.trained_ids:
        return
    runs = await db.find_all(StoredDocument, kept.trained_ids)
    began_at = [each.created_at for each in runs if each is not None]
    if len(began_at) == len(runs):
        mark(db, kept, kept.trained_ids, began_at[-1])
    else:
        db.put(replace(kept, trained_ids=()))
