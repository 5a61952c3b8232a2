"""Chats: conversations of a bot, of texts or with images."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from functools import partial
from typing import Any

from palaver.arguments import SendOptions
from palaver.attachment import Attached
from palaver.compat.lists import each
from palaver.compat.longtrainer import questions
from palaver.compat.longtrainer.fitting import check_schema, fitted
from palaver.compat.longtrainer.questions import Asked, composed
from palaver.compat.longtrainer.refusals import not_offered
from palaver.compat.longtrainer.translate import Answer, Exchange, cited, exchanges, row, unfenced
from palaver.conversation import Conversation, Kind, Message, Role
from palaver.errors import InvalidInput, NotFound
from palaver.page import PAGE_LIMIT_MAX, Order
from palaver.results import Reply
from palaver.surface import Hub

POLICY = "queue"
"""LongTrainer knows no «busy»: a question that comes while an answer is under way is answered behind it."""
UNFIT = "The model gave no answer that fits the schema."
_IDS = {Kind.TEXT: "chat_ids", Kind.VISION: "vision_chat_ids"}


async def begin(hub: Hub, bot_id: str, kind: Kind) -> str:
    """Begin a chat and return its id."""
    return (await hub.conversations.create(bot_id, kind=kind.value)).id


async def chat_of(hub: Hub, bot_id: str, chat_id: str) -> Conversation:
    """Return a chat of a bot. Raises ``NotFound``, for another bot's, too."""
    chat = await hub.conversations.get(chat_id)
    if chat.bot_id != bot_id:
        raise NotFound
    return chat


def asked(query: str, uploaded_files: Sequence[Mapping[str, Any]] | None, *, web_search: bool) -> Asked:
    """Return a question with what goes along. Raises ``NotOffered`` for a search of the web."""
    if web_search:
        raise not_offered("web_search")
    return Asked(query=query, files=tuple(uploaded_files or ()))


def options(images: Sequence[Attached] = ()) -> SendOptions:
    """Return how a question is sent."""
    return SendOptions(policy=POLICY, attachments=images) if images else SendOptions(policy=POLICY)


def answer_of(reply: Reply) -> Answer:
    """Return a reply as it is returned."""
    return Answer(reply.text, cited(reply.citations))


async def answer(hub: Hub, bot_id: str, chat_id: str, question: Asked, images: Sequence[Attached] = ()) -> Answer:
    """Ask and return the answer. Raises ``TurnFailed``: nothing is kept of an answer that failed."""
    await chat_of(hub, bot_id, chat_id)
    return answer_of(await hub.messages.send(chat_id, composed(question), **options(images)))


async def fitting_answer(hub: Hub, bot_id: str, chat_id: str, question: Asked, *, schema: Mapping[str, Any]) -> Answer:
    """Ask for JSON that fits a schema; an answer that does not is asked for once more, in its place.

    Raises:
        InvalidInput: The schema is none.
    """
    if not isinstance(schema, Mapping):
        raise InvalidInput("A schema is a JSON object.", code="invalid_type")
    await chat_of(hub, bot_id, chat_id)
    await check_schema(schema)
    reply = await hub.messages.send(chat_id, composed(question, schema=schema), **options())
    data, problem = await fitted(schema, unfenced(reply.text))
    if problem is not None and reply.user_message is not None:
        better = composed(question, schema=schema, correction=f"Your last answer did not fit. {problem}")
        reply = await hub.messages.edit(reply.user_message.id, better, **options())
        data, problem = await fitted(schema, unfenced(reply.text))
    return Answer(_structured(data, reply.text, problem), cited(reply.citations))


def _structured(data: Any, text: str, problem: str | None) -> dict[str, Any]:
    if problem is None:
        return {"status": "success", "data": data, "raw_llm_output": None, "error": None}
    return {"status": "partial_success", "data": None, "raw_llm_output": text, "error": f"{UNFIT} {problem}"}


async def listing(hub: Hub, bot_id: str) -> dict[str, list[str]]:
    """Return the ids of a bot's chats that something was said in, oldest first: ``chat_ids`` and ``vision_chat_ids``."""
    found: dict[str, list[str]] = {name: [] for name in _IDS.values()}
    async for chat in _spoken(hub, bot_id):
        found[_IDS[chat.kind]].append(chat.id)
    return found


async def snapshots(hub: Hub, bot_id: str) -> list[dict[str, Any]]:
    """Return how each of a bot's text chats that something was said in began, oldest first. One read a chat."""
    return [await _snapshot(hub, chat) async for chat in _spoken(hub, bot_id) if chat.kind is Kind.TEXT]


async def _snapshot(hub: Hub, chat: Conversation) -> dict[str, Any]:
    beginning = await hub.messages.list(chat.id, limit=2)
    said = (questions.read(message.text).query for message in beginning if message.role is Role.USER)
    return {"chat_id": chat.id, "question": next(said, ""), "started_at": chat.started_at}


async def _spoken(hub: Hub, bot_id: str) -> AsyncGenerator[Conversation, None]:
    await hub.bots.get(bot_id)
    listed = partial(hub.conversations.list, bot_id=bot_id, sort="created_at", order="asc", limit=PAGE_LIMIT_MAX)
    async for chat in each(lambda after: listed() if after is None else listed(after=after)):
        if chat.message_count:
            yield chat


async def history(hub: Hub, chat_id: str, order: str = "newest", *, vision: bool = False) -> list[dict[str, Any]]:
    """Return the questions of a chat with their answers as rows, the newest first unless ``order`` is another word."""
    chat = await hub.conversations.get(chat_id)
    pairs = list(exchanges([message async for message in _messages(hub, chat.id)]))
    rows = [row(chat, pair, await _names(hub, pair) if vision else None) for pair in pairs]
    return rows[::-1] if order == "newest" else rows


async def _messages(hub: Hub, chat_id: str) -> AsyncGenerator[Message, None]:
    listed = partial(hub.messages.list, chat_id, order=Order.ASC.value, limit=PAGE_LIMIT_MAX)
    async for message in each(lambda after: listed() if after is None else listed(after=after)):
        yield message


async def _names(hub: Hub, pair: Exchange) -> Sequence[str]:
    return [(await hub.files.get(image)).name for image in pair.images]
