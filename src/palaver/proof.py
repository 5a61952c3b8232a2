"""Whether two stores hold the same: how many records of each kind a tenant has, and a hash of all that is in them.

The hash of a kind is the sum of its records' hashes, so their order does not matter and nothing has to be kept.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial

from palaver.errors import NotFound
from palaver.page import Slice
from palaver.shelves import Read, each, each_on_shelf, each_page, each_tenant, together
from palaver.stores.base import Store
from palaver.stores.record_hashes import content_hash
from palaver.stores.records import (
    AttachmentRecord,
    ConversationRecord,
    DocumentRecord,
    Inside,
    Record,
    Shelf,
    TenantRecord,
)
from palaver.tenant import Tenant

_MODULUS = 2**256
_NAMED_MAX = 5


class Kind(StrEnum):
    """What is counted."""

    TENANT = "tenant"
    KEYS = "keys"
    BOTS = "bots"
    ENTITIES = "entities"
    ATTACHMENTS = "attachments"
    CONVERSATIONS = "conversations"
    TURNS = "turns"
    MESSAGES = "messages"
    EVENTS = "events"
    DOCUMENTS = "documents"
    CHUNKS = "chunks"


@dataclass(frozen=True, slots=True)
class Sum:
    """How many records, and the sum of their hashes modulo 2^256."""

    count: int = 0
    total: int = 0

    def __add__(self, other: Sum) -> Sum:
        return Sum(self.count + other.count, (self.total + other.total) % _MODULUS)


Tally = Mapping[Kind, Sum]


def sum_of(records: Sequence[Record]) -> Sum:
    """Return the sum of some records."""
    return Sum(len(records), sum(int.from_bytes(content_hash(record)) for record in records) % _MODULUS)


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantProof:
    """What two stores hold of one tenant. ``conversations`` names up to five whose turns, messages or events differ."""

    tenant_id: str
    source: Tally
    target: Tally
    conversations: Sequence[str] = ()

    @property
    def differing(self) -> Sequence[Kind]:
        """The kinds of which they do not hold the same."""
        return tuple(kind for kind in Kind if self.source[kind] != self.target[kind])

    @property
    def equal(self) -> bool:
        """Whether they hold the same."""
        return not self.differing


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What two stores hold, tenant by tenant."""

    tenants: Sequence[TenantProof]

    @property
    def equal(self) -> bool:
        """Whether they hold the same."""
        return all(tenant.equal for tenant in self.tenants)


def digest_of(tally: Tally) -> str:
    """Return 64 hex digits that stand for all that was counted."""
    lines = "".join(f"{kind}:{its.count}:{its.total:064x};" for kind, its in sorted(tally.items()))
    return hashlib.sha256(lines.encode()).hexdigest()


Told = Callable[[int], None]


def _silent(conversations: int) -> None:
    del conversations


async def prove(source: Store, target: Store, told: Told = _silent) -> Proof:
    """Read both stores to their ends and compare them. ``told`` hears how many conversations of the source were read."""
    ours, theirs = await _tenants(source), await _tenants(target)
    proofs: list[TenantProof] = []
    seen = 0

    def one() -> None:
        nonlocal seen
        seen += 1
        told(seen)

    for tenant_id in sorted(ours.keys() | theirs.keys()):
        counted = (_Count(source, tenant_id, one), _Count(target, tenant_id))
        await together(counted[0].run(ours.get(tenant_id)), counted[1].run(theirs.get(tenant_id)))
        proof = TenantProof(tenant_id=tenant_id, source=counted[0].sums, target=counted[1].sums)
        proofs.append(proof if proof.equal else await _named(source, target, proof))
    return Proof(tenants=tuple(proofs))


async def _tenants(store: Store) -> Mapping[str, Tenant]:
    found: dict[str, Tenant] = {}

    async def take(tenant: Tenant) -> None:
        found[tenant.id] = tenant

    await each_tenant(store, take)
    return found


class _Count:
    """Counts what a store holds of one tenant."""

    def __init__(self, store: Store, tenant_id: str, told: Callable[[], None] = lambda: None) -> None:
        self.sums = dict.fromkeys(Kind, Sum())
        self._store = store
        self._tenant_id = tenant_id
        self._told = told

    async def run(self, tenant: Tenant | None) -> None:
        """Count everything."""
        if tenant is None:
            return
        self.sums[Kind.TENANT] = sum_of([TenantRecord(tenant=tenant)])
        for shelf in Shelf:
            await each_on_shelf(self._store, shelf, self._tenant_id, partial(self._shelf, Kind(shelf.value)))

    async def _shelf(self, kind: Kind, page: Slice[Record]) -> None:
        self.sums[kind] += sum_of(page.data)
        match kind:
            case Kind.ATTACHMENTS | Kind.DOCUMENTS:
                for record in page.data:
                    await self._holder(kind, record)
            case Kind.CONVERSATIONS:
                await each(page.data, self._conversation)
            case _:
                pass

    async def _holder(self, kind: Kind, record: Record) -> None:
        """Count the bytes that are there, not those that there should be, and a document's chunks."""
        if isinstance(record, AttachmentRecord | DocumentRecord):
            content = await content_of(self._store, self._tenant_id, record)
            total = int.from_bytes(hashlib.sha256(content).digest()) if content is not None else 0
            self.sums[kind] += Sum(0, total)
        if isinstance(record, DocumentRecord):
            chunks = partial(self._store.page_chunk_records, self._tenant_id, record.document.id)
            found = await _sum_of_pages(chunks)
            self.sums[Kind.CHUNKS] += found

    async def _conversation(self, record: Record) -> None:
        if isinstance(record, ConversationRecord):
            for inside in Inside:
                pages = partial(self._store.page_inside, inside, self._tenant_id, record.conversation.id)
                found = await _sum_of_pages(pages)  # first: others add to the sums meanwhile
                self.sums[Kind(inside.value)] += found
            self._told()


async def content_of(store: Store, tenant_id: str, record: AttachmentRecord | DocumentRecord) -> bytes | None:
    """Return the bytes of an attachment or a document; None if it was purged meanwhile."""
    if isinstance(record, DocumentRecord):
        return await store.record_content(tenant_id, record.document.id)
    try:
        return (await store.get_attachment(tenant_id, record.attachment.id))[1]
    except NotFound:
        return None


async def _sum_of_pages(read: Read) -> Sum:
    found = Sum()

    async def take(page: Slice[Record]) -> None:
        nonlocal found
        found += sum_of(page.data)

    await each_page(read, take)
    return found


async def _named(source: Store, target: Store, proof: TenantProof) -> TenantProof:
    """Return a proof that names conversations of the source which the target does not hold the same inside of."""
    named: list[str] = []

    async def compare(record: Record) -> None:
        if isinstance(record, ConversationRecord) and len(named) < _NAMED_MAX:
            its_id = record.conversation.id
            for inside in Inside:
                pages = (partial(store.page_inside, inside, proof.tenant_id, its_id) for store in (source, target))
                ours, theirs = [await _sum_of_pages(read) for read in pages]
                if ours != theirs:
                    named.append(its_id)
                    return

    async def take(page: Slice[Record]) -> None:
        if len(named) < _NAMED_MAX:
            await each(page.data, compare, at_once=1)

    await each_on_shelf(source, Shelf.CONVERSATIONS, proof.tenant_id, take)
    return replace(proof, conversations=tuple(named))
