"""Waiting for a document: until its newest version is ready, or has failed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from palaver.document import Document, DocumentStatus
from palaver.errors import DocumentFailed

FIRST_LOOK_SECONDS = 0.02
LONGEST_PAUSE_SECONDS = 0.5


async def settled(look: Callable[[], Awaitable[Document]]) -> Document:
    """Return the document that ``look`` reads, once it is ready. A version that comes meanwhile is waited for, too.

    Raises:
        DocumentFailed: Its newest version failed; the document tells why.
    """
    pause = FIRST_LOOK_SECONDS
    while True:
        document = await look()
        if document.status is DocumentStatus.READY:
            return document
        if document.status is DocumentStatus.FAILED:
            raise _failed(document)
        await asyncio.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE_SECONDS)


def _failed(document: Document) -> DocumentFailed:
    error = document.error
    said = "It could not be read." if error is None else error.message
    return DocumentFailed(f"{document.title}: {said}", document=document, code=None if error is None else error.code)
