"""A conversation as LangChain's chat message history."""

from __future__ import annotations

from collections.abc import Sequence

from langchain_core.chat_history import BaseChatMessageHistory
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage

from palaver.arguments import AppendFields
from palaver.conversation import Message, Role
from palaver.errors import InvalidInput
from palaver.langchain.calls import AnyHub, block, wait
from palaver.page import PAGE_LIMIT_MAX
from palaver.surface import Hub

_ROLES = {"human": Role.USER, "ai": Role.ASSISTANT}


class PalaverChatMessageHistory(BaseChatMessageHistory):
    """The messages of a conversation's active path, as text. What people and models say is kept; other messages are refused.

    Args:
        conversation_id: A conversation that is there.
    """

    def __init__(self, hub: AnyHub, conversation_id: str) -> None:
        self._hub = hub
        self._conversation_id = conversation_id

    @property
    def messages(self) -> list[BaseMessage]:  # type: ignore[override]  # a property, as the base class asks for
        """All messages, oldest first."""
        return block(self._hub, self._read)

    async def aget_messages(self) -> list[BaseMessage]:
        """See ``messages``."""
        return await wait(self._hub, self._read)

    def add_messages(self, messages: Sequence[BaseMessage]) -> None:
        """Add messages, all or none. Raises ``InvalidInput`` for one that is neither a person's nor a model's, or has no text."""
        said = [_said(message) for message in messages]
        block(self._hub, lambda hub: hub.messages.append(self._conversation_id, said))

    async def aadd_messages(self, messages: Sequence[BaseMessage]) -> None:
        """See ``add_messages``."""
        said = [_said(message) for message in messages]
        await wait(self._hub, lambda hub: hub.messages.append(self._conversation_id, said))

    def clear(self) -> None:
        """Delete every message of the active path; the conversation stays."""
        block(self._hub, self._clear)

    async def aclear(self) -> None:
        """See ``clear``."""
        await wait(self._hub, self._clear)

    async def _read(self, hub: Hub) -> list[BaseMessage]:
        return [_message(message) for message in await self._all(hub)]

    async def _all(self, hub: Hub) -> list[Message]:
        page = await hub.messages.list(self._conversation_id, limit=PAGE_LIMIT_MAX)
        found = list(page)
        while page.next is not None:
            page = await hub.messages.list(self._conversation_id, limit=PAGE_LIMIT_MAX, after=page.next)
            found += page
        return found

    async def _clear(self, hub: Hub) -> None:
        first_of_turn = {message.turn_id: message.id for message in reversed(await self._all(hub))}
        for message_id in first_of_turn.values():
            await hub.messages.delete(message_id)


def _said(message: BaseMessage) -> AppendFields:
    role = _ROLES.get(message.type)
    if role is None:
        raise InvalidInput(
            f"A conversation keeps what people and models say, no {message.type} message.", code="invalid_role"
        )
    return AppendFields(role=role.value, text=str(message.text))


def _message(message: Message) -> BaseMessage:
    kind = HumanMessage if message.role is Role.USER else AIMessage
    return kind(content=message.text, id=message.id)
