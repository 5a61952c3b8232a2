"""The pairs of a training document as CSV."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import replace

from palaver.document import Chunk, TrainedPair
from palaver.page import PAGE_LIMIT_MAX, Window
from palaver.sheet import csv_row
from palaver.stores.knowledge import ChunkRows
from palaver.training.pairs import pairs_in, turn_of

COLUMNS = ("question", "answer", "conversation_id", "turn_id")


async def training_csv(store: ChunkRows, tenant_id: str, document_id: str) -> AsyncGenerator[bytes]:
    """Yield the rows of a training document, the names of the columns first. A page of it is in memory."""
    yield csv_row(COLUMNS)
    window: Window | None = Window(limit=PAGE_LIMIT_MAX)
    chunks: list[Chunk] = []
    while window is not None:
        page = await store.page_chunks(tenant_id, document_id, window)
        chunks += page.data
        window = None if page.next is None else replace(window, after=page.next)
        cut = None if window is None else turn_of(chunks[-1])  # the next page may go on with the last pair
        yield b"".join(map(_row, pairs_in(chunk for chunk in chunks if turn_of(chunk) != cut)))
        chunks = [chunk for chunk in chunks if turn_of(chunk) == cut]


def _row(pair: TrainedPair) -> bytes:
    return csv_row((pair.question, pair.answer, pair.conversation_id, pair.turn_id))
