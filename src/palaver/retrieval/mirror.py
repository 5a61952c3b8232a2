"""Mirrors: what the rows of a bot say, copied into the memory of this process for a search that its store lacks.

A mirror holds documents, each by its ready version. Before each search it asks for the revision of the bot (one row); if
that has moved, it reads which documents changed, and of these what it does not hold. So the first search after a start
reads all of a bot, the next ones nothing, and one after an edit reads one document.

A revision that no changed document explains is that of an embedding that began to serve, or of a history that the mirror
does not know: then everything is read anew.
"""

from __future__ import annotations

import asyncio
import threading
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, TypeVar

from palaver.errors import NotFound
from palaver.page import Slice, Window
from palaver.stores.knowledge import ChunkRows
from palaver.stores.knowledge_orders import IndexChange

T = TypeVar("T")
Row = TypeVar("Row")
CHANGES_AT_ONCE = 500
ROWS_AT_ONCE = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The rows of one bot."""

    store: ChunkRows
    tenant_id: str
    bot_id: str


@dataclass(slots=True, kw_only=True)
class Held:
    """A document in a mirror. ``revision`` is that of its last change."""

    version: int
    revision: int
    metadata: Mapping[str, Any]


class Mirror(ABC, Generic[Row]):
    """A copy of one bot's rows. Everything but ``refresh`` and ``run`` blocks, and is called in a thread, one at a time.

    Attributes:
        revision: The bot's revision when the two were last equal.
        held: The documents.
        is_loaded: It comes from a file: what it holds has to be compared with the rows once.
    """

    def __init__(self) -> None:
        self.revision = 0
        self.held: dict[str, Held] = {}
        self.is_loaded = False
        self._turn = asyncio.Lock()
        # A caller that is cancelled gives its turn away while its thread still works: the threads have a lock of their own.
        self._guard = threading.Lock()

    @property
    @abstractmethod
    def size_bytes(self) -> int:
        """How much memory it takes, about."""

    @abstractmethod
    async def read(self, source: Source, document_id: str, version: int) -> Sequence[Row]:
        """Return all rows of a version. Raises ``NotFound``."""

    @abstractmethod
    def add(self, document_id: str, version: int, rows: Sequence[Row]) -> None:
        """Take a document in that is not held."""

    @abstractmethod
    def remove(self, document_id: str) -> None:
        """Let go of a document that is held."""

    @abstractmethod
    def clear(self) -> None:
        """Let go of all documents."""

    def put_away(self) -> None:
        """Write down what is worth knowing after a restart, if anything is."""
        return

    async def run(self, call: Callable[[], T]) -> T:
        """Return what ``call`` returns, in a thread, when its turn comes."""
        async with self._turn:
            return await self._in_thread(call)

    async def refresh(self, source: Source) -> None:
        """Make it equal to the rows. Raises ``NotFound`` for the bot."""
        async with self._turn:
            index = await source.store.bot_index(source.tenant_id, source.bot_id)
            if index.revision == self.revision and not self.is_loaded:
                return
            changes = await self._changes(source, 0 if self.is_loaded else self.revision)
            if self.revision and not self._is_explained(changes, index.revision):
                await self._in_thread(self._empty)
                changes = await self._changes(source, 0)
            if self.is_loaded:
                await self._forget_others({change.document_id for change in changes})
            for change in changes:
                await self._take(source, change)
            self.revision = max(index.revision, changes[-1].revision if changes else 0)
            self.is_loaded = False

    def _is_explained(self, changes: Sequence[IndexChange], revision: int) -> bool:
        latest = changes[-1].revision if changes else 0
        return revision == self.revision or (revision > self.revision and latest >= revision)

    async def _changes(self, source: Source, after: int) -> Sequence[IndexChange]:
        found: dict[str, IndexChange] = {}
        while True:
            page = await source.store.index_changes(source.tenant_id, source.bot_id, after=after, limit=CHANGES_AT_ONCE)
            for change in page:
                found.pop(change.document_id, None)  # it changed again while the pages were read
                found[change.document_id] = change
            if len(page) < CHANGES_AT_ONCE:
                return list(found.values())
            after = page[-1].revision

    async def _take(self, source: Source, change: IndexChange) -> None:
        held = self.held.get(change.document_id)
        if held is not None and held.version == change.version:
            held.revision, held.metadata = change.revision, change.metadata
            return
        found: Sequence[Row] = ()
        if change.version is not None:
            try:
                found = await self.read(source, change.document_id, change.version)
            except NotFound:  # it is gone since; a later revision says so
                change = IndexChange(revision=change.revision, document_id=change.document_id, version=None)
        await self._in_thread(lambda: self._replace(change, found))

    def _replace(self, change: IndexChange, rows: Sequence[Row]) -> None:
        if change.document_id in self.held:
            del self.held[change.document_id]
            self.remove(change.document_id)
        if change.version is not None:
            self.add(change.document_id, change.version, rows)
            self.held[change.document_id] = Held(
                version=change.version, revision=change.revision, metadata=change.metadata
            )

    async def _forget_others(self, known: set[str]) -> None:
        for document_id in self.held.keys() - known:
            gone = IndexChange(revision=self.revision, document_id=document_id, version=None)
            await self._in_thread(partial(self._replace, gone, ()))

    def _empty(self) -> None:
        self.revision = 0  # should the reading anew be cut, all has to be listed again
        self.held.clear()
        self.clear()

    async def _in_thread(self, call: Callable[[], T]) -> T:
        def guarded() -> T:
            with self._guard:
                return call()

        return await asyncio.to_thread(guarded)


async def all_of(page: Callable[[Window], Awaitable[Slice[T]]]) -> Sequence[T]:
    """Read a listing to its end."""
    found: list[T] = []
    window = Window(limit=ROWS_AT_ONCE)
    while True:
        part = await page(window)
        found.extend(part.data)
        if part.next is None:
            return found
        window = Window(limit=ROWS_AT_ONCE, after=part.next)
