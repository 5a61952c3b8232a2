"""The classes of Knowrithm's guide, over any hub: of its code nothing changes but the lines that import.

client = KnowrithmClient(api_key="…", api_secret="…", base_url="https://palaver.example/knowrithm/api")
client = KnowrithmClient(base_url="palaver.db")
ConversationService(client).create(agent_id="bot_…", entity_type="USER")
"""

from __future__ import annotations

import re
from collections.abc import Callable, Coroutine, Generator, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

import palaver
from palaver.blocking import BlockingHub
from palaver.compat.closing import Closing
from palaver.compat.knowrithm import analytics, chat, conversations
from palaver.compat.knowrithm.answers import Record
from palaver.compat.knowrithm.door import whole_key
from palaver.compat.knowrithm.paging import each, stretch
from palaver.compat.knowrithm.schemas import (
    ConversationBegin,
    ConversationChange,
    ConversationEnd,
    ConversationQuery,
    MessageRating,
    Numbers,
)
from palaver.compat.knowrithm.streams import piece
from palaver.compat.knowrithm.translate import conversation_record, message_record, reply_record, with_copy
from palaver.conversation import Conversation
from palaver.errors import InvalidInput, PalaverError
from palaver.http.statuses import status_of
from palaver.surface import Hub
from palaver.wire.checking import check

T = TypeVar("T")
_PREFIX = re.compile(r"/knowrithm(?:/+api)?(?:/+v1)?/*\Z")


class KnowrithmAPIError(Exception):
    """What went wrong, as the clients tell it; ``__cause__`` is our own error.

    ``status_code`` is the HTTP status that a server answers, ``error_code`` our word.
    """

    def __init__(self, error: PalaverError) -> None:
        self.message = error.message
        self.status_code = status_of(error)
        self.error_code = error.code
        self.response_data: Mapping[str, Any] = dict(error.details)
        super().__init__(f"KnowrithmAPIError(status={self.status_code}, code={self.error_code}): {self.message}")


class KnowrithmClient(Closing):
    """What the services below call: a Palaver server, or a store that is opened in this process.

    Args:
        api_key: A key of the server, or the first half of a pair; nobody asks for it in process.
        api_secret: The second half of a pair.
        base_url: Where the server is, with or without ``/knowrithm/api``; or a store, as ``palaver.connect`` takes it.
        hub: One that is open already, in place of ``base_url``; whoever opened it closes it.
    """

    def __init__(
        self,
        api_key: str = "",
        api_secret: str = "",
        base_url: str = palaver.DEFAULT_TARGET,
        *,
        hub: BlockingHub | None = None,
    ) -> None:
        self._owns = hub is None
        self._hub = _connected(api_key, api_secret, base_url) if hub is None else hub

    def run(self, work: Callable[[Hub], Coroutine[Any, Any, T]]) -> T:
        """Do something with the hub and return what comes of it. Raises ``KnowrithmAPIError``."""
        with _told():
            return self._hub.run(work)

    def events(self, turn_id: str) -> Generator[Any, None, None]:
        """Yield the events of a turn up to its end. Raises ``KnowrithmAPIError``."""
        with _told():
            yield from self._hub.turns.events(turn_id)

    def close(self) -> None:
        """Let go of the server or the store, unless the hub was given."""
        if self._owns:
            self._hub.close()


def _connected(api_key: str, api_secret: str, base_url: str) -> BlockingHub:
    if not base_url.startswith(("http://", "https://")):
        return palaver.connect(base_url)
    key = whole_key(api_key, api_secret) if api_key else None
    return palaver.connect(_PREFIX.sub("", base_url.rstrip("/")), api_key=key)


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except PalaverError as error:
        raise KnowrithmAPIError(error) from error


class _Service:
    def __init__(self, client: KnowrithmClient) -> None:
        self.client = client


class ConversationService(_Service):
    """Begins, finds, changes and ends conversations."""

    def create(
        self, agent_id: str, entity_type: str = "USER", metadata: Mapping[str, Any] | None = None, **more: Any
    ) -> Record:
        """Begin a conversation; ``more`` may be ``entity_id``, ``title`` and ``max_context_length``."""
        said = {"agent_id": agent_id, "entity_type": _word(entity_type), "metadata": metadata, **more}
        return self._one(lambda hub: conversations.begin(hub, check(ConversationBegin, said)))

    def list(self, params: Mapping[str, Any] | None = None) -> list[Record]:
        """List conversations. ``params`` are ``agent_id``, ``status``, ``search``, ``sort_by``, ``sort_order``, ``page``, ``per_page`` …"""

        async def work(hub: Hub) -> list[Record]:
            query = check(ConversationQuery, params or {})
            found = await stretch(await conversations.listed(hub, query), query, counted=False)
            return [conversation_record(row) for row in found.rows]

        return self.client.run(work)

    def get(self, conversation_id: str) -> Record:
        """Return a conversation."""
        return self._one(lambda hub: hub.conversations.get(conversation_id))

    def update(self, conversation_id: str, metadata: Mapping[str, Any] | None = None, **more: Any) -> Record:
        """Add to the metadata of a conversation, or change what is there; None removes a key. ``more`` may be ``title``."""
        change = {"metadata": metadata, **more}
        return self._one(lambda hub: conversations.change(hub, conversation_id, check(ConversationChange, change)))

    def end_conversation(self, conversation_id: str, rating: int | None = None, feedback: str | None = None) -> Record:
        """End a conversation, with a rating of 1 to 5 and words about it, or without."""

        async def work(hub: Hub) -> Conversation:
            wanted = check(ConversationEnd, {"rating": rating, "feedback": feedback})
            return await hub.conversations.end(conversation_id, rating=wanted.score, feedback=wanted.feedback)

        return self._one(work)

    def archive(self, conversation_id: str) -> Record:
        """Archive a conversation."""
        return self._one(lambda hub: hub.conversations.archive(conversation_id))

    def delete(self, conversation_id: str) -> Record:
        """Delete a conversation; it can be restored."""

        async def work(hub: Hub) -> Record:
            await hub.conversations.delete(conversation_id)
            return {"success": True, "id": conversation_id}

        return self.client.run(work)

    def restore(self, conversation_id: str) -> Record:
        """Bring a deleted conversation back."""
        return self._one(lambda hub: hub.conversations.restore(conversation_id))

    def _one(self, work: Callable[[Hub], Coroutine[Any, Any, Conversation]]) -> Record:
        return with_copy("conversation", conversation_record(self.client.run(work)))


class MessageService(_Service):
    """Sends messages, and shows and rates what was said."""

    def send_message(self, conversation_id: str, content: str, role: str = "user") -> Record:
        """Send a message and return the answer."""

        async def work(hub: Hub) -> Record:
            turn_id = await chat.begin(hub, conversation_id, _said(content, role))
            return reply_record(await chat.answered(hub, turn_id))

        return self.client.run(work)

    def send_message_stream(
        self, conversation_id: str, content: str, role: str = "user"
    ) -> Generator[Record, None, None]:
        """Send a message and return its answer's chunks: those with text have ``content``, the last one is ``done`` and has
        the answer's ``message_id``. They raise ``KnowrithmAPIError`` where the model failed."""

        async def work(hub: Hub) -> str:
            return await chat.begin(hub, conversation_id, _said(content, role))

        return self._chunks(self.client.run(work))

    def _chunks(self, turn_id: str) -> Generator[Record, None, None]:
        for event in self.client.events(turn_id):
            chunk = piece(event)
            if chunk is None:
                continue
            if "error" in chunk:
                self.client.run(lambda hub: chat.answered(hub, turn_id))
            yield chunk

    def list_messages(self, conversation_id: str, limit: int | None = None, offset: int = 0) -> list[Record]:
        """Return what was said, from the first message on: all of it, or ``limit`` messages (1–200) from ``offset`` on."""

        async def work(hub: Hub) -> list[Record]:
            numbers = check(Numbers, {"limit": limit, "offset": offset})
            rows = each(hub.messages.list, conversation_id=conversation_id)
            if limit is None:
                return [message_record(row) async for row in rows][numbers.start :]
            return [message_record(row) for row in (await stretch(rows, numbers, counted=False)).rows]

        return self.client.run(work)

    def rate_message(self, message_id: str, rating: int, feedback: str | None = None) -> Record:
        """Rate an answer with 1 to 5."""

        async def work(hub: Hub) -> Record:
            wanted = check(MessageRating, {"rating": rating, "feedback": feedback})
            rated = await hub.messages.rate(message_id, wanted.rating, feedback=wanted.feedback)
            return {"success": True, **message_record(rated)}

        return self.client.run(work)


class AnalyticsService(_Service):
    """Counts what was said."""

    def get_conversation_analytics(self, conversation_id: str) -> Record:
        """Return the figures of a conversation."""
        return self.client.run(lambda hub: analytics.of_conversation(hub, conversation_id))


def _word(value: object) -> object:
    """Return what an enumeration of the clients stands for."""
    return getattr(value, "value", value)


def _said(content: str, role: str) -> str:
    if role != "user":
        raise InvalidInput("What is sent to an agent is said by the user.", code="invalid_role")
    return content
