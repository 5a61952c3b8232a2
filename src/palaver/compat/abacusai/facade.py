"""Chat sessions in process: the classes of the document, with its names, over a hub.

from palaver.compat.abacusai import ApiClient

client = ApiClient(server="palaver.db")        # or ApiClient("a key", server="http://localhost:8000")
session = client.create_chat_session(name="Refunds")
session = client.send_chat_message(session.chat_session_id, "What is the refund policy?")
print(session.answer, session.chat_history)
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from contextlib import aclosing
from typing import Any, ClassVar, TypeVar

from palaver.blocking import BlockingHub
from palaver.compat.abacusai import sessions
from palaver.compat.abacusai.history import Reader, Readings, behind
from palaver.compat.abacusai.translate import Shape
from palaver.compat.closing import Closing
from palaver.compat.lists import each
from palaver.errors import NameTaken, NotFound
from palaver.surface import Hub

STANDING_BOT = "default"
"""Who a session is with where no project is named. It is made on first use."""

V = TypeVar("V", bound="Values")
Built = Mapping[str, Any]


class Values:
    """What is built of an answer: attributes, the ones that are None left out where it is shown."""

    NAMES: ClassVar[tuple[str, ...]]

    def to_dict(self) -> dict[str, Any]:
        """Return the attributes as plain values, nested ones too."""
        shown = {name: _plain(getattr(self, name)) for name in self.NAMES}
        return {name: value for name, value in shown.items() if value is not None}

    def __repr__(self) -> str:
        shown = {name: getattr(self, name) for name in self.NAMES}
        pairs = [f"{name}={value!r}" for name, value in shown.items() if value is not None]
        lines = ",\n  ".join(pairs)
        return f"{type(self).__name__}({lines})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, type(self)):
            return NotImplemented
        return self._compared() == other._compared()

    def _compared(self) -> object:
        return getattr(self, "id", None) or self.to_dict()

    __hash__ = None  # type: ignore[assignment]  # they change


def _plain(value: Any) -> Any:
    match value:
        case Values():
            return value.to_dict()
        case list() if any(isinstance(each, Values) for each in value):
            return [each.to_dict() for each in value]
        case _:
            return value


class ChatMessage(Values):
    """A message: ``role`` is ``USER`` or ``BOT``, ``text`` a list of segments ``{"type", "text", "segment"}``."""

    NAMES = ("role", "text", "timestamp", "is_useful", "feedback", "doc_ids")

    def __init__(  # noqa: PLR0913
        self,
        client: object,
        role: str | None = None,
        text: list[dict[str, Any]] | None = None,
        timestamp: str | None = None,
        isUseful: bool | None = None,  # noqa: N803
        feedback: str | None = None,
        docIds: list[str] | None = None,  # noqa: N803
    ) -> None:
        self.client = client
        self.role = role
        self.text = text
        self.timestamp = timestamp
        self.is_useful = isUseful
        self.feedback = feedback
        self.doc_ids = docIds


class AiBuildingTask(Values):
    """Work on what a bot knows. ``task_type`` is ``document`` or ``training``."""

    NAMES = ("task", "task_type")

    def __init__(self, client: object, task: str | None = None, taskType: str | None = None) -> None:  # noqa: N803
        self.client = client
        self.task = task
        self.task_type = taskType


class ChatSession(Values):
    """A conversation with a bot, as it was when it was read.

    Args:
        client: Does what is asked of it: an ``ApiClient``, or a hub that ``palaver.connect`` gives.
        answer: The newest answer.
        chatSessionId: The id of the conversation.
        projectId: The id of the bot.
        name: The title.
        createdAt: When it began: ``2026-01-31T12:00:00+00:00``.
        status: ``active``, ``ended`` or ``archived``.
        aiBuildingInProgress: Whether documents of the bot are made ready, or it is trained.
        chatHistory: The visible messages, or their shapes, oldest first.
        nextAiBuildingTask: Which work is next.
    """

    NAMES = (
        "answer",
        "chat_session_id",
        "project_id",
        "name",
        "created_at",
        "status",
        "ai_building_in_progress",
        "chat_history",
        "next_ai_building_task",
    )

    def __init__(  # noqa: PLR0913
        self,
        client: ApiClient | BlockingHub | None,
        answer: str | None = None,
        chatSessionId: str | None = None,  # noqa: N803
        projectId: str | None = None,  # noqa: N803
        name: str | None = None,
        createdAt: str | None = None,  # noqa: N803
        status: str | None = None,
        aiBuildingInProgress: bool | None = None,  # noqa: N803
        chatHistory: Sequence[Built | ChatMessage] | Built | ChatMessage = {},  # noqa: B006, N803
        nextAiBuildingTask: Built | AiBuildingTask | None = {},  # noqa: B006, N803
    ) -> None:
        self.client = ApiClient(hub=client) if isinstance(client, BlockingHub) else client
        if chatSessionId is not None:
            self.id = chatSessionId
        self.answer = answer
        self.chat_session_id = chatSessionId
        self.project_id = projectId
        self.name = name
        self.created_at = createdAt
        self.status = status
        self.ai_building_in_progress = aiBuildingInProgress
        self.chat_history = _built(ChatMessage, self.client, chatHistory)
        self.next_ai_building_task = _built(AiBuildingTask, self.client, nextAiBuildingTask)

    def get(self) -> ChatSession:
        """Return the session as it is now."""
        return self._asking().get_chat_session(self._named())

    def delete_chat_message(self, message_index: int) -> None:
        """Delete a message and what it was answered. ``message_index`` counts ``chat_history`` from 0.

        Raises:
            Conflict: The session has changed since it was last read with this client.
            InvalidInput: There is no such message.
        """
        self._asking().delete_chat_message(self._named(), message_index)

    def export(self) -> str:
        """Return the session as one HTML document."""
        return self._asking().export_chat_session(self._named())

    def rename(self, name: str) -> None:
        """Give the session another name."""
        self._asking().rename_chat_session(self._named(), name)

    def _asking(self) -> ApiClient:
        if self.client is None:
            raise TypeError("this session was made without a client, so nothing can be asked of it")
        return self.client

    def _named(self) -> str:
        if self.chat_session_id is None:
            raise TypeError("this session was made without its id, so nothing can be asked of it")
        return self.chat_session_id


def _built(kind: Callable[..., V], client: object, given: Any) -> Any:
    """Return what was given as objects: one, a list of them, or None for nothing. Keys that the class does not know are left out."""
    match given:
        case list() | tuple():
            return [_built(kind, client, each) for each in given]
        case Mapping() if given:
            known = inspect.signature(kind).parameters
            return kind(client, **{name: value for name, value in given.items() if name in known})
        case Values():
            return given
        case _:
            return None


async def _id_of_standing_bot(hub: Hub) -> str:
    async with aclosing(each(lambda after: hub.bots.list(**behind(after)))) as bots:
        async for bot in bots:
            if bot.name == STANDING_BOT:
                return bot.id
    raise NotFound


class ApiClient(Closing):
    """Chat sessions on a store in this process, or on a server. A context manager; ``close()`` does the same.

    Args:
        api_key: For a server.
        server: What ``palaver.connect`` takes: a file, or the address of a store or a server.
        hub: One that is open already, in place of both; whoever opened it closes it.
    """

    def __init__(
        self, api_key: str | None = None, server: str = "palaver.db", *, hub: BlockingHub | None = None
    ) -> None:
        from palaver import connect

        self._hub = connect(server, api_key=api_key) if hub is None else hub
        self._is_own = hub is None
        self._readings = Readings()

    def _reader(self, hub: Hub) -> Reader:
        return Reader(hub=hub, readings=self._readings)

    def _session(self, shape: Shape) -> ChatSession:
        return ChatSession(self, **shape)

    def _standing_bot(self) -> str:
        try:
            return self._hub.bots.create(name=STANDING_BOT).id
        except NameTaken:
            return self._hub.run(_id_of_standing_bot)

    def create_chat_session(self, project_id: str | None = None, name: str | None = None) -> ChatSession:
        """Begin a session with a bot; with the bot ``default`` where none is named."""
        bot_id = project_id or self._standing_bot()
        return self._session(self._hub.run(lambda hub: sessions.create(self._reader(hub), bot_id, name)))

    def get_chat_session(self, chat_session_id: str) -> ChatSession:
        """Return a session with its history."""
        return self._session(self._hub.run(lambda hub: sessions.get(self._reader(hub), chat_session_id)))

    def list_chat_sessions(self, most_recent_per_project: bool = False) -> list[ChatSession]:
        """Return the sessions that were active last, at most 600, without their histories; or the last one of each bot."""
        shapes = self._hub.run(
            lambda hub: sessions.listed(self._reader(hub), most_recent_per_project=most_recent_per_project)
        )
        return [self._session(shape) for shape in shapes]

    def rename_chat_session(self, chat_session_id: str, name: str) -> None:
        """Give a session another name."""
        self._hub.run(lambda hub: sessions.rename(self._reader(hub), chat_session_id, name))

    def delete_chat_message(self, chat_session_id: str, message_index: int) -> None:
        """Delete a message and what it was answered. See ``ChatSession.delete_chat_message``."""
        self._hub.run(lambda hub: sessions.delete_message(self._reader(hub), chat_session_id, message_index))

    def export_chat_session(self, chat_session_id: str) -> str:
        """Return a session as one HTML document."""
        return self._hub.run(lambda hub: sessions.export(self._reader(hub), chat_session_id))

    def send_chat_message(self, chat_session_id: str, message: str) -> ChatSession:
        """Send a message and return the session with its ``answer``.

        Raises:
            TurnFailed: The model could not answer; the message is stored.
        """
        self._hub.messages.send(chat_session_id, message)
        return self.get_chat_session(chat_session_id)

    def close(self) -> None:
        """Let go of a hub that was opened here."""
        if self._is_own:
            self._hub.close()
