"""The contract of a store. ``palaver.testing.StoreConformance`` checks every sentence of it.

One method is one atomic step on one conversation, named as a domain operation; a change of several rows is all or
nothing. Listings over many conversations may be indexes that are repaired on read. Ids come from the caller, times and
leases from the store's clock, ``seq`` and ``index`` from the store, without gaps.

Every method that takes a ``tenant_id`` sees that tenant's rows only: a foreign id is ``NotFound`` like an unknown one.
A deleted thing, and all that is under it, is ``NotFound`` until it is restored.

Writes that a client is told of (begin and finish of a turn, every create, edit and delete) are committed at the strict
setting before the method returns; ``append_deltas`` may use a cheaper one that survives the process. Any method may
raise ``StoreUnavailable`` or ``StoreFull``; then nothing was written, unless the connection died while committing: the
same call with the same ``Once`` then tells.

A cancelled call may or may not have written.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Collection, Sequence
from enum import StrEnum
from typing import Protocol

from palaver.attachment import Attachment
from palaver.bot import Bot
from palaver.conversation import (
    Branch,
    Conversation,
    ConversationStatus,
    InterruptReason,
    ListedTurn,
    Message,
    Turn,
    TurnStatus,
    Utterance,
)
from palaver.entity import Entity
from palaver.page import Order, Slice, Window
from palaver.stores.counting import FigureRows
from palaver.stores.knowledge import KnowledgeRows
from palaver.stores.moving import RecordRows
from palaver.stores.orders import (
    AppendedMessage,
    Begun,
    BotChange,
    BotDraft,
    Claim,
    ConversationChange,
    ConversationDraft,
    ConversationFilter,
    Delta,
    Ending,
    EntityChange,
    EntityDraft,
    Finished,
    Made,
    Missed,
    Once,
    Outcome,
    Recovered,
    SearchQuery,
    StoreHealth,
    TurnLog,
    TurnOrder,
    Watch,
)
from palaver.stores.tenants import TenantRows


class Feature(StrEnum):
    """What a store may lack; it then raises ``FeatureAbsent``.

    Without ``MESSAGE_SEARCH`` the ``q`` of a list of conversations finds titles, and nothing that was said. Without
    ``CHUNK_SEARCH`` or ``VECTOR_SEARCH`` an index in the process finds chunks, as a cache of the rows.
    """

    MESSAGE_SEARCH = "message_search"
    CHUNK_SEARCH = "chunk_search"
    VECTOR_SEARCH = "vector_search"
    WAKEUPS = "wakeups"


class BotRows(Protocol):
    """Bots and entities."""

    async def create_bot(self, tenant_id: str, draft: BotDraft, once: Once | None = None) -> Made[Bot]:
        """Keep a bot. Raises ``NameTaken``, or ``KeyReused``; the same key again returns what it made."""
        ...

    async def get_bot(self, tenant_id: str, bot_id: str) -> Bot:
        """Return a bot."""
        ...

    async def find_bot(self, tenant_id: str, name: str) -> Bot | None:
        """Return the bot of that name, if there is one."""
        ...

    async def page_bots(self, tenant_id: str, window: Window, *, deleted: bool = False) -> Slice[Bot]:
        """List bots, newest first."""
        ...

    async def update_bot(self, tenant_id: str, bot_id: str, change: BotChange, *, if_version: int | None = None) -> Bot:
        """Edit a bot; its version grows. Raises ``VersionConflict`` or ``NameTaken``."""
        ...

    async def delete_bot(self, tenant_id: str, bot_id: str, *, if_version: int | None = None) -> Sequence[str]:
        """Hide a bot, its conversations and all that is under them; end their running and queued turns (``deleted``).

        Returns the ids of those turns, for their workers.
        """
        ...

    async def restore_bot(self, tenant_id: str, bot_id: str) -> Bot:
        """Bring a deleted bot back, with the conversations that its delete hid. Raises ``NameTaken``, ``NotFound`` once purged."""
        ...

    async def create_entity(self, tenant_id: str, draft: EntityDraft, once: Once | None = None) -> Made[Entity]:
        """Keep an entity. Raises ``NameTaken`` when one of this type has that external id."""
        ...

    async def get_entity(self, tenant_id: str, entity_id: str) -> Entity:
        """Return an entity."""
        ...

    async def page_entities(self, tenant_id: str, window: Window) -> Slice[Entity]:
        """List entities, newest first."""
        ...

    async def update_entity(
        self, tenant_id: str, entity_id: str, change: EntityChange, *, if_version: int | None = None
    ) -> Entity:
        """Edit an entity; its version grows. Raises ``VersionConflict`` or ``NameTaken``."""
        ...

    async def delete_entity(self, tenant_id: str, entity_id: str, *, if_version: int | None = None) -> None:
        """Forget an entity. Its conversations stay, with no entity."""
        ...


class ConversationRows(Protocol):
    """Conversations: create, read, edit, and the whole of their lifecycle."""

    async def create_conversation(
        self, tenant_id: str, draft: ConversationDraft, once: Once | None = None
    ) -> Made[Conversation]:
        """Keep a conversation, with its entity if that is new. Raises ``NotFound`` for the bot or the entity."""
        ...

    async def get_conversation(self, tenant_id: str, conversation_id: str) -> Conversation:
        """Return a conversation."""
        ...

    async def page_conversations(
        self, tenant_id: str, wanted: ConversationFilter, window: Window
    ) -> Slice[Conversation]:
        """List conversations. The order is total: pages never overlap, whatever their size."""
        ...

    async def update_conversation(
        self, tenant_id: str, conversation_id: str, change: ConversationChange, *, if_version: int | None = None
    ) -> Conversation:
        """Edit a conversation; its version grows."""
        ...

    async def title_conversation(self, tenant_id: str, conversation_id: str, title: str) -> Conversation:
        """Give a conversation that has no title this one; its version stays, as it does when ``Outcome.title`` does it.

        One that has a title keeps it. Returns it as it is then.
        """
        ...

    async def end_conversation(
        self, tenant_id: str, conversation_id: str, ending: Ending, *, if_version: int | None = None
    ) -> Conversation:
        """``active → ended``. Running and queued turns are ended ``interrupted(ended)`` with their logged text in the same step.

        An ended conversation stays as it is, but for a rating and a feedback that are given.
        """
        ...

    async def set_status(
        self, tenant_id: str, conversation_id: str, status: ConversationStatus, *, if_version: int | None = None
    ) -> Conversation:
        """Archive (``archived``; open turns end ``interrupted(ended)``) or reopen (``active``: the end's reason and time are cleared).

        The same status again changes nothing.
        """
        ...

    async def delete_conversation(
        self, tenant_id: str, conversation_id: str, *, if_version: int | None = None
    ) -> Sequence[str]:
        """Hide a conversation and all under it; end its open turns (``deleted``), whose ids are returned."""
        ...

    async def restore_conversation(self, tenant_id: str, conversation_id: str) -> Conversation:
        """Bring a deleted conversation back. Raises ``NotFound`` once it is purged or while its bot is deleted."""
        ...

    async def set_head(
        self, tenant_id: str, conversation_id: str, turn_id: str, *, if_version: int | None = None
    ) -> Conversation:
        """Make the path from the root to this turn the active one. Raises ``InvalidInput invalid_parent`` for a foreign turn,
        ``TurnInProgress`` while a turn runs."""
        ...

    async def branches(self, tenant_id: str, conversation_id: str) -> Sequence[Branch]:
        """Every turn that has a sibling, in order of ``index``."""
        ...

    async def end_idle(self, limit: int) -> int:
        """End (``idle``) up to ``limit`` active conversations without activity for their bot's ``idle_timeout_minutes``.

        Those with a running or queued turn are left alone. Returns how many.
        """
        ...

    async def purge(self, *, deleted_before_seconds: float, limit: int) -> int:
        """Remove up to ``limit`` rows of things deleted that long ago, for good, search rows and unshared bytes included.

        Each call is one short transaction and can be repeated until it returns 0, which it does only when nothing of
        what was deleted is left in the store's files. It never waits for a reader that is in the way.
        """
        ...


class TurnRows(Protocol):
    """Turns: the operations of the engine."""

    async def begin_turn(self, tenant_id: str, order: TurnOrder) -> Begun:
        """Accept a turn: the turn, its question, its empty answer and the conversation's counters in one step.

        With a key that this conversation knows: the turn of that key, ``replayed``, or ``KeyReused``. This is looked at
        before anything else but the conversation's existence.

        While another turn is open: ``reject`` raises ``TurnInProgress``; ``queue`` adds it behind the others or raises
        ``QueueFull``; ``interrupt`` asks the running one to stop (``superseded``), ends queued ones that were
        themselves interrupting, and queues it before all others. With none open it runs at once, whatever the policy.
        A running turn whose lease has expired is ended first, in the same step.

        The new turn becomes the head of the active path.

        Raises:
            NotFound, ConversationEnded, ConversationArchived, TurnInProgress, QueueFull, KeyReused.
            InvalidInput: ``invalid_parent`` for a parent (or a message to regenerate or edit) that is no turn of this
                conversation, or a message of the wrong role.
        """
        ...

    async def append_deltas(self, batch: Sequence[Delta]) -> Watch:
        """Write one tick of many turns, atomically for each turn: a stale fence writes nothing of that turn.

        Returns the stale ones and those that were asked to stop (whose tick was written).
        """
        ...

    async def watch_turns(self, claims: Sequence[Claim]) -> Watch:
        """Return which of these turns are stale and which were asked to stop."""
        ...

    async def renew_leases(self, claims: Sequence[Claim], lease_seconds: float) -> Watch:
        """Move the leases of these turns to now + ``lease_seconds``."""
        ...

    async def finish_turn(self, claim: Claim, outcome: Outcome, *, promote: str | None) -> Finished:
        """End a turn: the rest of its log, its answer, its state and the conversation's, its search row, in one step.

        With ``promote`` (an owner) the first queued turn of the conversation becomes running in the same step, with
        that owner and a lease of the same length as this turn's.

        Raises:
            FenceLost: The turn has ended or has another owner. Nothing was written.
            StoreUnavailable: Also where the log ends before ``outcome.behind``, because a database crashed. Nothing was
                written: call again with all events that are at hand, and no ``behind``.
        """
        ...

    async def request_stop(self, tenant_id: str, turn_id: str, reason: InterruptReason) -> Turn:
        """Ask a running turn to stop, or end a queued one at once (``cancelled``); the first reason stays.

        A turn that has ended is returned as it is. A running turn whose lease has expired is ended here and now.
        """
        ...

    async def recover(self, owner: str, lease_seconds: float, limit: int) -> Recovered:
        """End up to ``limit`` running turns whose lease has expired (``interrupted(server_restart)``, or the reason of a
        stop that was asked for, with their logged text), then claim queued turns of conversations where none runs."""
        ...

    async def adopt(self, missed: Missed, lease_seconds: float, limit: int) -> Sequence[Claim]:
        """Claim up to ``limit`` turns anew that their owner was never told of, because an answer of the store was lost.

        Their fence grows, so that a claim that comes late writes nothing.
        """
        ...

    async def cancel_queued(self, owner: str, reason: InterruptReason) -> Sequence[str]:
        """End the queued turns that this owner accepted. Returns their ids."""
        ...

    async def get_turn(self, tenant_id: str, turn_id: str) -> Turn:
        """Return a turn. One whose lease has expired is ended first (recovery on read)."""
        ...

    async def page_turns(self, tenant_id: str | None, status: TurnStatus | None, window: Window) -> Slice[ListedTurn]:
        """List turns of a tenant (None: of all), newest first."""
        ...

    async def tenant_of_turn(self, turn_id: str) -> str:
        """Return whose a turn is, deleted ones included: for an operator, who reaches those of all tenants."""
        ...

    async def read_log(self, tenant_id: str, turn_id: str, *, after: int, limit: int, deleted: bool = False) -> TurnLog:
        """Return a stretch of a turn's log with its rows, in one snapshot. Recovers like ``get_turn``.

        With ``deleted`` also that of a turn that was deleted, until it is purged: whoever was reading it when that
        happened is told how it ended.
        """
        ...

    async def expire_logs(self, *, older_than_seconds: float, limit: int) -> int:
        """Drop the logs of up to ``limit`` turns that ended that long ago. Their messages stay. Returns how many."""
        ...


class MessageRows(Protocol):
    """Messages."""

    async def page_messages(
        self, tenant_id: str, conversation_id: str, window: Window, *, order: Order = Order.ASC
    ) -> Slice[Message]:
        """List the messages of the active path by ``seq``. The answer of a running turn has the text logged so far."""
        ...

    async def get_message(self, tenant_id: str, message_id: str) -> Message:
        """Return a message, whatever branch it is on."""
        ...

    async def lineage(self, tenant_id: str, turn_id: str, *, turns: int) -> Sequence[Utterance]:
        """Return what was said in up to ``turns`` turns before this one on its own branch, newest first.

        Reads only what it returns: the cost does not grow with the conversation.
        """
        ...

    async def append_messages(
        self,
        tenant_id: str,
        conversation_id: str,
        messages: Sequence[AppendedMessage],
        once: Once | None = None,
    ) -> Made[Sequence[Message]]:
        """Store messages with no model call, as completed turns at the head: a question and the answer right behind it
        (which have the same ``turn_id``) are one turn.

        A key shares the conversation's with those of turns: the same key again returns the messages that it stored.

        Raises:
            TurnInProgress: A turn runs or waits. ConversationEnded, ConversationArchived, NotFound, KeyReused.
        """
        ...

    async def rate_message(self, tenant_id: str, message_id: str, rating: int | None, feedback: str | None) -> Message:
        """Set (or with None clear) the rating of a message, 1–5, and its comment."""
        ...

    async def delete_turn(self, tenant_id: str, message_id: str) -> Sequence[str]:
        """Delete the turn of an answer: the answer, and its question unless another turn asks it, too. Of a question:
        every turn that asks it, and the question.

        The children of a deleted turn hang on its parent; if it was on the active path, they stay on it. A head that is
        deleted leaves the newest end below its parent as the head, else the parent. An open turn is ended (``deleted``)
        first. The conversation's version grows. It can be undone by ``restore_turn`` until a purge begins on it.

        Returns the ids of the messages that are gone.
        """
        ...

    async def restore_turn(self, tenant_id: str, message_id: str) -> Message:
        """Bring back all that the deletion which took this message took with it, as it was: its turns, their messages,
        ``index`` and ``seq``; one that was open is ``interrupted`` (``deleted``) now. The conversation's version grows.

        A restored turn hangs where it hung, or on the nearest turn before that which is there. What hung on it hangs on it
        again, and so does what was said since where it was missing: what continued the head that its deletion left, and
        what was regenerated or edited beside its children. Everything else stays where it is: deleting and restoring turns
        in whatever order leads to the same tree. It is on the active path if something on that hangs on it now; the head
        that was deleted is the head again, unless something else has been said or switched to since.

        A message that is not deleted is returned as it is.

        Raises:
            NotFound: Also once a purge has begun on it, and while its conversation or its bot is deleted.
        """
        ...

    async def page_deleted_messages(
        self, tenant_id: str, window: Window, *, conversation_id: str | None = None
    ) -> Slice[Message]:
        """List the messages that ``restore_turn`` can bring back, of all conversations that are there or of one, those that
        were deleted last first. Of an unknown conversation there are none."""
        ...

    async def search_messages(self, tenant_id: str, query: SearchQuery, window: Window) -> Slice[Message]:
        """List messages that hold all the words of the query, newest first. Questions are found from their begin,
        answers from their end, deleted ones never."""
        ...


class AttachmentRows(Protocol):
    """Bytes, by reference and hash."""

    async def put_attachment(
        self, tenant_id: str, attachment: Attachment, content: bytes, once: Once | None = None
    ) -> Made[Attachment]:
        """Keep bytes once a tenant and hash, and a reference to them. The same key again returns the reference it made."""
        ...

    async def get_attachment(self, tenant_id: str, attachment_id: str) -> tuple[Attachment, bytes]:
        """Return a reference and its bytes, also where all messages that refer to it are deleted, until they are purged."""
        ...

    async def shows_attachment(
        self, tenant_id: str, attachment_id: str, *, bot_id: str | None = None, entity_id: str | None = None
    ) -> bool:
        """Whether a message that is not deleted refers to it, or none ever did. With a bot and an entity: whether a message
        of a conversation of theirs does."""
        ...


class Store(
    TenantRows,
    BotRows,
    ConversationRows,
    TurnRows,
    MessageRows,
    FigureRows,
    AttachmentRows,
    KnowledgeRows,
    RecordRows,
    Protocol,
):
    """Keeps everything. Opened by ``open``, closed by ``close``; both may be called once."""

    features: frozenset[Feature]

    async def open(self) -> None:
        """Connect, migrate where that is safe, check. Raises ``StoreRefused`` with what to do."""
        ...

    async def close(self) -> None:
        """Finish what was begun and let go of everything."""
        ...

    def wakeups(self) -> AsyncGenerator[Collection[str], None]:
        """Yield ids of turns that another process changed: more of its log, a request to stop, an end.

        Hints, never the truth: they may come late, twice or not at all. Raises ``StoreUnavailable`` when the line is
        cut; whoever listens calls again. Without the feature it raises ``FeatureAbsent``.
        """
        ...

    async def secret(self) -> bytes:
        """Return 32 random bytes that were made with the store: they sign cursors and key the hashes of API keys."""
        ...

    async def health(self) -> StoreHealth:
        """Say what an acknowledgement means here. Raises when the store does not answer."""
        ...

    async def size_bytes(self) -> int:
        """Return what the whole database takes: its file, or what its server says. Cheap, and no more exact than that."""
        ...
