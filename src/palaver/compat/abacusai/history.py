"""The visible messages of a session, by their place, and what a caller has read of them.

Clients name a message by its index. An index means a message only together with what was read: a delete moves all that come
after it, and a client that sends the same delete again would remove another message.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass

from palaver.arguments import PageQuery
from palaver.compat.lists import each
from palaver.conversation import Message
from palaver.errors import Conflict, InvalidInput
from palaver.page import PAGE_LIMIT_MAX
from palaver.surface import Hub

READINGS_MAX = 20_000


def behind(cursor: str | None) -> PageQuery:
    """Return which page is behind a cursor; None: the first one."""
    return {"limit": PAGE_LIMIT_MAX} if cursor is None else {"limit": PAGE_LIMIT_MAX, "after": cursor}


async def visible(hub: Hub, conversation_id: str) -> tuple[Message, ...]:
    """Return the messages of the active path, oldest first: an index counts them from 0."""
    async with aclosing(each(lambda after: hub.messages.list(conversation_id, **behind(after)))) as listed:
        return tuple([message async for message in listed])


def message_at(messages: Sequence[Message], index: int) -> Message:
    """Return the message with this index.

    Raises:
        InvalidInput: There is none.
    """
    if not 0 <= index < len(messages):
        there = f"0 to {len(messages) - 1}" if messages else "none, as there are no messages"
        raise InvalidInput(f"messageIndex: this session has {there}.", path="messageIndex")
    return messages[index]


def _digest(messages: Sequence[Message]) -> bytes:
    return hashlib.sha256("\n".join(message.id for message in messages).encode()).digest()


def _never_moved(messages: Sequence[Message], index: int) -> bool:
    """Whether this index has meant this message ever since: nothing before it was deleted or stands on another branch."""
    return all(message.seq == place for place, message in enumerate(messages[: index + 1], start=1))


class Readings:
    """What each caller last read of each session. The newest ones are kept, in this process.

    Of a session that was not read here an index is taken where it can't have meant anything else.
    """

    def __init__(self, limit: int = READINGS_MAX) -> None:
        self._limit = limit
        self._digests: OrderedDict[tuple[str, str], bytes] = OrderedDict()

    def note(self, reader: str, conversation_id: str, messages: Sequence[Message]) -> None:
        """A caller was shown these messages."""
        self._digests[reader, conversation_id] = _digest(messages)
        self._digests.move_to_end((reader, conversation_id))
        if len(self._digests) > self._limit:
            self._digests.popitem(last=False)

    def check(self, reader: str, conversation_id: str, messages: Sequence[Message], index: int) -> None:
        """Make sure that an index means what the caller has seen.

        Raises:
            Conflict: The session has changed since this caller read it, or is not known to be as it was read.
        """
        read = self._digests.get((reader, conversation_id))
        if read is None and _never_moved(messages, index):
            self.note(reader, conversation_id, messages)
            return
        if read != _digest(messages):
            raise Conflict("This session is not as it was when you last read it: get it again, then name the message.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """Someone who reads sessions and names messages by what they read. ``name`` tells them from others: the id of a key."""

    hub: Hub
    readings: Readings
    name: str = ""

    async def read(self, conversation_id: str) -> tuple[Message, ...]:
        """Return the visible messages of a session; from now on an index means one of these."""
        messages = await visible(self.hub, conversation_id)
        self.readings.note(self.name, conversation_id, messages)
        return messages

    async def named(self, conversation_id: str, *indices: int) -> list[Message]:
        """Return the messages that these indices mean.

        Raises:
            Conflict: They may mean others than were read.
            InvalidInput: There is no such index.
        """
        messages = await visible(self.hub, conversation_id)
        for index in indices:
            self.readings.check(self.name, conversation_id, messages, index)
        return [message_at(messages, index) for index in indices]
