"""Chunks and vectors as they are kept, in their document's slot: a hash for each version, and one for each embedding of it.

A field is an ordinal. A chunk's value is a JSON array in the order of the rows of ``stores/knowledge_rows.py``, a vector's its
bytes. A version that is given up is forgotten with a few
commands, whatever its size.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from palaver.document import Chunk, ChunkKey
from palaver.stores.knowledge_rows import chunk_columns, chunk_of
from palaver.stores.redis.keys import Keys
from palaver.stores.redis.server import Command, Word
from palaver.stores.redis.session import Session
from palaver.stores.redis.stored import StoredDocument
from palaver.stores.scan import Scan

T = TypeVar("T")
_AT_ONCE = 200


def chunks_key(keys: Keys, document_id: str, version: int) -> str:
    """The chunks of a version."""
    return keys.of(f"chunks.{version}", document_id)


def vectors_key(keys: Keys, document_id: str, version: int, embedding: str) -> str:
    """The vectors of a version by an embedding."""
    return keys.of(f"vectors.{version}.{embedding}", document_id)


def packed_chunk(chunk: Chunk) -> str:
    """Return what is kept of a chunk."""
    _, *about = chunk_columns(chunk).values()  # all but its ordinal, in their order
    made_of = chunk.provenance
    origin = (None, None) if made_of is None else (made_of.conversation_id, made_of.turn_id)
    return json.dumps([*about, *origin], separators=(",", ":"), ensure_ascii=False)


def unpacked_chunk(key: ChunkKey, kept: bytes) -> Chunk:
    """Return the chunk that was kept."""
    return chunk_of((*key, *json.loads(kept)))


def read(key: str, ordinals: Sequence[int]) -> Command:
    """Return the command that reads some chunks or vectors."""
    return ("HMGET", key, *ordinals)


def write(db: Session, key: str, values: Mapping[int, Word]) -> None:
    """Keep chunks or vectors, as part of the step."""
    if values:
        db.write("HSET", key, *(word for field in values.items() for word in field))


def forget(db: Session, kept: StoredDocument, version: int | None) -> None:
    """Forget the chunks and vectors of a version, as part of the step."""
    if version is not None:
        for key in keys_of(db.keys, kept, version):
            db.write("UNLINK", key)


def keys_of(keys: Keys, kept: StoredDocument, version: int) -> Iterator[str]:
    """Return where the chunks and vectors of a version are, if there are any."""
    yield chunks_key(keys, kept.id, version)
    for embedding in kept.embeddings:
        yield vectors_key(keys, kept.id, version, embedding)


def span_of(kept: StoredDocument, version: int) -> int:
    """Return a number above all ordinals of a version."""
    return kept.span if version == kept.ready_version else kept.next_span


async def walk(
    db: Session, key: str, scan: Scan, span: int, values: Callable[[Mapping[int, bytes]], Awaitable[Mapping[int, T]]]
) -> list[tuple[int, T]]:
    """Return ordinals below ``span`` and what their ``values`` are, those that have one, as many as a scan asks for."""
    found: dict[int, T] = {}
    for ordinals in _stretches(scan, span):
        (answers,) = await db.ask(read(key, ordinals))
        there = zip(ordinals, answers, strict=True)
        found |= await values({at: kept for at, kept in there if kept is not None})
        if len(found) >= scan.rows:
            break
    return list(found.items())[: scan.rows]


def _stretches(scan: Scan, span: int) -> Iterator[Sequence[int]]:
    start = None if scan.start is None else int(scan.start[0] or 0)
    if scan.ascending:
        ahead = range(0 if start is None else start + 1, span)
    else:
        ahead = range((span if start is None else min(start, span)) - 1, -1, -1)
    size = min(_AT_ONCE, scan.rows)
    return (ahead[at : at + size] for at in range(0, len(ahead), size))


def with_embedding(kept: StoredDocument, embedding: str) -> StoredDocument:
    """Return a document that has vectors by an embedding."""
    known = kept.embeddings
    return kept if embedding in known else replace(kept, embeddings=(*known, embedding))
