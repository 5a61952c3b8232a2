"""Many documents, one by one: what is known is skipped, what fails is noted, and a few are made ready at a time."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console
from rich.text import Text

from palaver.arguments import DocumentFields
from palaver.blocking import BlockingHub
from palaver.cli.find import PAGE
from palaver.cli.paths import Entry, Missing
from palaver.cli.show import clean
from palaver.document import Document, DocumentStatus
from palaver.errors import PalaverError
from palaver.jsonable import encode

AT_ONCE = 8
"""How many documents are on their way at the same time: enough to keep the server busy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Added:
    """What came of it."""

    added: list[Document] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    failed: list[tuple[str, PalaverError]] = field(default_factory=list)

    @property
    def status(self) -> int:
        """The exit code of the command."""
        return 1 if self.failed else 0

    def plain(self) -> Any:
        """As JSON shapes."""
        failed = [{"source": name, "code": error.code, "message": error.message} for name, error in self.failed]
        return {"added": encode(self.added), "skipped": self.skipped, "failed": failed}

    def show(self, console: Console) -> None:
        """For a person."""
        for name in self.skipped:
            console.print(Text(f"skipped  {clean(name)}: the bot has it already"), soft_wrap=True)
        for name, error in self.failed:
            console.print(Text(f"failed   {clean(name)}: {clean(error.message)}", style="red"), soft_wrap=True)
        chunks = sum(document.chunk_count for document in self.added)
        console.print(
            Text(f"{len(self.added)} added ({chunks} chunks), {len(self.skipped)} skipped, {len(self.failed)} failed.")
        )


class Adding:
    """Gives a bot one document after another."""

    def __init__(self, hub: BlockingHub, bot_id: str, metadata: Mapping[str, str]) -> None:
        self._hub = hub
        self._bot_id = bot_id
        self._metadata = metadata
        self._known = {(each.sha256, each.title): each for each in _all_documents(hub, bot_id)}
        self._waiting: deque[tuple[str, str]] = deque()
        self._outcome = Added()

    @property
    def under_way(self) -> int:
        """How many were given and are not ready yet."""
        return len(self._waiting)

    def take(self, entry: Entry | Missing) -> None:
        """Give the bot one more; the oldest is waited for when many are on their way."""
        if isinstance(entry, Missing):
            self._outcome.failed.append((entry.name, entry.error))
            return
        try:
            document = self._given(entry)
        except PalaverError as error:
            self._outcome.failed.append((str(entry), error))
            return
        if document is None:
            self._outcome.skipped.append(str(entry))
        else:
            self._waiting.append((str(entry), document.id))
        if len(self._waiting) >= AT_ONCE:
            self._settle()

    def _given(self, entry: Entry) -> Document | None:
        """Give the bot a document; None for one that it has. One that failed before is tried again."""
        known = self._known.get(_identity(entry))
        if known is None:
            fields: DocumentFields = {"metadata": self._metadata}
            if entry.title is not None:
                fields["title"] = entry.title
            return self._hub.documents.add(self._bot_id, entry.source, wait=False, **fields)
        return self._hub.documents.replace(known.id, wait=False) if known.status is DocumentStatus.FAILED else None

    def finish(self) -> Iterator[int]:
        """Wait for those that are on their way; tell after each how many are left."""
        while self._waiting:
            self._settle()
            yield len(self._waiting)

    def _settle(self) -> None:
        name, document_id = self._waiting.popleft()
        try:
            self._outcome.added.append(self._hub.documents.wait(document_id))
        except PalaverError as error:
            self._outcome.failed.append((name, error))

    def outcome(self) -> Added:
        """Return what came of it so far."""
        return self._outcome


def _identity(entry: Entry) -> tuple[str, str]:
    """What makes a document known: its content, by hash, and its title. A page may have changed: it is never known."""
    if isinstance(entry.source, str) or entry.title is None:
        return "", ""
    try:
        with entry.source.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest(), entry.title
    except OSError:  # it is said when the file is read to be given
        return "", entry.title


def _all_documents(hub: BlockingHub, bot_id: str) -> Iterator[Document]:
    page = hub.documents.list(bot_id, limit=PAGE)
    while True:
        yield from page
        if page.next is None:
            return
        page = hub.documents.list(bot_id, limit=PAGE, after=page.next)
