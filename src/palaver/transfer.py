"""Everything of one store, moved to another: ``palaver copy``.

The order is: the secret, then tenant by tenant what is on its shelves, then each conversation with what is inside it.
Whatever the size, a few pages are in memory. A note in the target says how far the copy has come; what was put after it
is put again, which changes nothing. So a copy can be cut anywhere, and the next one goes on. In the end both stores are
read again and compared (``proof``): that finds what changed in the source meanwhile.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from palaver.errors import Conflict
from palaver.page import Position, Slice, Window
from palaver.proof import Proof, content_of, prove
from palaver.shelves import Batch, each, each_on_shelf, each_page, each_tenant
from palaver.stores.base import Store
from palaver.stores.records import (
    AttachmentRecord,
    ConversationRecord,
    DocumentRecord,
    Inside,
    Record,
    Shelf,
    TenantRecord,
)
from palaver.tenant import DEFAULT_TENANT, Tenant

_NOTE = "copy"
_NOTE_SECONDS = 1.0
_CHANGED = "The source was changed while it was copied: stop what writes to it, and copy into a new store."
_SHELVES = tuple(Shelf)


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a copy is: the conversations that it and those before it moved, and the records that it put itself."""

    conversations: int = 0
    records: int = 0


Told = Callable[[Progress], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Mark:
    """How far a copy has come: the tenant, the shelf, and the position of the last page of it that was put."""

    source: str
    tenant_id: str = ""
    shelf: Shelf = Shelf.KEYS
    after: Position | None = None
    conversations: int = 0
    done: bool = False

    def text(self) -> str:
        """As a note."""
        plain = {"source": self.source, "tenant": self.tenant_id, "shelf": self.shelf.value, "after": self.after}
        return json.dumps({**plain, "conversations": self.conversations, "done": self.done})

    @classmethod
    def read(cls, text: str) -> _Mark:
        """Return what a note says."""
        plain = json.loads(text)
        return cls(
            source=plain["source"],
            tenant_id=plain["tenant"],
            shelf=Shelf(plain["shelf"]),
            after=None if plain["after"] is None else tuple(plain["after"]),
            conversations=plain["conversations"],
            done=plain["done"],
        )


def _silent(progress: Progress) -> None:
    del progress


async def copy(source: Store, target: Store, told: Told = _silent) -> Proof:
    """Move everything and prove it: ``move``, then ``proof.prove``."""
    await move(source, target, told)
    return await prove(source, target)


async def move(source: Store, target: Store, told: Told = _silent) -> None:
    """Move everything, or what is left of a copy that was cut. Nothing may be using the target meanwhile.

    Raises:
        Conflict: The target holds something else, or the source changed so that the copy can't go on.
        StoreUnavailable, StoreFull: The same call goes on later.
    """
    mark = await _begin(source, target)
    if mark.done:
        return
    try:
        await _Moving(source, target, mark, told).run()
    except Conflict as error:
        raise Conflict(f"{error.message} {_CHANGED}") from error


async def count_conversations(store: Store) -> int:
    """Return how many conversations all tenants have, deleted ones included."""
    found = 0

    async def take(page: Slice[Record]) -> None:
        nonlocal found
        found += len(page.data)

    async def count(tenant: Tenant) -> None:
        await each_on_shelf(store, Shelf.CONVERSATIONS, tenant.id, take)

    await each_tenant(store, count)
    return found


async def _begin(source: Store, target: Store) -> _Mark:
    """Return where the copy begins or goes on."""
    name = hashlib.sha256(b"palaver copy\0" + await source.secret()).hexdigest()
    note = await target.note(_NOTE)
    mark = None if note is None else _Mark.read(note)
    if mark is not None and mark.source == name:
        return mark
    if mark is not None or not await _is_empty(target):
        raise Conflict("The target holds something else already: copy into a new store.")
    mark = _Mark(source=name)
    await target.set_note(_NOTE, mark.text())
    return mark


async def _is_empty(store: Store) -> bool:
    tenants = await store.page_tenants(Window(limit=2))
    if any(tenant.id != DEFAULT_TENANT for tenant in tenants.data):
        return False
    pages = [await store.page_records(shelf, DEFAULT_TENANT, Window(limit=1)) for shelf in Shelf]
    return not any(page.data for page in pages)


class _Moving:
    """Moves everything from a mark on."""

    def __init__(self, source: Store, target: Store, mark: _Mark, told: Told) -> None:
        self._source = source
        self._target = target
        self._mark = mark
        self._told = told
        self._noted_at = time.monotonic()
        self.progress = Progress(conversations=mark.conversations)

    async def run(self) -> None:
        """Move it all."""
        await self._target.set_secret(await self._source.secret())
        await each_tenant(self._source, self._tenant)
        await self._note(replace(self._mark, done=True), now=True)

    async def _note(self, mark: _Mark, *, now: bool = False) -> None:
        self._mark = mark
        if now or time.monotonic() - self._noted_at > _NOTE_SECONDS:
            await self._target.set_note(_NOTE, replace(mark, conversations=self.progress.conversations).text())
            self._noted_at = time.monotonic()

    async def _put(self, tenant_id: str, records: list[Record]) -> None:
        await self._target.put_records(tenant_id, records)
        self.progress = replace(self.progress, records=self.progress.records + len(records))
        self._told(self.progress)

    async def _tenant(self, tenant: Tenant) -> None:
        if tenant.id < self._mark.tenant_id:
            return
        if tenant.id > self._mark.tenant_id:
            await self._put(tenant.id, [TenantRecord(tenant=tenant)])
            await self._note(replace(self._mark, tenant_id=tenant.id, shelf=Shelf.KEYS, after=None))
        for shelf in _SHELVES[_SHELVES.index(self._mark.shelf) :]:
            if shelf is not self._mark.shelf:
                await self._note(replace(self._mark, shelf=shelf, after=None))
            await each_on_shelf(
                self._source, shelf, tenant.id, partial(self._page, tenant.id, shelf), after=self._mark.after
            )

    async def _page(self, tenant_id: str, shelf: Shelf, page: Slice[Record]) -> None:
        match shelf:
            case Shelf.ATTACHMENTS | Shelf.DOCUMENTS:
                await self._holders(tenant_id, page)
            case Shelf.CONVERSATIONS:
                await each(page.data, partial(self._conversation, tenant_id))
            case _:
                await self._put(tenant_id, list(page.data))
        if page.next is not None:
            await self._note(replace(self._mark, after=page.next))

    async def _holders(self, tenant_id: str, page: Slice[Record]) -> None:
        """Put what has bytes with them, a document's chunks behind it."""
        batch = Batch(partial(self._put, tenant_id))
        for record in page.data:
            if isinstance(record, AttachmentRecord | DocumentRecord):
                content = await content_of(self._source, tenant_id, record)
                if content is not None:
                    await batch.add([replace(record, content=content)])
                    await self._chunks(tenant_id, record, batch)
        await batch.flush()

    async def _chunks(self, tenant_id: str, record: Record, batch: Batch) -> None:
        if isinstance(record, DocumentRecord):
            read = partial(self._source.page_chunk_records, tenant_id, record.document.id)
            await each_page(read, batch.take)

    async def _conversation(self, tenant_id: str, record: Record) -> None:
        """Put a conversation first, because its turns need it, and last, because it names two of them."""
        if not isinstance(record, ConversationRecord):
            return
        batch = Batch(partial(self._put, tenant_id))
        await batch.add([record])
        for inside in Inside:
            read = partial(self._source.page_inside, inside, tenant_id, record.conversation.id)
            await each_page(read, batch.take)
        await batch.add([record])
        await batch.flush()
        self.progress = replace(self.progress, conversations=self.progress.conversations + 1)
        self._told(self.progress)
