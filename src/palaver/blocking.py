# Generated from surface.py by scripts/generate_blocking.py. Don't edit.
"""The hub without await: every call runs on an event loop in a background thread.

The names, arguments, values and errors are those of ``palaver.surface``. Calls may come from any thread. A stream is a
generator: leave it early and its connection or reader is closed; the turn goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Generator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Any, Self, TypeVar, Unpack

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
from palaver.looper import Looper
from palaver.page import Page
from palaver.results import Accepted, Loaded, NewKey, Reply, SearchResult, Visitor
from palaver.stores.report import StoreReport
from palaver.surface import (
    Analytics,
    Bots,
    Conversations,
    Documents,
    Entities,
    Files,
    Hub,
    Keys,
    Messages,
    Storage,
    Tenants,
    Turns,
    Visitors,
)
from palaver.tenant import ApiKey, Tenant


class BlockingBots:
    """``hub.bots``"""

    def __init__(self, looper: Looper[Hub], inner: Bots) -> None:
        self._looper = looper
        self._inner = inner

    def create(self, *, idempotency_key: str | None = None, **fields: Unpack[BotFields]) -> Bot:
        """Create a bot. Its ``name`` is unique; with no ``model`` it gets the default one."""
        return self._looper.wait(self._inner.create(idempotency_key=idempotency_key, **fields))

    def get(self, bot_id: str) -> Bot:
        """Return a bot."""
        return self._looper.wait(self._inner.get(bot_id))

    def list(self, *, deleted: bool = False, **page: Unpack[PageQuery]) -> Page[Bot]:
        """List bots, newest first."""
        return self._looper.wait(self._inner.list(deleted=deleted, **page))

    def update(self, bot_id: str, *, if_version: int | None = None, **fields: Unpack[BotFields]) -> Bot:
        """Edit a bot. With ``if_version`` a concurrent edit is a ``VersionConflict``."""
        return self._looper.wait(self._inner.update(bot_id, if_version=if_version, **fields))

    def delete(self, bot_id: str, *, if_version: int | None = None) -> None:
        """Delete a bot with its conversations. It can be restored until it is purged."""
        self._looper.wait(self._inner.delete(bot_id, if_version=if_version))

    def restore(self, bot_id: str) -> Bot:
        """Bring a deleted bot back, with what its delete hid."""
        return self._looper.wait(self._inner.restore(bot_id))

    def ask(self, bot_id: str, text: str, **trial: Unpack[BotTrial]) -> Generator[Event, None, None]:
        """Ask a bot, as it is or as it would be, and read what happens, up to the turn's end. Nothing of it is kept.

        Leaving early stops it. Its turn and its answer can't be found again, and count nowhere.
        """
        return self._looper.each(self._inner.ask(bot_id, text, **trial))


class BlockingEntities:
    """``hub.entities``"""

    def __init__(self, looper: Looper[Hub], inner: Entities) -> None:
        self._looper = looper
        self._inner = inner

    def create(self, *, idempotency_key: str | None = None, **fields: Unpack[EntityFields]) -> Entity:
        """Create an entity."""
        return self._looper.wait(self._inner.create(idempotency_key=idempotency_key, **fields))

    def get(self, entity_id: str) -> Entity:
        """Return an entity."""
        return self._looper.wait(self._inner.get(entity_id))

    def list(self, **page: Unpack[PageQuery]) -> Page[Entity]:
        """List entities, newest first."""
        return self._looper.wait(self._inner.list(**page))

    def update(self, entity_id: str, *, if_version: int | None = None, **fields: Unpack[EntityFields]) -> Entity:
        """Edit an entity."""
        return self._looper.wait(self._inner.update(entity_id, if_version=if_version, **fields))

    def delete(self, entity_id: str, *, if_version: int | None = None) -> None:
        """Forget an entity; its conversations stay."""
        self._looper.wait(self._inner.delete(entity_id, if_version=if_version))


class BlockingConversations:
    """``hub.conversations``"""

    def __init__(self, looper: Looper[Hub], inner: Conversations) -> None:
        self._looper = looper
        self._inner = inner

    def create(
        self, bot_id: str, *, idempotency_key: str | None = None, **fields: Unpack[ConversationFields]
    ) -> Conversation:
        """Begin a conversation with a bot."""
        return self._looper.wait(self._inner.create(bot_id, idempotency_key=idempotency_key, **fields))

    def get(self, conversation_id: str) -> Conversation:
        """Return a conversation."""
        return self._looper.wait(self._inner.get(conversation_id))

    def list(self, **query: Unpack[ConversationQuery]) -> Page[Conversation]:
        """List conversations, the most recently active first."""
        return self._looper.wait(self._inner.list(**query))

    def update(
        self, conversation_id: str, *, if_version: int | None = None, **fields: Unpack[ConversationEdits]
    ) -> Conversation:
        """Edit title, external id or metadata."""
        return self._looper.wait(self._inner.update(conversation_id, if_version=if_version, **fields))

    def end(
        self, conversation_id: str, *, rating: int | None = None, feedback: str | None = None, reason: str = "user"
    ) -> Conversation:
        """End a conversation (``reason``: ``user``, ``bot``, ``admin`` or ``idle``); a running turn is stopped first."""
        return self._looper.wait(self._inner.end(conversation_id, rating=rating, feedback=feedback, reason=reason))

    def archive(self, conversation_id: str) -> Conversation:
        """Archive a conversation; a running turn is stopped first."""
        return self._looper.wait(self._inner.archive(conversation_id))

    def reopen(self, conversation_id: str) -> Conversation:
        """Make an ended or archived conversation active again."""
        return self._looper.wait(self._inner.reopen(conversation_id))

    def delete(self, conversation_id: str, *, if_version: int | None = None) -> None:
        """Delete a conversation; a running turn is stopped first. It can be restored until it is purged."""
        self._looper.wait(self._inner.delete(conversation_id, if_version=if_version))

    def restore(self, conversation_id: str) -> Conversation:
        """Bring a deleted conversation back."""
        return self._looper.wait(self._inner.restore(conversation_id))

    def branches(self, conversation_id: str) -> Sequence[Branch]:
        """Return the turns that have siblings, made by regenerate, edit or ``parent_id``."""
        return self._looper.wait(self._inner.branches(conversation_id))

    def switch(self, conversation_id: str, turn_id: str) -> Conversation:
        """Make the path from the beginning to this turn the active one."""
        return self._looper.wait(self._inner.switch(conversation_id, turn_id))

    def export(self, conversation_id: str, *, format: str = "html", rows: str = "messages") -> bytes:
        """Return a conversation as a file in UTF-8.

        ``format`` is ``html`` (one page that opens from disk), ``markdown``, ``csv``, ``jsonl`` (all that is told of it, to keep
        and to import) or ``finetuning`` (a line a conversation, as models are trained on). The ``rows`` of a CSV are ``messages``,
        ``turns`` (question and answer) or ``conversations``.
        """
        return self._looper.wait(self._inner.export(conversation_id, format=format, rows=rows))

    def export_all(
        self, *, format: str = "jsonl", rows: str = "messages", **which: Unpack[ConversationWhich]
    ) -> Generator[bytes, None, None]:
        """Read the file of all conversations that fit, in the order of their making, part by part: write each as it comes.

        See ``export`` for ``format`` and ``rows``.
        """
        return self._looper.each(self._inner.export_all(format=format, rows=rows, **which))

    def load(self, lines: Sequence[Mapping[str, Any]], *, bot_id: str | None = None) -> Loaded:
        """Import conversations: the lines of a ``jsonl`` export, each as an object. They keep their ids, times and branches, so
        that they export to the same bytes; their bot is made if it is not here, or, with ``bot_id``, they become that bot's.

        To do it again changes nothing. A conversation is there as a whole or not at all.

        Raises:
            InvalidInput: Nothing was stored: ``unsupported_schema``, ``invalid_line`` …, with the number of the line.
            Conflict: Something else here has the bot's name, an entity's external id, or an id. Those before it were stored.
        """
        return self._looper.wait(self._inner.load(lines, bot_id=bot_id))


class BlockingMessages:
    """``hub.messages``. Each of send, regenerate and edit comes in three forms: wait for the reply, stream its events,
    or only start the turn."""

    def __init__(self, looper: Looper[Hub], inner: Messages) -> None:
        self._looper = looper
        self._inner = inner

    def send(self, conversation_id: str, text: str, **options: Unpack[SendOptions]) -> Reply:
        """Send a message and wait for the reply. A turn that ends ``failed`` raises ``TurnFailed``."""
        return self._looper.wait(self._inner.send(conversation_id, text, **options))

    def stream(self, conversation_id: str, text: str, **options: Unpack[SendOptions]) -> Generator[Event, None, None]:
        """Send a message and read what happens, up to the turn's end. Leaving early does not stop the turn."""
        return self._looper.each(self._inner.stream(conversation_id, text, **options))

    def start(self, conversation_id: str, text: str, **options: Unpack[SendOptions]) -> Accepted:
        """Send a message and return once it is accepted; follow it with ``hub.turns``."""
        return self._looper.wait(self._inner.start(conversation_id, text, **options))

    def regenerate(self, message_id: str, **options: Unpack[SendOptions]) -> Reply:
        """Answer the same question again, beside the answer ``message_id``."""
        return self._looper.wait(self._inner.regenerate(message_id, **options))

    def stream_regenerate(self, message_id: str, **options: Unpack[SendOptions]) -> Generator[Event, None, None]:
        """Regenerate, and read what happens."""
        return self._looper.each(self._inner.stream_regenerate(message_id, **options))

    def start_regenerate(self, message_id: str, **options: Unpack[SendOptions]) -> Accepted:
        """Regenerate, and return once it is accepted."""
        return self._looper.wait(self._inner.start_regenerate(message_id, **options))

    def edit(self, message_id: str, text: str, **options: Unpack[SendOptions]) -> Reply:
        """Ask a changed question beside the question ``message_id``."""
        return self._looper.wait(self._inner.edit(message_id, text, **options))

    def stream_edit(self, message_id: str, text: str, **options: Unpack[SendOptions]) -> Generator[Event, None, None]:
        """Edit and resend, and read what happens."""
        return self._looper.each(self._inner.stream_edit(message_id, text, **options))

    def start_edit(self, message_id: str, text: str, **options: Unpack[SendOptions]) -> Accepted:
        """Edit and resend, and return once it is accepted."""
        return self._looper.wait(self._inner.start_edit(message_id, text, **options))

    def append(
        self, conversation_id: str, messages: Sequence[AppendFields], *, idempotency_key: str | None = None
    ) -> Sequence[Message]:
        """Store messages with no model call: imports, greetings. With a key a repeated call stores nothing twice."""
        return self._looper.wait(self._inner.append(conversation_id, messages, idempotency_key=idempotency_key))

    def list(self, conversation_id: str, *, order: str = "asc", **page: Unpack[PageQuery]) -> Page[Message]:
        """List the messages of the active path."""
        return self._looper.wait(self._inner.list(conversation_id, order=order, **page))

    def rate(self, message_id: str, rating: int | None, *, feedback: str | None = None) -> Message:
        """Rate a message 1–5 (thumbs: 5 and 1); None takes the rating back."""
        return self._looper.wait(self._inner.rate(message_id, rating, feedback=feedback))

    def delete(self, message_id: str) -> None:
        """Delete the turn of a message: its question and its answer. A question that several turns ask goes with all of
        them; an answer that stands beside others goes alone."""
        self._looper.wait(self._inner.delete(message_id))

    def restore(self, message_id: str) -> Message:
        """Bring back what the deletion of a message took, where it was; possible until it is purged. A message that is not
        deleted is returned as it is."""
        return self._looper.wait(self._inner.restore(message_id))

    def list_deleted(self, *, conversation_id: str | None = None, **page: Unpack[PageQuery]) -> Page[Message]:
        """List the messages that can be restored, of all conversations or of one: those that were deleted last first."""
        return self._looper.wait(self._inner.list_deleted(conversation_id=conversation_id, **page))

    def search(self, q: str, *, bot_id: str | None = None, **page: Unpack[PageQuery]) -> Page[Message]:
        """Find messages that hold all these words, newest first."""
        return self._looper.wait(self._inner.search(q, bot_id=bot_id, **page))


class BlockingFiles:
    """``hub.files``: images to send. What is kept of one is drawn anew; see ``Attachment``."""

    def __init__(self, looper: Looper[Hub], inner: Files) -> None:
        self._looper = looper
        self._inner = inner

    def add(self, source: FileSource, *, name: str | None = None, idempotency_key: str | None = None) -> Attachment:
        """Keep an image: its path, its bytes, or a ``data:`` URL. One that no message refers to after a day is removed."""
        return self._looper.wait(self._inner.add(source, name=name, idempotency_key=idempotency_key))

    def get(self, file_id: str) -> Attachment:
        """Return what is known of a file."""
        return self._looper.wait(self._inner.get(file_id))

    def content(self, file_id: str) -> bytes:
        """Return the bytes of a file."""
        return self._looper.wait(self._inner.content(file_id))


class BlockingTurns:
    """``hub.turns``"""

    def __init__(self, looper: Looper[Hub], inner: Turns) -> None:
        self._looper = looper
        self._inner = inner

    def get(self, turn_id: str) -> Turn:
        """Return a turn."""
        return self._looper.wait(self._inner.get(turn_id))

    def list(self, *, status: str | None = None, **page: Unpack[PageQuery]) -> Page[ListedTurn]:
        """List turns, newest first: with an operator's key those of all tenants."""
        return self._looper.wait(self._inner.list(status=status, **page))

    def events(self, turn_id: str, *, after: int = 0) -> Generator[Event, None, None]:
        """Read the events of a turn after number ``after`` (0: all), up to its end, from any process, at any time.

        Raises:
            ResumeWindowGone: ``after`` is beyond the log, or in the middle of one that has expired.
        """
        return self._looper.each(self._inner.events(turn_id, after=after))

    def wait(self, turn_id: str) -> Reply:
        """Wait for the end of a turn, whatever it is."""
        return self._looper.wait(self._inner.wait(turn_id))

    def stop(self, turn_id: str) -> Turn:
        """Stop a turn and keep its text; returns once it has ended. Doing it again changes nothing. With an operator's key
        it may be any tenant's."""
        return self._looper.wait(self._inner.stop(turn_id))


class BlockingDocuments:
    """``hub.documents``: what the bots know."""

    def __init__(self, looper: Looper[Hub], inner: Documents) -> None:
        self._looper = looper
        self._inner = inner

    def add(
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
        return self._looper.wait(self._inner.add(bot_id, source, wait=wait, idempotency_key=idempotency_key, **fields))

    def get(self, document_id: str) -> Document:
        """Return a document."""
        return self._looper.wait(self._inner.get(document_id))

    def list(self, bot_id: str, **query: Unpack[DocumentQuery]) -> Page[Document]:
        """List the documents of a bot, newest first."""
        return self._looper.wait(self._inner.list(bot_id, **query))

    def wait(self, document_id: str) -> Document:
        """Wait until the newest version is ready. Raises ``DocumentFailed``."""
        return self._looper.wait(self._inner.wait(document_id))

    def replace(
        self, document_id: str, source: Source | None = None, *, wait: bool = True, **fields: Unpack[DocumentFields]
    ) -> Document:
        """Give a document a next version. The one before answers until this one is ready.

        What is not said stays: with no source the content is read anew.
        """
        return self._looper.wait(self._inner.replace(document_id, source, wait=wait, **fields))

    def delete(self, document_id: str) -> None:
        """Delete a document: it is out of every answer at once. It can be restored until it is purged."""
        self._looper.wait(self._inner.delete(document_id))

    def restore(self, document_id: str) -> Document:
        """Bring a deleted document back."""
        return self._looper.wait(self._inner.restore(document_id))

    def content(self, document_id: str) -> bytes:
        """Return the newest content, as it was given; of what a bot was trained on, the pairs as CSV."""
        return self._looper.wait(self._inner.content(document_id))

    def chunks(self, document_id: str, **page: Unpack[PageQuery]) -> Page[Chunk]:
        """List the chunks that answers come from, in the order of the text."""
        return self._looper.wait(self._inner.chunks(document_id, **page))


class BlockingAnalytics:
    """``hub.analytics``: what conversations come to."""

    def __init__(self, looper: Looper[Hub], inner: Analytics) -> None:
        self._looper = looper
        self._inner = inner

    def conversation(self, conversation_id: str) -> ConversationAnalytics:
        """Return what one conversation comes to: messages, flow, quality, tokens, cost and topics."""
        return self._looper.wait(self._inner.conversation(conversation_id))

    def figures(self, **query: Unpack[AnalyticsQuery]) -> FiguresReport:
        """Return what all conversations of some time come to, per day, bot, entity or model."""
        return self._looper.wait(self._inner.figures(**query))

    def csv(self, *, columns: Sequence[str] | None = None, **query: Unpack[AnalyticsQuery]) -> bytes:
        """Return the same as CSV, a row for each day, bot, entity or model, or one for the total. No cell is a formula.

        ``columns`` are the names of those that are wanted, in their order (None: all).
        """
        return self._looper.wait(self._inner.csv(columns=columns, **query))

    def unfound(self, **query: Unpack[UnfoundQuestionQuery]) -> Page[UnfoundQuestion]:
        """List the questions that were answered with nothing from documents, those asked last first."""
        return self._looper.wait(self._inner.unfound(**query))


class BlockingKeys:
    """``hub.keys``"""

    def __init__(self, looper: Looper[Hub], inner: Keys) -> None:
        self._looper = looper
        self._inner = inner

    def create(self, **fields: Unpack[KeyFields]) -> NewKey:
        """Create an API key. The first one closes an open server for good."""
        return self._looper.wait(self._inner.create(**fields))

    def list(self, **page: Unpack[PageQuery]) -> Page[ApiKey]:
        """List keys, newest first, revoked ones included."""
        return self._looper.wait(self._inner.list(**page))

    def revoke(self, key_id: str) -> ApiKey:
        """Revoke a key."""
        return self._looper.wait(self._inner.revoke(key_id))


class BlockingVisitors:
    """``hub.visitors``"""

    def __init__(self, looper: Looper[Hub], inner: Visitors) -> None:
        self._looper = looper
        self._inner = inner

    def create(self, bot_id: str, entity_id: str, *, expires_in_seconds: int | None = None) -> Visitor:
        """Return an entity as a visitor of a bot, for an hour or as long as it is said, at most a day. Nothing is stored."""
        return self._looper.wait(self._inner.create(bot_id, entity_id, expires_in_seconds=expires_in_seconds))


class BlockingTenants:
    """``hub.tenants``"""

    def __init__(self, looper: Looper[Hub], inner: Tenants) -> None:
        self._looper = looper
        self._inner = inner

    def list(self, **page: Unpack[PageQuery]) -> Page[Tenant]:
        """List all tenants."""
        return self._looper.wait(self._inner.list(**page))


class BlockingStorage:
    """``hub.storage``: where everything is kept."""

    def __init__(self, looper: Looper[Hub], inner: Storage) -> None:
        self._looper = looper
        self._inner = inner

    def report(self) -> StoreReport:
        """Say which store it is, what its acknowledgement means, and what it lacks."""
        return self._looper.wait(self._inner.report())


T = TypeVar("T")


class BlockingHub:
    """Everything, for one tenant. A context manager; without it call ``close()`` when done.

    Args:
        opening: Makes the async hub that is opened on the loop of this one, such as ``lambda: palaver.open("a.db")``.
    """

    def __init__(self, opening: Callable[[], AbstractAsyncContextManager[Hub]]) -> None:
        self._looper: Looper[Hub] = Looper(opening)
        self._inner = self._looper.held
        self.bots = BlockingBots(self._looper, self._inner.bots)
        self.entities = BlockingEntities(self._looper, self._inner.entities)
        self.conversations = BlockingConversations(self._looper, self._inner.conversations)
        self.messages = BlockingMessages(self._looper, self._inner.messages)
        self.files = BlockingFiles(self._looper, self._inner.files)
        self.turns = BlockingTurns(self._looper, self._inner.turns)
        self.documents = BlockingDocuments(self._looper, self._inner.documents)
        self.analytics = BlockingAnalytics(self._looper, self._inner.analytics)
        self.keys = BlockingKeys(self._looper, self._inner.keys)
        self.visitors = BlockingVisitors(self._looper, self._inner.visitors)
        self.tenants = BlockingTenants(self._looper, self._inner.tenants)
        self.storage = BlockingStorage(self._looper, self._inner.storage)

    def search(
        self, bot_id: str, query: str, *, k: int | None = None, where: Mapping[str, str] | None = None
    ) -> SearchResult:
        """Find the chunks of a bot's documents that fit a query best. No model is called.

        ``k`` is how many (the bot's own number when omitted); ``where`` compares values of the documents' metadata.
        """
        return self._looper.wait(self._inner.search(bot_id, query, k=k, where=where))

    def train(
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
        return self._looper.wait(
            self._inner.train(bot_id, policy=policy, min_rating=min_rating, dry_run=dry_run, wait=wait)
        )

    def untrain(self, document_id: str) -> None:
        """Take a run of training back: its document is deleted, and its conversations can be trained on again."""
        self._looper.wait(self._inner.untrain(document_id))

    def run(self, work: Callable[[Hub], Coroutine[Any, Any, T]]) -> T:
        """Do something that awaits, with the hub that this one stands on, on its loop; return what comes of it."""
        return self._looper.wait(work(self._inner))

    def close(self) -> None:
        """Let go of everything: running turns of this process end ``interrupted(shutdown)``. May be called again."""
        self._looper.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
