"""Chat sessions: what is done about them, and the shapes that come of it. The same on a server and in process."""

from __future__ import annotations

from collections.abc import Coroutine, Sequence
from contextlib import aclosing
from typing import Any

from palaver.arguments import ConversationQuery
from palaver.compat.abacusai.history import Reader, behind
from palaver.compat.abacusai.schemas import SESSIONS_MAX
from palaver.compat.abacusai.translate import Shape, chat_session
from palaver.compat.lists import each
from palaver.conversation import Conversation
from palaver.document import Document, DocumentStatus
from palaver.page import PAGE_LIMIT_MAX, Page
from palaver.surface import Hub


async def create(reader: Reader, project_id: str, name: str | None) -> Shape:
    """Begin a session with a bot."""
    conversation = await reader.hub.conversations.create(project_id, title=name)
    return await _shown(reader, conversation)


async def get(reader: Reader, session_id: str) -> Shape:
    """Return a session with its history."""
    return await _shown(reader, await reader.hub.conversations.get(session_id))


async def listed(reader: Reader, *, most_recent_per_project: bool) -> list[Shape]:
    """Return the sessions that were active last, at most 600, without their histories; or the last one of each bot."""
    hub = reader.hub
    found = await (_last_of_each_bot(hub) if most_recent_per_project else conversations(hub, limit=SESSIONS_MAX))
    unready_of = {bot_id: await unready(hub, bot_id) for bot_id in {conversation.bot_id for conversation in found}}
    return [chat_session(conversation, None, unready_of[conversation.bot_id]) for conversation in found]


async def rename(reader: Reader, session_id: str, name: str) -> None:
    """Give a session another name."""
    await reader.hub.conversations.update(session_id, title=name)


async def delete_message(reader: Reader, session_id: str, index: int) -> None:
    """Delete the message with this index and what it was answered, or what it answers."""
    [message] = await reader.named(session_id, index)
    await reader.hub.messages.delete(message.id)


async def export(reader: Reader, session_id: str) -> str:
    """Return a session as one HTML document."""
    return await page_of(reader, await reader.hub.conversations.get(session_id))


async def page_of(reader: Reader, conversation: Conversation) -> str:
    """Return a conversation as one HTML document. With that its reader has read it: indices mean what is in there."""
    await reader.read(conversation.id)
    return (await reader.hub.conversations.export(conversation.id)).decode()


async def _shown(reader: Reader, conversation: Conversation) -> Shape:
    messages = await reader.read(conversation.id)
    return chat_session(conversation, messages, await unready(reader.hub, conversation.bot_id))


async def conversations(hub: Hub, *, limit: int, query: ConversationQuery | None = None) -> list[Conversation]:
    """Return the conversations that were active last, at most ``limit``."""

    def fetch(after: str | None) -> Coroutine[Any, Any, Page[Conversation]]:
        wanted: ConversationQuery = {**(query or {}), **behind(after)}
        return hub.conversations.list(**wanted)

    listed: list[Conversation] = []
    async with aclosing(each(fetch)) as found:
        async for conversation in found:
            listed.append(conversation)
            if len(listed) == limit:
                break
    return listed


async def _last_of_each_bot(hub: Hub) -> list[Conversation]:
    async with aclosing(each(lambda after: hub.bots.list(**behind(after)))) as bots:
        return [last async for bot in bots for last in await hub.conversations.list(bot_id=bot.id, limit=1)]


async def unready(hub: Hub, bot_id: str) -> Sequence[Document]:
    """Return documents of a bot that are worked on, then those that wait for it, the oldest first."""
    waiting = await hub.documents.list(bot_id, status=DocumentStatus.PENDING.value, limit=PAGE_LIMIT_MAX)
    # Asked after those that wait: one that is taken up in between is among these.
    worked_on = await hub.documents.list(bot_id, status=DocumentStatus.PROCESSING.value, limit=PAGE_LIMIT_MAX)
    return [*reversed(worked_on.data), *reversed(waiting.data)]
