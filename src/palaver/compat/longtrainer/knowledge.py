"""What a bot knows: documents that are added once each, what is found in them, and training."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from palaver.arguments import DocumentFields
from palaver.compat.lists import each
from palaver.compat.longtrainer.refusals import not_offered
from palaver.compat.longtrainer.translate import found_metadata, whole_text
from palaver.document import Chunk, Document, DocumentStatus, Source
from palaver.errors import DocumentFailed, InvalidInput, NotFound
from palaver.page import PAGE_LIMIT_MAX
from palaver.retrieval.kinds import READ_ENDINGS
from palaver.sources import is_url
from palaver.surface import Hub
from palaver.text import as_name, is_blank

_VIDEOS = ("youtube.com", "youtu.be")


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A text with what is known of it: a LongTrainer document, or a passage that was found (``score`` 0–1, 1 is best)."""

    content: str
    metadata: Mapping[str, Any]
    score: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """Something to add: its source (None: ``fields`` have the text), and the hash of its content, where that is known."""

    source: Source | None
    fields: DocumentFields
    sha256: str | None = None


def of_file(path: Path) -> Given:
    """Return a file as something to add.

    Raises:
        InvalidInput: There is no such file, or it can't be read.
    """
    try:
        content = path.read_bytes()
    except (OSError, ValueError) as error:
        raise InvalidInput(f"{path} can't be read: {getattr(error, 'strerror', None) or error}.") from None
    return Given(source=path, fields={"metadata": {"source": str(path)}}, sha256=hashlib.sha256(content).hexdigest())


def of_link(link: str) -> Given:
    """Return a page as something to add; what cites it names its address.

    Raises:
        InvalidInput: It is no URL.
        NotOffered: It is a video.
    """
    if not is_url(link):
        raise InvalidInput("A link begins with http:// or https://.")
    host = (urlsplit(link).hostname or "").lower()
    if any(host == video or host.endswith(f".{video}") for video in _VIDEOS):
        raise not_offered("YouTube")
    return Given(source=link, fields={"title": as_name(link, "Page"), "metadata": {"source": link}})


def of_text(content: str, metadata: Mapping[str, Any]) -> Given | None:
    """Return a text as something to add; None if nothing in it would be seen. Metadata that are no JSON become texts."""
    if is_blank(content):
        return None
    kept = json.loads(json.dumps(dict(metadata), default=str))
    fields = DocumentFields(text=content, metadata=kept)
    named = next((kept[name] for name in ("title", "source") if isinstance(kept.get(name), str)), None)
    if named is not None:
        fields["title"] = as_name(named, "Untitled")
    return Given(source=None, fields=fields, sha256=hashlib.sha256(content.encode()).hexdigest())


def files_in(folder: Path, pattern: str) -> Sequence[Path]:
    """Return the files of a folder that fit a pattern and are of a kind that is read; hidden ones are not.

    Raises:
        InvalidInput: There is no such folder, or the pattern is none.
    """
    if not folder.is_dir():
        raise InvalidInput(f"There is no such folder: {folder}.")
    try:
        fitting = sorted(folder.glob(pattern))
    except (ValueError, NotImplementedError) as error:
        raise InvalidInput(f"This is no pattern of file names: {error}.") from None
    return [path for path in fitting if _is_read(path, folder)]


def _is_read(path: Path, folder: Path) -> bool:
    is_hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
    return not is_hidden and path.suffix.lower() in READ_ENDINGS and path.is_file()


async def add(hub: Hub, bot_id: str, given: Sequence[Given]) -> None:
    """Give a bot documents and wait until it answers from them. What it has already is passed over.

    All are taken before one is waited for; one that fails keeps no other from being ready.

    Raises:
        DocumentFailed: The first of those that could not be read.
    """
    known = await _hashes(hub, bot_id) if any(each.sha256 for each in given) else set()
    taken = []
    for one in given:
        if one.sha256 is None or one.sha256 not in known:
            taken.append(await hub.documents.add(bot_id, one.source, wait=False, **one.fields))
            known.add(taken[-1].sha256)
    failures = [failed for document in taken if (failed := await _failure(hub, document)) is not None]
    if failures:
        raise failures[0]


async def _failure(hub: Hub, document: Document) -> DocumentFailed | None:
    try:
        await hub.documents.wait(document.id)
    except DocumentFailed as failed:
        return failed
    return None


async def _hashes(hub: Hub, bot_id: str) -> set[str]:
    return {
        document.sha256 async for document in _documents(hub, bot_id) if document.status is not DocumentStatus.FAILED
    }


async def _documents(hub: Hub, bot_id: str) -> AsyncGenerator[Document, None]:
    listed = partial(hub.documents.list, bot_id, limit=PAGE_LIMIT_MAX)
    async for document in each(lambda after: listed() if after is None else listed(after=after)):
        yield document


async def texts(hub: Hub, bot_id: str) -> list[Text]:
    """Return the documents of a bot that it answers from as texts, the oldest first."""
    ready = [document async for document in _documents(hub, bot_id) if document.ready_version is not None]
    return [
        Text(content=whole_text([chunk async for chunk in _chunks(hub, document.id)]), metadata=_told(document))
        for document in reversed(ready)
    ]


async def _chunks(hub: Hub, document_id: str) -> AsyncGenerator[Chunk, None]:
    listed = partial(hub.documents.chunks, document_id, limit=PAGE_LIMIT_MAX)
    async for chunk in each(lambda after: listed() if after is None else listed(after=after)):
        yield chunk


def _told(document: Document) -> Mapping[str, Any]:
    return {**document.metadata, "title": document.title, "document_id": document.id}


async def find(hub: Hub, bot_id: str, query: str, k: int | None = None) -> list[Text]:
    """Return the passages of a bot's documents that fit a query best, best first."""
    hits = (await hub.search(bot_id, query, k=k)).hits
    documents: dict[str, Document] = {}
    for name in dict.fromkeys(hit.chunk.document_id for hit in hits):
        with suppress(NotFound):  # it was deleted a moment ago, and its passages are passed over
            documents[name] = await hub.documents.get(name)
    return [
        Text(content=hit.chunk.text, metadata=found_metadata(documents[hit.chunk.document_id], hit), score=hit.score)
        for hit in hits
        if hit.chunk.document_id in documents
    ]


async def train(hub: Hub, bot_id: str) -> Document | None:
    """Train a bot on what was said in its chats and was not used before; None where nothing is new.

    Raises:
        DocumentFailed: Nothing is used, and all of it can be used the next time.
    """
    return (await hub.train(bot_id)).document
