"""The pairs of a training document as CSV, for people and their spreadsheets.

RFC 4180: every cell in quotes, CRLF at the end of a row, UTF-8. A spreadsheet takes what begins with ``=`` and its like for
a formula, so that such a cell gets an apostrophe in front: what a visitor wrote is never run on the desk of whoever
opens the file. https://owasp.org/www-community/attacks/CSV_Injection
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable
from dataclasses import replace

from palaver.document import Chunk, TrainedPair
from palaver.page import PAGE_LIMIT_MAX, Window
from palaver.stores.knowledge import ChunkRows
from palaver.training.pairs import pairs_in, turn_of

MEDIA_TYPE = "text/csv"
COLUMNS = ("question", "answer", "conversation_id", "turn_id")
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


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


def csv_row(cells: Iterable[str]) -> bytes:
    """Return one row, in which no cell is a formula."""
    return (",".join(map(_cell, cells)) + "\r\n").encode()


def _cell(text: str) -> str:
    shown = f"'{text}" if text.startswith(_FORMULA) else text
    return '"' + shown.replace('"', '""') + '"'
