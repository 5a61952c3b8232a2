"""Chunks as they are written and removed: the row, the index of its words, the bot's words, the vectors."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from palaver.document import Chunk, passage_of
from palaver.stores.knowledge_orders import Embedded, vectors_by_chunk
from palaver.stores.knowledge_rows import chunk_columns
from palaver.stores.sqlite.cutter import words_of
from palaver.stores.sqlite.quarters import forget_quarters
from palaver.stores.sqlite.residue import note_chunk_residue
from palaver.stores.sqlite.transaction import Row, Transaction

_CHUNKS_OF_BOT = 2**32


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Chunks, the vectors of each by their embeddings' names, and the words of all of them."""

    chunks: Sequence[Chunk]
    vectors: Sequence[Mapping[str, bytes]]
    words: frozenset[str]

    @classmethod
    def of(cls, chunks: Sequence[Chunk], embedded: Embedded | None) -> Batch:
        """Return what is written of some chunks. Takes milliseconds."""
        return cls.with_vectors(chunks, vectors_by_chunk(len(chunks), embedded))

    @classmethod
    def with_vectors(cls, chunks: Sequence[Chunk], vectors: Sequence[Mapping[str, bytes]]) -> Batch:
        """Return what is written of chunks with vectors by any number of embeddings."""
        return cls(chunks=chunks, vectors=vectors, words=words_of(each.passage for each in chunks))


class ChunkWriting:
    """Writes chunks of one bot."""

    def __init__(self, tx: Transaction, tenant_id: str, bot_n: int) -> None:
        self._tx = tx
        self._tenant_id = tenant_id
        self._bot_n = bot_n
        self._embeddings: dict[str, int] = {}

    def put(self, batch: Batch, *, document_n: int, fence: int) -> tuple[int, int] | None:
        """Write chunks of a version; return the first and last key of those that are new.

        Those that are there stay as they are; those whose turn is gone are passed over.
        """
        n = first = self._after("last_chunk")
        for chunk, vectors in zip(batch.chunks, batch.vectors, strict=True):
            made_of = chunk.provenance
            turn = made_of and self._tx.row("chunk_turn", id=made_of.turn_id, tenant_id=self._tenant_id)
            if made_of is not None and turn is None:
                continue
            place = {"n": n, "document_n": document_n, "fence": fence, "turn_n": turn and turn[0]}
            if self._tx.run("insert_chunk", **place, **chunk_columns(chunk)) == 1:
                self._tx.run("index_chunk", n=n, text=chunk.passage)
                for embedding, vector in vectors.items():
                    self.put_vector(n, embedding, vector)
                n += 1
        self._put_words(batch.words)
        return (first, n - 1) if n > first else None

    def put_vector(self, chunk_n: int, embedding: str, vector: bytes) -> None:
        """Write a vector of a chunk; one that is there stays."""
        if embedding not in self._embeddings:
            row = self._tx.row("embedding", bot_n=self._bot_n, name=embedding)
            made = row[0] if row else self._tx.insert("insert_embedding", bot_n=self._bot_n, name=embedding)
            self._embeddings[embedding] = made
        self._tx.run("insert_vector", embedding_n=self._embeddings[embedding], chunk_n=chunk_n, vector=vector)

    def _after(self, last: str) -> int:
        row = self._tx.row(last, bot_n=self._bot_n)
        return (row[0] + 1) if row and row[0] is not None else self._bot_n * _CHUNKS_OF_BOT

    def _put_words(self, words: frozenset[str]) -> None:
        known = {row[0] for row in self._tx.rows("known_words", bot_n=self._bot_n, words=json.dumps(sorted(words)))}
        n = self._after("last_word")
        for number, word in enumerate(sorted(words - known), n):
            self._tx.run("insert_word", n=number, bot_n=self._bot_n, word=word)
            self._tx.run("index_word", n=number, word=word)


def remove_chunks(tx: Transaction, bot_n: int, rows: Sequence[Row]) -> int:
    """Remove chunks ``(n, text, heading, fingerprint)`` of a bot, with all that was made of them; return how many."""
    embeddings = [row[0] for row in tx.rows("all_embeddings", bot_n=bot_n)]
    for n, text, heading, fingerprint in rows:
        if fingerprint is not None:
            forget_quarters(tx, bot_n, n, fingerprint)
        tx.run("unindex_chunk", n=n, text=passage_of(text, heading))
        for embedding_n in embeddings:
            tx.run("purge_vector", embedding_n=embedding_n, chunk_n=n)
        tx.run("purge_chunk", n=n)
    if rows:
        tx.run("sweep_words", bot_n=bot_n)
        note_chunk_residue(tx)
    return len(rows)
