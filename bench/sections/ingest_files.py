"""Reading files in a child process: how fast, how much memory the child takes, and by how much the asking process grows."""

from __future__ import annotations

import asyncio
import gc
import os
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from bench.measure import median, resident_bytes
from bench.tables import Goal, Table
from documents.docx_files import document, docx, paragraph
from documents.pdf_files import book
from palaver.retrieval.chunking import chunks_of
from palaver.retrieval.conversion import read
from palaver.retrieval.loaders.catalog import CSV, DOCX, HTML, MARKDOWN, PDF, PLAIN

PAGES = {"quick": 50, "default": 500, "full": 500}
TRIES = {"quick": 1, "default": 3, "full": 5}
CHILD_MB, PARENT_MB = 300, 32
SENTENCE = "The quick brown fox jumps over the lazy dog and says so at some length today. "
MB = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What one reading took; the peak of the child is looked for every 5 ms."""

    seconds: float
    child_bytes: int
    parent_bytes: int
    chunk_seconds: float
    chunks: int


def _files(pages: int) -> Mapping[str, tuple[str, bytes]]:
    count = 40 * pages
    return {
        "one line of text": (PLAIN, SENTENCE.encode()),
        f"PDF, {pages} pages": (PDF, book(pages)),
        f"DOCX, {count:,} paragraphs": (DOCX, docx(document(*[paragraph(SENTENCE)] * count))),
        f"HTML, {count:,} paragraphs": (HTML, f"<p>{SENTENCE}</p>\n".encode() * count),
        f"Markdown, {count:,} paragraphs": (MARKDOWN, f"{SENTENCE}\n\n".encode() * count),
        f"CSV, {count:,} rows": (CSV, b"name,note\n" + f"fox,{SENTENCE}\n".encode() * count),
    }


async def _peak_of_child(stop: asyncio.Event) -> int:
    """The most memory that a child of this process has held, until told to stop. Linux only."""
    peak = 0
    while not stop.is_set():
        for path in Path(f"/proc/{os.getpid()}/task").glob("*/children"):
            with suppress(OSError, StopIteration):
                for pid in path.read_text().split():
                    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
                    peak = max(peak, next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:")))
        await asyncio.sleep(0.005)
    return peak


async def _reading(media_type: str, content: bytes) -> Reading:
    gc.collect()
    before, stop = resident_bytes(os.getpid()), asyncio.Event()
    async with asyncio.TaskGroup() as group:
        watching = group.create_task(_peak_of_child(stop))
        begun = time.perf_counter()
        extract = await read(content, media_type=media_type)
        seconds = time.perf_counter() - begun
        stop.set()
    parent_bytes = max(resident_bytes(os.getpid()) - before, 0)
    begun = time.perf_counter()
    chunks = sum(1 for _ in chunks_of(extract, document_id="doc_x", version=1))
    return Reading(
        seconds=seconds,
        child_bytes=watching.result(),
        parent_bytes=parent_bytes,
        chunk_seconds=time.perf_counter() - begun,
        chunks=chunks,
    )


def _row(name: str, content: bytes, readings: Sequence[Reading]) -> tuple[str, ...]:
    return (
        name,
        f"{len(content) / 1000:,.0f}",
        f"{median([reading.seconds for reading in readings]):.2f}",
        f"{max(reading.child_bytes for reading in readings) / MB:.0f}",
        f"{max(reading.parent_bytes for reading in readings) / MB:.1f}",
        f"{readings[0].chunks:,}",
        f"{median([reading.chunk_seconds for reading in readings]):.2f}",
    )


async def measure(_folder: Path, *, scale: str) -> list[Table]:
    """Read each file a few times."""
    pages, rows = PAGES[scale], []
    taken: dict[str, list[Reading]] = {}
    for name, (media_type, content) in _files(pages).items():
        taken[name] = [await _reading(media_type, content) for _ in range(TRIES[scale])]
        rows.append(_row(name, content, taken[name]))
    pdf = taken[f"PDF, {pages} pages"]
    table = Table(
        title="Reading files, each in a child process",
        columns=("", "kB", "s", "child, MB", "growth here, MB", "chunks", "cutting, s"),
        rows=rows,
        note=f"{pages / median([reading.seconds for reading in pdf]):.0f} pages of PDF a second. Times are medians of "
        f"{TRIES[scale]}, memory the most of any; a child with nothing to do takes what the line of text takes.",
        goals=[
            Goal(
                text=f"a PDF of {pages} pages, MB in the child",
                measured=max(reading.child_bytes for reading in pdf) / MB,
                limit=CHILD_MB,
            ),
            Goal(
                text=f"a PDF of {pages} pages, MB that the server grows by",
                measured=max(reading.parent_bytes for reading in pdf) / MB,
                limit=PARENT_MB,
            ),
        ],
    )
    return [table]
