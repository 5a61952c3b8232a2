"""The contract of a store: what bots know. The rules of ``stores/base.py`` hold here, too.

A document is a row with its newest content and the number of the version that answers come from. Chunks and vectors of a
version are written in batches beforehand, where nobody finds them; ``publish_document`` then makes that version the
ready one, in one step. What a search or a listing returns is live at that moment: its document is not deleted, its bot
is not, it is of the ready version, and the turn that it was made of (training) is not deleted either, nor its
conversation. So what is deleted or replaced is out of every answer with the commit, on every process; caches are asked for
names only, and their answers are looked up here. A bot that is asked for and is not there is ``NotFound`` (``find_chunks``,
which is asked for names, finds nothing).

A document that is deleted is ``NotFound`` until it is restored. Citations in messages stay as they were given; a message
that is read says ``gone`` of those whose document is deleted (the log of a turn and its last event don't: they never
change). A purge of a document removes its content, chunks, vectors and search rows, and empties the title and quote of
every citation of it, in messages and in logs, also where a turn that had read it ends only afterwards. What no version
that is ready has any more (superseded or failed chunks, vectors that don't serve) is purged whatever its age.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from palaver.document import Chunk, ChunkKey, Document, DocumentError, Hit
from palaver.page import Slice, Window
from palaver.stores.knowledge_orders import (
    BotIndex,
    ChunkQuery,
    DocumentDraft,
    DocumentFilter,
    Embedded,
    IndexChange,
    Ingestion,
    Pair,
    Replacement,
    TrainingFilter,
    Vector,
    VectorQuery,
)
from palaver.stores.orders import Made, Once


class DocumentRows(Protocol):
    """Documents and their way into the index."""

    async def create_document(
        self, tenant_id: str, draft: DocumentDraft, content: bytes, once: Once | None = None
    ) -> Made[Document]:
        """Keep a document (``pending``) and its content. Raises ``NotFound`` for the bot, ``KeyReused``."""
        ...

    async def find_made_document(self, tenant_id: str, once: Once) -> Document | None:
        """Return what a create with this key made, so that nothing is spent on making it again.

        Raises ``NotFound`` for what was deleted since, ``KeyReused``.
        """
        ...

    async def get_document(self, tenant_id: str, document_id: str) -> Document:
        """Return a document."""
        ...

    async def get_content(self, tenant_id: str, document_id: str) -> tuple[Document, bytes]:
        """Return a document and its newest content."""
        ...

    async def page_documents(self, tenant_id: str, wanted: DocumentFilter, window: Window) -> Slice[Document]:
        """List documents of a bot, newest first. Raises ``NotFound`` for the bot."""
        ...

    async def replace_document(
        self, tenant_id: str, document_id: str, replacement: Replacement, content: bytes | None
    ) -> Document:
        """Begin the next version (``pending``). The ready one answers on until this one is ready.

        Whoever was making the version before ready loses its fence.
        """
        ...

    async def delete_document(self, tenant_id: str, document_id: str) -> None:
        """Hide a document and all its chunks at once; end the claim of it. What a training document has can be trained on again."""
        ...

    async def restore_document(self, tenant_id: str, document_id: str) -> Document:
        """Bring a deleted document back, with its chunks. One that is there stays as it is. Raises ``NotFound`` once purged."""
        ...

    async def claim_documents(self, owner: str, lease_seconds: float, limit: int) -> Sequence[Ingestion]:
        """Claim up to ``limit`` documents of all tenants that are ``pending``, or ``processing`` with a lease that ran out.

        Training documents are not among them: a run whose lease ran out is failed (``training_cut``). A version that was
        claimed three times already fails instead (``ingestion_crashed``). What an earlier claim of the version wrote is as if
        never written.
        """
        ...

    async def renew_ingestions(self, claims: Sequence[Ingestion], lease_seconds: float) -> frozenset[str]:
        """Move the leases of these claims; return the ids of the documents that are no longer theirs."""
        ...

    async def put_chunks(self, claim: Ingestion, chunks: Sequence[Chunk], embedded: Embedded | None = None) -> None:
        """Write up to ``CHUNKS_AT_ONCE`` chunks of the claimed version, with their vectors. Nobody finds them yet.

        Where no version is ready, ``chunk_count`` tells from then on what was written of this one, as long as the claim goes on.
        The same chunks again change nothing. May use the cheaper setting.

        Raises:
            FenceLost: The claim has ended or somebody else has it. Nothing was written.
        """
        ...

    async def publish_document(
        self, claim: Ingestion, *, title: str | None = None, metadata: Mapping[str, Any] | None = None
    ) -> Document:
        """Make the claimed version the ready one (``ready``); its chunks are found from now on, those before it are not.

        The first vectors that a bot gets decide its ``BotIndex.embedding``. ``title`` and ``metadata`` replace the document's.

        Raises:
            FenceLost: The claim has ended, or the document was deleted. Nothing was written.
        """
        ...

    async def give_document_back(self, claim: Ingestion) -> Document:
        """End the claim as if it had never been: the document waits (``pending``) for anybody, and the try does not count.

        What was written for the version is gone. For a process that stops in good order. Raises ``FenceLost``.
        """
        ...

    async def fail_document(self, claim: Ingestion, error: DocumentError) -> Document:
        """End the claim: the version is ``failed``, what was written for it is gone. Raises ``FenceLost``."""
        ...


class ChunkRows(Protocol):
    """What can be found."""

    async def page_chunks(
        self, tenant_id: str, document_id: str, window: Window, *, version: int | None = None
    ) -> Slice[Chunk]:
        """List the chunks of a version (None: of the ready one) by ``ordinal``. A version that is not ready has none."""
        ...

    async def find_chunks(self, tenant_id: str, bot_id: str, keys: Sequence[ChunkKey]) -> Sequence[Hit]:
        """Return those of these chunks that are live, in the order of ``keys``; ``score`` is 0, ``rank`` the place."""
        ...

    async def search_chunks(self, tenant_id: str, query: ChunkQuery) -> Sequence[Hit]:
        """Return the live chunks of a bot that fit the words best, at most ``k``, best first.

        Words are matched by their stem, case and accents aside, misspelt ones by their trigrams where none fits as written. A
        query without a word finds nothing. No syntax of an index shows. Raises ``FeatureAbsent`` without ``CHUNK_SEARCH``.
        """
        ...

    async def search_vectors(self, tenant_id: str, query: VectorQuery) -> Sequence[Hit]:
        """Return the live chunks of a bot nearest to a vector; the score is the cosine, 0 at least.

        Raises ``FeatureAbsent`` without ``VECTOR_SEARCH``.
        """
        ...

    async def bot_index(self, tenant_id: str, bot_id: str) -> BotIndex:
        """Return what there is to find for a bot. Cheap: one row. Raises ``NotFound``."""
        ...

    async def index_changes(self, tenant_id: str, bot_id: str, *, after: int, limit: int) -> Sequence[IndexChange]:
        """Return the documents of a bot that changed in the index after that revision, in order, each once, as it is now."""
        ...

    async def page_vectors(self, tenant_id: str, key: tuple[str, int], embedding: str, window: Window) -> Slice[Vector]:
        """List the vectors of a document's version (``document_id, version``) by ``ordinal``, ready or not."""
        ...

    async def unembedded_chunks(self, tenant_id: str, bot_id: str, embedding: str, window: Window) -> Slice[Chunk]:
        """List live chunks of a bot that have no vector by this embedding. Only ``limit`` and ``after`` of a window count.

        A page costs what lies between its two ends, whether it has a vector or not. What is published meanwhile may lie
        before a position: only a listing from the beginning that is empty says that nothing is left.
        """
        ...

    async def put_vectors(self, tenant_id: str, embedding: str, vectors: Sequence[Vector]) -> None:
        """Write up to ``CHUNKS_AT_ONCE`` vectors of chunks that are there; others are passed over."""
        ...

    async def claim_embedding(self, tenant_id: str, bot_id: str, owner: str, lease_seconds: float) -> bool:
        """Claim (or go on with) the embedding anew of a bot's chunks. False: another owner has a lease."""
        ...

    async def serve_embedding(self, tenant_id: str, bot_id: str, embedding: str | None) -> bool:
        """Let the vectors of this embedding serve a bot (None: words alone), and drop the others' in time.

        False, and nothing changes, while a live chunk has no vector by it. The revision grows.
        """
        ...


class TrainingRows(Protocol):
    """Past conversations, as knowledge. What a turn was trained into is the provenance of a live training document's chunk."""

    async def begin_training(self, tenant_id: str, draft: DocumentDraft, owner: str, lease_seconds: float) -> Ingestion:
        """Keep a training document without content, claimed (``processing``).

        A run of this bot whose lease has run out is failed (``training_cut``) first.

        Raises:
            NotFound: For the bot.
            TrainingInProgress: Another run of this bot is not over.
        """
        ...

    async def page_untrained(self, tenant_id: str, wanted: TrainingFilter, window: Window) -> Slice[Pair]:
        """List the turns that a run would use, by conversation and then as they were accepted. Only ``limit`` and ``after``
        of a window count.

        They completed, are not deleted (nor is their conversation), have a question and an answer with text, and no
        live training document has them. What was trained before costs nothing: conversations that are marked are not
        looked at.
        """
        ...

    async def alike_fingerprints(self, tenant_id: str, bot_id: str, fingerprints: Sequence[str]) -> frozenset[str]:
        """Return those of these that are like one of the bot's live training chunks (see ``stores.pairs.are_alike``).

        Costs next to nothing more where very much was trained before: at most ``ALIKE_AT_ONCE`` of those that
        have a quarter in common with one are looked at. Raises ``NotFound`` for the bot.
        """
        ...

    async def mark_trained(self, claim: Ingestion, conversation_ids: Sequence[str]) -> None:
        """Note that nothing is left to train on in these conversations, for as long as the claimed document lives.

        A mark is a shortcut of the listing, never the truth: it counts once the document is ready, and a later turn,
        rating or change of status in the conversation takes it back. A conversation in which a turn is open, or ended
        after the run had begun, is not marked: the run may not have seen it. Raises ``FenceLost``.
        """
        ...


class KnowledgeRows(DocumentRows, ChunkRows, TrainingRows, Protocol):
    """All of it."""
