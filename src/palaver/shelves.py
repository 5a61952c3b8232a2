"""A store's records, page by page: what a copy and its proof read. Memory does not grow with what there is.

The next page is read while one is worked on, and several conversations are worked on at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from functools import partial
from typing import Any, TypeVar

from palaver.page import Position, Slice, Window
from palaver.stores.base import Store
from palaver.stores.records import (
    AttachmentRecord,
    ChunkRecord,
    DocumentRecord,
    EventRecord,
    MessageRecord,
    Record,
    Shelf,
)
from palaver.tenant import Tenant

T = TypeVar("T")
PAGE_ROWS = 200
FIRST_ROWS = 25
"""How many are read before it is known how large they are."""
PAGE_BYTES = 256 * 1024
AT_ONCE = 8
"""How many conversations are worked on at once."""
_ROW_BYTES = 500  # what a record takes beyond its text, about


async def together(*steps: Coroutine[Any, Any, None]) -> None:
    """Run all of them at once. The first error ends the others and is raised as it is."""
    try:
        async with asyncio.TaskGroup() as group:
            for step in steps:
                group.create_task(step)
    except ExceptionGroup as failed:
        raise failed.exceptions[0] from None


async def each(items: Iterable[T], take: Callable[[T], Coroutine[Any, Any, None]], *, at_once: int = AT_ONCE) -> None:
    """Do something with every item, with so many of them at once."""
    left = iter(items)

    async def work() -> None:
        for item in left:
            await take(item)

    await together(*(work() for _ in range(at_once)))


def bytes_of(record: Record) -> int:
    """Return about how much memory a record takes."""
    match record:
        case MessageRecord(message=message):
            return _ROW_BYTES + sum(len(repr(part)) for part in message.parts)
        case EventRecord(event=event):
            return _ROW_BYTES + len(event.json)
        case ChunkRecord(chunk=chunk, vectors=vectors):
            return _ROW_BYTES + len(chunk.text) + sum(map(len, vectors.values()))
        case AttachmentRecord(content=content) | DocumentRecord(content=content):
            return _ROW_BYTES + len(content or b"")
        case _:
            return _ROW_BYTES


Read = Callable[[Window], Coroutine[Any, Any, Slice[Record]]]
Take = Callable[[Slice[Record]], Coroutine[Any, Any, None]]


async def each_page(read: Read, take: Take, *, after: Position | None = None) -> None:
    """Do something with every page of a listing, from a position on, while the next one is read.

    Pages get smaller where records are large.
    """
    ahead: list[Slice[Record]] = [await read(Window(limit=min(FIRST_ROWS, PAGE_ROWS), after=after))]

    async def look(window: Window) -> None:
        ahead.append(await read(window))

    while ahead:
        page = ahead.pop()
        if page.next is None:
            await take(page)
        else:
            limit = fitting([bytes_of(record) for record in page.data])
            await together(look(Window(limit=limit, after=page.next)), take(page))


def fitting(sizes: Sequence[int]) -> int:
    """Return how many like these fill a page; sizes are in bytes."""
    each_bytes = sum(sizes) // max(1, len(sizes))
    return max(1, min(PAGE_ROWS, PAGE_BYTES // max(1, each_bytes)))


async def each_tenant(store: Store, take: Callable[[Tenant], Awaitable[None]]) -> None:
    """Do something with every tenant, in the order of their names."""
    window = Window(limit=PAGE_ROWS)
    while True:
        page = await store.page_tenants(window)
        for tenant in page.data:
            await take(tenant)
        if page.next is None:
            return
        window = Window(limit=PAGE_ROWS, after=page.next)


async def each_on_shelf(
    store: Store, shelf: Shelf, tenant_id: str, take: Take, *, after: Position | None = None
) -> None:
    """Do something with every page of a shelf."""
    await each_page(partial(store.page_records, shelf, tenant_id), take, after=after)


class Batch:
    """Records that are put together: a small conversation whole, a large one in pieces."""

    def __init__(self, put: Callable[[list[Record]], Awaitable[None]]) -> None:
        self._put = put
        self._records: list[Record] = []
        self._bytes = 0

    async def add(self, records: Sequence[Record]) -> None:
        """Add some, and put them all if they are many."""
        self._records += records
        self._bytes += sum(map(bytes_of, records))
        if self._bytes >= PAGE_BYTES:
            await self.flush()

    async def take(self, page: Slice[Record]) -> None:
        """Add a page."""
        await self.add(page.data)

    async def flush(self) -> None:
        """Put what there is."""
        if self._records:
            records, self._records, self._bytes = self._records, [], 0
            await self._put(records)
