"""From what a caller gives to what a store is given: the content of a document, looked at before anything is stored."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass

from palaver.document import DocumentSource
from palaver.filenames import safe_name
from palaver.retrieval.fetching import Fetcher
from palaver.retrieval.kinds import kind_of
from palaver.sources import File
from palaver.text import as_name
from palaver.wire.documents import DocumentEdit, DocumentForm

UNNAMED = "Untitled"
TITLE_CODE_POINTS = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What a document is made of. ``title`` is for a caller who gives none."""

    raw: bytes
    title: str
    source: DocumentSource
    media_type: str
    sha256: str
    url: str | None = None


class Intake:
    """Takes the content of documents.

    Args:
        fetcher: Gets the pages of URLs.
        bytes_max: The largest document.
    """

    def __init__(self, fetcher: Fetcher, bytes_max: int) -> None:
        self._fetcher = fetcher
        self._bytes_max = bytes_max

    async def take(self, said: DocumentForm, file: File | None) -> Content | None:
        """Return the content that a request speaks of, or None where it has none.

        Raises:
            InvalidInput: Those of ``kinds.kind_of`` and ``Fetcher.fetch``.
        """
        match said:
            case _ if file is not None:
                return await asyncio.to_thread(self._judged, file, title_of_file(file.name), DocumentSource.FILE)
            case DocumentEdit(text=text) if text:
                written = File(content=text.encode(), media_type=said.media_type or "text/plain")
                return await asyncio.to_thread(self._judged, written, title_of_text(text), DocumentSource.TEXT)
            case DocumentEdit(url=url) if url:
                return await self._page(url)
            case _:
                return None

    async def _page(self, url: str) -> Content:
        page = await self._fetcher.fetch(url)
        found = File(content=page.content, name=page.name, media_type=page.media_type)
        return await asyncio.to_thread(self._judged, found, as_name(url, UNNAMED), DocumentSource.URL, url)

    def _judged(self, file: File, title: str, source: DocumentSource, url: str | None = None) -> Content:
        kind = kind_of(file.content, media_type=file.media_type, name=file.name, limit_bytes=self._bytes_max)
        return Content(
            raw=file.content,
            title=title,
            source=source,
            media_type=kind,
            sha256=hashlib.sha256(file.content).hexdigest(),
            url=url,
        )


def title_of_file(name: str) -> str:
    """Return a title for a file that its owner calls so."""
    return as_name(safe_name(name), UNNAMED)


def title_of_text(text: str) -> str:
    """Return a title for a text: the beginning of its first line."""
    flat = as_name(text.strip().split("\n", 1)[0][: 4 * TITLE_CODE_POINTS], UNNAMED)
    return flat if len(flat) <= TITLE_CODE_POINTS else flat[: TITLE_CODE_POINTS - 1].rstrip() + "…"
