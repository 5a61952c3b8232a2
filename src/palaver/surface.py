"""What a hub can do: one surface, implemented in this process (``hub/``) and over HTTP (``client/``).

``blocking.py`` is generated from this file, so it is the one place where a call's name, arguments and meaning are written
down; ``arguments.py`` has the fields of those arguments. Every method raises the errors of ``palaver.errors``; the same call
fails the same way on both sides.

Lists are pages: iterate over ``page.data``, pass ``page.next`` as ``after``. Ids of another tenant do not exist.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Protocol, Unpack

from palaver.arguments import (
    AnalyticsQuery,
    AppendFields,
    BotFields,
    BotTrial,
    ConversationEdits,
    ConversationFields,
    ConversationQuery,
    ConversationWhich,
    DocumentFields,
    DocumentQuery,
    EntityFields,
    KeyFields,
    PageQuery,
    SendOptions,
    UnfoundQuestionQuery,
)
from palaver.attachment import Attachment, FileSource
from palaver.bot import Bot
from palaver.conversation import Branch, Conversation, ListedTurn, Message, Turn
from palaver.document import Chunk, Document, Source, TrainingReport
from palaver.entity import Entity
from palaver.events import Event
from palaver.figures import ConversationAnalytics, FiguresReport, UnfoundQuestion
from palaver.page import Page
from palaver.results import Accepted, Loaded, NewKey, Reply, SearchResult, Visitor
from palaver.stores.report import StoreReport
from palaver.tenant import ApiKey, Tenant


class Bots(Protocol):
    """``hub.bots``"""

    async def create(self, *, idempotency_key: str | None = None, **fields: Unpack[BotFields]) -> Bot:
        """Create a bot. Its ``name`` is unique; with no ``model`` it gets the default one."""
        ...

    async def get(self, bot_id: str) -> Bot:
        """Return a bot."""
        ...

    async def list(self, *, deleted: bool = False, **page: Unpack[PageQuery]) -> Page[Bot]:
        """List bots, newest first."""
        ...

    async def update(self, bot_id: str, *, if_version: int | None = None, **fields: Unpack[BotFields]) -> Bot:
        """Edit a bot. With ``if_version`` a concurrent edit is a ``VersionConflict``."""
        ...

    async def delete(self, bot_id: str, *, if_version: int | None = None) -> None:
        """Delete a bot with its conversations. It can be restored until it is purged."""
        ...

    async def restore(self, bot_id: str) -> Bot:
        """Bring a deleted bot back, with what its delete hid."""
        ...

    def ask(self, bot_id: str, text: str, **trial: Unpack[BotTrial]) -> AsyncIterator[Event]:
        """Ask a bot, as it is or as it would be, and read what happens, up to the turn's end. Nothing of it is kept.

        Leaving early stops it. Its turn and its answer can't be found again, and count nowhere.
        """
        ...


class Entities(Protocol):
    """``hub.entities``"""

    async def create(self, *, idempotency_key: str | None = None, **fields: Unpack[EntityFields]) -> Entity:
        """Create an entity."""
        ...

    async def get(self, entity_id: str) -> Entity:
        """Return an entity."""
        ...

    async def list(self, **page: Unpack[PageQuery]) -> Page[Entity]:
        """List entities, newest first."""
        ...

    async def update(self, entity_id: str, *, if_version: int | None = None, **fields: Unpack[EntityFields]) -> Entity:
        """Edit an entity."""
        ...

    async def delete(self, entity_id: str, *, if_version: int | None = None) -> None:
        """Forget an entity; its conversations stay."""
        ...


class Conversations(Protocol):
    """``hub.conversations``"""

    async def create(
        self, bot_id: str, *, idempotency_key: str | None = None, **fields: Unpack[ConversationFields]
    ) -> Conversation:
        """Begin a conversation with a bot."""
        ...

    async def get(self, conversation_id: str) -> Conversation:
        """Return a conversation."""
        ...

    async def list(self, **query: Unpack[ConversationQuery]) -> Page[Conversation]:
        """List conversations, the most recently active first."""
        ...

    async def update(
        self, conversation_id: str, *, if_version: int | None = None, **fields: Unpack[ConversationEdits]
    ) -> Conversation:
        """Edit title, external id or metadata."""
        ...

    async def end(
        self, conversation_id: str, *, rating: int | None = None, feedback: str | None = None, reason: str = "user"
    ) -> Conversation:
        """End a conversation (``reason``: ``user``, ``bot``, ``admin`` or ``idle``); a running turn is stopped first."""
        ...

    async def archive(self, conversation_id: str) -> Conversation:
        """Archive a conversation; a running turn is stopped first."""
        ...

    async def reopen(self, conversation_id: str) -> Conversation:
        """Make an ended or archived conversation active again."""
        ...

    async def delete(self, conversation_id: str, *, if_version: int | None = None) -> None:
        """Delete a conversation; a running turn is stopped first. It can be restored until it is purged."""
        ...

    async def restore(self, conversation_id: str) -> Conversation:
        """Bring a deleted conversation back."""
        ...

    async def branches(self, conversation_id: str) -> Sequence[Branch]:
        """Return the turns that have siblings, made by regenerate, edit or ``parent_id``."""
        ...

    async def switch(self, conversation_id: str, turn_id: str) -> Conversation:
        """Make the path from the beginning to this turn the active one."""
        ...

    async def export(self, conversation_id: str, *, format: str = "html", rows: str = "messages") -> bytes:
        """Return a conversation as a file in UTF-8.

        ``format`` is ``html`` (one page that opens from disk), ``markdown``, ``csv``, ``jsonl`` (all that is told of it, to keep
        and to import) or ``finetuning`` (a line a conversation, as models are trained on). The ``rows`` of a CSV are ``messages``,
        ``turns`` (question and answer) or ``conversations``.
        """
        ...

    def export_all(
        self, *, format: str = "jsonl", rows: str = "messages", **which: Unpack[ConversationWhich]
    ) -> AsyncIterator[bytes]:
        """Read the file of all conversations that fit, in the order of their making, part by part: write each as it comes.

        See ``export`` for ``format`` and ``rows``.
        """
        ...

    async def load(self, lines: Sequence[Mapping[str, Any]], *, bot_id: str | None = None) -> Loaded:
        """Import conversations: the lines of a ``jsonl`` export, each as an object. They keep their ids, times and branches, so
        that they export to the same bytes; their bot is made if it is not here, or, with ``bot_id``, they become that bot's.

        To do it again changes nothing. A conversation is there as a whole or not at all.

        Raises:
            InvalidInput: Nothing was stored: ``unsupported_schema``, ``invalid_line`` …, with the number of the line.
            Conflict: Something else here has the bot's name, an entity's external id, or an id. Those before it were stored.
        """
        ...


class Messages(Protocol):
    """``hub.messages``. Each of send, regenerate and edit comes in three forms: wait for the reply, stream its events,
    or only start the turn."""

    async def send(self, conversation_id: str, text: str, **options: Unpack[SendOptions]) -> Reply:
        """Send a message and wait for the reply. A turn that ends ``failed`` raises ``TurnFailed``."""
        ...

    def stream(self, conversation_id: str, text: str, **options: Unpack[SendOptions]) -> AsyncIterator[Event]:
        """Send a message and read what happens, up to the turn's end. Leaving early does not stop the turn."""
        ...

    async def start(self, conversation_id: str, text: str, **options: Unpack[SendOptions]) -> Accepted:
        """Send a message and return once it is accepted; follow it with ``hub.turns``."""
        ...

    async def regenerate(self, message_id: str, **options: Unpack[SendOptions]) -> Reply:
        """Answer the same question again, beside the answer ``message_id``."""
        ...

    def stream_regenerate(self, message_id: str, **options: Unpack[SendOptions]) -> AsyncIterator[Event]:
        """Regenerate, and read what happens."""
        ...

    async def start_regenerate(self, message_id: str, **options: Unpack[SendOptions]) -> Accepted:
        """Regenerate, and return once it is accepted."""
        ...

    async def edit(self, message_id: str, text: str, **options: Unpack[SendOptions]) -> Reply:
        """Ask a changed question beside the question ``message_id``."""
        ...

    def stream_edit(self, message_id: str, text: str, **options: Unpack[SendOptions]) -> AsyncIterator[Event]:
        """Edit and resend, and read what happens."""
        ...

    async def start_edit(self, message_id: str, text: str, **options: Unpack[SendOptions]) -> Accepted:
        """Edit and resend, and return once it is accepted."""
        ...

    async def append(
        self, conversation_id: str, messages: Sequence[AppendFields], *, idempotency_key: str | None = None
    ) -> Sequence[Message]:
        """Store messages with no model call: imports, greetings. With a key a repeated call stores nothing twice."""
        ...

    async def list(self, conversation_id: str, *, order: str = "asc", **page: Unpack[PageQuery]) -> Page[Message]:
        """List the messages of the active path."""
        ...

    async def rate(self, message_id: str, rating: int | None, *, feedback: str | None = None) -> Message:
        """Rate a message 1–5 (thumbs: 5 and 1); None takes the rating back."""
        ...

    async def delete(self, message_id: str) -> None:
        """Delete the turn of a message: its question and its answer. A question that several turns ask goes with all of
        them; an answer that stands beside others goes alone."""
        ...

    async def restore(self, message_id: str) -> Message:
        """Bring back what the deletion of a message took, where it was; possible until it is purged. A message that is not
        deleted is returned as it is."""
        ...

    async def list_deleted(self, *, conversation_id: str | None = None, **page: Unpack[PageQuery]) -> Page[Message]:
        """List the messages that can be restored, of all conversations or of one: those that were deleted last first."""
        ...

    async def search(self, q: str, *, bot_id: str | None = None, **page: Unpack[PageQuery]) -> Page[Message]:
        """Find messages that hold all these words, newest first."""
        ...


class Files(Protocol):
    """``hub.files``: images to send. What is kept of one is drawn anew; see ``Attachment``."""

    async def add(
        self, source: FileSource, *, name: str | None = None, idempotency_key: str | None = None
    ) -> Attachment:
        """Keep an image: its path, its bytes, or a ``data:`` URL. One that no message refers to after a day is removed."""
        ...

    async def get(self, file_id: str) -> Attachment:
        """Return what is known of a file."""
        ...

    async def content(self, file_id: str) -> bytes:
        """Return the bytes of a file."""
        ...


class Turns(Protocol):
    """``hub.turns``"""

    async def get(self, turn_id: str) -> Turn:
        """Return a turn."""
        ...

    async def list(self, *, status: str | None = None, **page: Unpack[PageQuery]) -> Page[ListedTurn]:
        """List turns, newest first: with an operator's key those of all tenants."""
        ...

    def events(self, turn_id: str, *, after: int = 0) -> AsyncIterator[Event]:
        """Read the events of a turn after number ``after`` (0: all), up to its end, from any process, at any time.

        Raises:
            ResumeWindowGone: ``after`` is beyond the log, or in the middle of one that has expired.
        """
        ...

    async def wait(self, turn_id: str) -> Reply:
        """Wait for the end of a turn, whatever it is."""
        ...

    async def stop(self, turn_id: str) -> Turn:
        """Stop a turn and keep its text; returns once it has ended. Doing it again changes nothing. With an operator's key
        it may be any tenant's."""
        ...


class Documents(Protocol):
    """``hub.documents``: what the bots know."""

    async def add(
        self,
        bot_id: str,
        source: Source | None = None,
        *,
        wait: bool = True,
        idempotency_key: str | None = None,
        **fields: Unpack[DocumentFields],
    ) -> Document:
        """Give a bot a document and return it once answers come from it; with ``wait=False`` at once, while it is ``pending``.

        Raises:
            InvalidInput: It can't be taken: nothing was stored.
            DocumentFailed: It is stored, and could not be read; ``.document`` tells why.
        """
        ...

    async def get(self, document_id: str) -> Document:
        """Return a document."""
        ...

    async def list(self, bot_id: str, **query: Unpack[DocumentQuery]) -> Page[Document]:
        """List the documents of a bot, newest first."""
        ...

    async def wait(self, document_id: str) -> Document:
        """Wait until the newest version is ready. Raises ``DocumentFailed``."""
        ...

    async def replace(
        self, document_id: str, source: Source | None = None, *, wait: bool = True, **fields: Unpack[DocumentFields]
    ) -> Document:
        """Give a document a next version. The one before answers until this one is ready.

        What is not said stays: with no source the content is read anew.
        """
        ...

    async def delete(self, document_id: str) -> None:
        """Delete a document: it is out of every answer at once. It can be restored until it is purged."""
        ...

    async def restore(self, document_id: str) -> Document:
        """Bring a deleted document back."""
        ...

    async def content(self, document_id: str) -> bytes:
        """Return the newest content, as it was given; of what a bot was trained on, the pairs as CSV."""
        ...

    async def chunks(self, document_id: str, **page: Unpack[PageQuery]) -> Page[Chunk]:
        """List the chunks that answers come from, in the order of the text."""
        ...


class Analytics(Protocol):
    """``hub.analytics``: what conversations come to."""

    async def conversation(self, conversation_id: str) -> ConversationAnalytics:
        """Return what one conversation comes to: messages, flow, quality, tokens, cost and topics."""
        ...

    async def figures(self, **query: Unpack[AnalyticsQuery]) -> FiguresReport:
        """Return what all conversations of some time come to, per day, bot, entity or model."""
        ...

    async def csv(self, *, columns: Sequence[str] | None = None, **query: Unpack[AnalyticsQuery]) -> bytes:
        """Return the same as CSV, a row for each day, bot, entity or model, or one for the total. No cell is a formula.

        ``columns`` are the names of those that are wanted, in their order (None: all).
        """
        ...

    async def unfound(self, **query: Unpack[UnfoundQuestionQuery]) -> Page[UnfoundQuestion]:
        """List the questions that were answered with nothing from documents, those asked last first."""
        ...


class Keys(Protocol):
    """``hub.keys``"""

    async def create(self, **fields: Unpack[KeyFields]) -> NewKey:
        """Create an API key. The first one closes an open server for good."""
        ...

    async def list(self, **page: Unpack[PageQuery]) -> Page[ApiKey]:
        """List keys, newest first, revoked ones included."""
        ...

    async def revoke(self, key_id: str) -> ApiKey:
        """Revoke a key."""
        ...


class Visitors(Protocol):
    """``hub.visitors``"""

    async def create(self, bot_id: str, entity_id: str, *, expires_in_seconds: int | None = None) -> Visitor:
        """Return an entity as a visitor of a bot, for an hour or as long as it is said, at most a day. Nothing is stored."""
        ...


class Tenants(Protocol):
    """``hub.tenants``"""

    async def list(self, **page: Unpack[PageQuery]) -> Page[Tenant]:
        """List all tenants."""
        ...


class Storage(Protocol):
    """``hub.storage``: where everything is kept."""

    async def report(self) -> StoreReport:
        """Say which store it is, what its acknowledgement means, and what it lacks."""
        ...


class Hub(Protocol):
    """Everything, for one tenant."""

    @property
    def bots(self) -> Bots: ...
    @property
    def entities(self) -> Entities: ...
    @property
    def conversations(self) -> Conversations: ...
    @property
    def messages(self) -> Messages: ...
    @property
    def files(self) -> Files: ...
    @property
    def turns(self) -> Turns: ...
    @property
    def documents(self) -> Documents: ...
    @property
    def analytics(self) -> Analytics: ...
    @property
    def keys(self) -> Keys: ...
    @property
    def visitors(self) -> Visitors: ...
    @property
    def tenants(self) -> Tenants: ...
    @property
    def storage(self) -> Storage: ...

    async def search(
        self, bot_id: str, query: str, *, k: int | None = None, where: Mapping[str, str] | None = None
    ) -> SearchResult:
        """Find the chunks of a bot's documents that fit a query best. No model is called.

        ``k`` is how many (the bot's own number when omitted); ``where`` compares values of the documents' metadata.
        """
        ...

    async def train(
        self,
        bot_id: str,
        *,
        policy: str = "all",
        min_rating: int | None = None,
        dry_run: bool = False,
        wait: bool = True,
    ) -> TrainingReport:
        """Make past conversations of a bot a document of it: each question with its answer, used once.

        ``policy`` is ``all``, ``rated`` (``min_rating`` or better; 4 when omitted) or ``ended``. Returns once answers come from it, or at
        once (``wait=False``) with the document, whose ``chunk_count`` grows. A dry run stores nothing and shows what would be used.

        Raises:
            Conflict: ``training_in_progress``.
            DocumentFailed: The run could not be finished; nothing is used.
        """
        ...

    async def untrain(self, document_id: str) -> None:
        """Take a run of training back: its document is deleted, and its conversations can be trained on again."""
        ...

    async def aclose(self) -> None:
        """Let go of everything: running turns of this process end ``interrupted(shutdown)``."""
        ...
