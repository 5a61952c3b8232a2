"""What the conformance tests make of knowledge: documents, chunks, vectors, runs, in one line each."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Sequence
from typing import Any

from palaver.bot import Bot
from palaver.document import Chunk, ChunkKey, Citation, Document, DocumentSource, Hit, Provenance, citation_of
from palaver.ids import new_id
from palaver.stores.base import Store
from palaver.stores.knowledge_orders import ChunkQuery, DocumentDraft, Embedded, Ingestion, Pair
from palaver.testing.stores.making import LEASE_SECONDS, OWNER, TENANT

EMBEDDING = "scripted/2"


def sha256_of(content: bytes) -> str:
    """Return 64 hex digits."""
    return hashlib.sha256(content).hexdigest()


def a_draft(bot: Bot, content: bytes = b"", **fields: Any) -> DocumentDraft:
    """A document of a bot, as a caller describes it."""
    given = {"title": "Handbook", "source": DocumentSource.FILE, "media_type": "text/plain", **fields}
    return DocumentDraft(id=new_id("doc"), bot_id=bot.id, sha256=sha256_of(content), **given)


async def add(
    store: Store, bot: Bot, content: bytes = b"What it says.", *, tenant_id: str = TENANT, **fields: Any
) -> Document:
    """Keep a document that nobody has made ready yet."""
    return (await store.create_document(tenant_id, a_draft(bot, content, **fields), content)).value


async def claimed(store: Store, document: Document, owner: str = OWNER) -> Ingestion:
    """Claim what can be claimed, and return the claim of this document that must be among it."""
    claims = await store.claim_documents(owner, LEASE_SECONDS, 100)
    return next(claim for claim in claims if claim.document.id == document.id)


def chunks_of(claim: Ingestion, *texts: str, after: int = 0, provenance: Sequence[Provenance] = ()) -> list[Chunk]:
    """The chunks of the claimed version that say these texts, ``after`` others of it."""
    made: list[Chunk] = []
    end = 0
    for number, text in enumerate(texts):
        chunk = Chunk(
            document_id=claim.document.id,
            version=claim.document.version,
            ordinal=after + number,
            text=text,
            start=end,
            end=end + len(text),
            tokens=len(text) // 4,
            sha256=sha256_of(text.encode()),
            heading="Handbook › Part" if number % 2 else None,
            page=number + 1 if number % 2 else None,
            provenance=provenance[number] if provenance else None,
        )
        end = chunk.end
        made.append(chunk)
    return made


def floats(*numbers: float) -> bytes:
    """A vector: little-endian float32."""
    return struct.pack(f"<{len(numbers)}f", *numbers)


def embedded(*vectors: Sequence[float], embedding: str = EMBEDDING) -> Embedded:
    """The vectors of some chunks."""
    return Embedded(embedding=embedding, vectors=tuple(floats(*vector) for vector in vectors))


async def publish(
    store: Store, document: Document, *texts: str, vectors: Sequence[Sequence[float]] = (), title: str | None = None
) -> Document:
    """Make a document ready that waits for it."""
    claim = await claimed(store, document)
    await store.put_chunks(claim, chunks_of(claim, *texts), embedded(*vectors) if vectors else None)
    return await store.publish_document(claim, title=title)


async def known(
    store: Store,
    bot: Bot,
    *texts: str,
    tenant_id: str = TENANT,
    vectors: Sequence[Sequence[float]] = (),
    **fields: Any,
) -> Document:
    """A document that is ready, with these chunks."""
    document = await add(store, bot, "\n".join(texts).encode(), tenant_id=tenant_id, **fields)
    return await publish(store, document, *texts, vectors=vectors)


async def found(
    store: Store, bot: Bot, words: str, *, k: int = 10, tenant_id: str = TENANT, **fields: Any
) -> list[str]:
    """Return the texts of the chunks that fit, best first."""
    hits = await store.search_chunks(tenant_id, ChunkQuery(bot_id=bot.id, text=words, k=k, **fields))
    return texts_of(hits)


def texts_of(hits: Sequence[Hit]) -> list[str]:
    """Return what was found."""
    return [hit.chunk.text for hit in hits]


async def quote_of(store: Store, bot: Bot, document: Document, ordinal: int = 0) -> Citation:
    """Return a citation of a chunk of a ready document."""
    hits = await store.find_chunks(TENANT, bot.id, [ChunkKey(document.id, document.ready_version or 0, ordinal)])
    return citation_of(hits[0])


async def run(store: Store, bot: Bot, owner: str = OWNER, **fields: Any) -> Ingestion:
    """Begin a training run."""
    draft = a_draft(bot, source=DocumentSource.TRAINING, title="Training", **fields)
    return await store.begin_training(TENANT, draft, owner, LEASE_SECONDS)


def learned(claim: Ingestion, pairs: Sequence[Pair], after: int = 0) -> list[Chunk]:
    """The chunks of a run, one a pair."""
    texts = [f"{pair.question.text}\n{pair.answer.text}" for pair in pairs]
    provenance = [
        Provenance(conversation_id=pair.answer.conversation_id, turn_id=pair.answer.turn_id) for pair in pairs
    ]
    return chunks_of(claim, *texts, after=after, provenance=provenance)
