"""The calls of a trainer about documents."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine, Iterable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from palaver.blocking import BlockingHub
from palaver.compat.longtrainer import knowledge
from palaver.compat.longtrainer.knowledge import Given, Text
from palaver.compat.longtrainer.refusals import NotOffered, UnknownId, not_offered
from palaver.errors import InvalidInput, NotFound
from palaver.surface import Hub

if TYPE_CHECKING:
    from langchain_core.documents import Document

T = TypeVar("T")


class Documents:
    """Documents of bots. What is added is found at once, with no build; what a bot has already is passed over.

    Attributes:
        hub: What everything is kept in.
    """

    hub: BlockingHub

    def get_documents(self, bot_id: str) -> list[Document]:
        """Return the documents of a bot with all of their text, the oldest first."""
        return [_langchain(text) for text in self._run(lambda hub: knowledge.texts(hub, bot_id))]

    def add_document_from_path(self, path: str, bot_id: str, use_unstructured: bool = False) -> None:
        """Add a file; what it is, its content says. Raises ``InvalidInput`` or ``DocumentFailed`` if it can't be read."""
        self._add(bot_id, [knowledge.of_file(Path(path))])

    async def aadd_document_from_path(self, path: str, bot_id: str, use_unstructured: bool = False) -> None:
        """See ``add_document_from_path``."""
        await asyncio.to_thread(self.add_document_from_path, path, bot_id, use_unstructured)

    def add_documents_from_paths(
        self,
        paths: list[str],
        bot_id: str,
        use_unstructured: bool = False,
    ) -> None:
        """Add files. None is added if one is not there; one that can't be read keeps no other from being ready."""
        self._add(bot_id, [knowledge.of_file(Path(path)) for path in paths])

    def add_document_from_link(self, links: list[str], bot_id: str) -> None:
        """Add web pages. ``PALAVER_FETCH`` has to name their hosts, or nothing is fetched."""
        self._add(bot_id, [knowledge.of_link(link) for link in links])

    def add_document_from_directory(self, path: str, bot_id: str, glob: str = "**/*") -> None:
        """Add the files of a folder that fit the pattern and are of a kind that is read."""
        self._add(bot_id, [knowledge.of_file(each) for each in knowledge.files_in(Path(path), glob)])

    def add_document_from_json(self, path: str, bot_id: str, jq_schema: str = ".") -> None:
        """Add a JSON or JSON Lines file; with a ``jq_schema`` each thing that it finds in the file, as a document. Null is none.

        Raises:
            NotOffered: ``jq`` is not installed.
        """
        if jq_schema == ".":
            self.add_document_from_path(path, bot_id)
        else:
            self._add_texts(bot_id, _filtered(path, jq_schema))

    def pass_documents(self, documents: list[Document], bot_id: str) -> None:
        """Add LangChain documents. Those in which nothing would be seen are passed over."""
        self._add_texts(bot_id, (Text(content=each.page_content, metadata=each.metadata) for each in documents))

    def invoke_vectorstore(self, bot_id: str, query: str) -> list[Document]:
        """Return the passages of a bot's documents that fit a query best, best first: as many as an answer gets."""
        return [_langchain(text) for text in self._run(lambda hub: knowledge.find(hub, bot_id, query))]

    def invoke_vectorstore_with_scores(
        self, bot_id: str, query: str, k: int | None = None
    ) -> list[tuple[Document, float]]:
        """Return passages with their distance, nearest first: 0–1, 0 is best. ``retrieval_score`` in their metadata is 1 less it."""
        found = self._run(lambda hub: knowledge.find(hub, bot_id, query, k))
        return [(_langchain(text, retrieval_score=text.score), 1.0 - text.score) for text in found]

    def add_document_from_query(self, search_query: str, bot_id: str) -> NoReturn:
        """Refuse: Wikipedia is not searched."""
        raise not_offered("add_document_from_query")

    def add_document_from_github(
        self, repo_url: str, bot_id: str, branch: str = "main", access_token: str | None = None
    ) -> NoReturn:
        """Refuse: repositories are not cloned."""
        raise not_offered("add_document_from_github")

    def add_document_from_notion(self, path: str, bot_id: str) -> NoReturn:
        """Refuse: an export of Notion is a folder."""
        raise not_offered("add_document_from_notion")

    def add_document_from_crawl(self, url: str, bot_id: str, max_depth: int = 2) -> NoReturn:
        """Refuse: links are not followed."""
        raise not_offered("add_document_from_crawl")

    def add_document_from_dynamic_loader(self, bot_id: str, loader_class_name: str, **kwargs: Any) -> NoReturn:
        """Refuse: a loader is the program's own."""
        raise not_offered("add_document_from_dynamic_loader")

    def add_document_from_aws_s3(
        self,
        bucket: str,
        bot_id: str,
        prefix: str = "",
        aws_access_key_id: str | None = None,
        aws_secret_access_key: str | None = None,
    ) -> NoReturn:
        """Refuse: S3 is not read."""
        raise not_offered("add_document_from_aws_s3")

    def add_document_from_google_drive(
        self, folder_id: str, bot_id: str, credentials_path: str = "credentials.json"
    ) -> NoReturn:
        """Refuse: Google Drive is not read."""
        raise not_offered("add_document_from_google_drive")

    def add_document_from_confluence(
        self, url: str, username: str, api_key: str, bot_id: str, space_key: str | None = None
    ) -> NoReturn:
        """Refuse: Confluence is not read."""
        raise not_offered("add_document_from_confluence")

    def _add_texts(self, bot_id: str, texts: Iterable[Text]) -> None:
        given = (knowledge.of_text(text.content, text.metadata) for text in texts)
        self._add(bot_id, [each for each in given if each is not None])

    def _add(self, bot_id: str, given: Sequence[Given]) -> None:
        self._run(lambda hub: knowledge.add(hub, bot_id, given))

    def _run(self, work: Callable[[Hub], Coroutine[Any, Any, T]]) -> T:
        """Do something with the hub. An id that leads nowhere is an ``UnknownId`` here."""
        try:
            return self.hub.run(work)
        except NotFound as error:
            raise UnknownId("There is no such bot or chat.") from error


def _langchain(text: Text, **more: Any) -> Document:
    from langchain_core.documents import Document

    return Document(page_content=text.content, metadata={**text.metadata, **more})


def _filtered(path: str, jq_schema: str) -> Iterable[Text]:
    if find_spec("jq") is None:
        raise NotOffered("jq_schema: A filter needs pip install 'palaver[longtrainer]'.")
    import jq

    try:
        content = Path(path).read_text(encoding="utf-8")
        found = jq.compile(jq_schema).input_text(content).all()
    except (OSError, ValueError) as error:
        raise InvalidInput(f"{path} can't be read so: {error}.") from None
    for number, value in enumerate(found, start=1):
        if value is None:
            continue
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        yield Text(content=text, metadata={"source": path, "seq_num": number})
