"""How something is to be answered, and what is told of it."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from palaver.bot import Bot
from palaver.compat.abacusai.schemas import Answering, Chat
from palaver.compat.abacusai.translate import Shape, line, results_of, stream_end, streamed
from palaver.compat.endings import check_whole
from palaver.conversation import Conversation, Role, Turn
from palaver.errors import InvalidInput, ModelError
from palaver.events import Event, EventType
from palaver.hub import LocalHub
from palaver.jsonable import decode
from palaver.wire.checking import check
from palaver.wire.messages import AppendedMessage
from palaver.wire.params import Params

_ELSEWHERE = {
    "filterKeyValues": "the bot's retrieval says what is looked for",
    "searchScoreCutoff": "the bot's retrieval says what is looked for",
    "docInfos": "give the bot the documents first",
    "userInfo": "no data source here is open to some users only",
    "executeUsercodeTool": "bots here have no tools",
    "ignoreDocuments": "the bot's retrieval says whether documents are used",
}


def _refuse(asked: Answering, names: dict[str, str]) -> None:
    said = asked.model_dump(by_alias=True)
    for name, why in names.items():
        if said[name]:
            raise InvalidInput(f"{name} can't be used here: {why}.", path=name)


def check_options(asked: Answering, bot: Bot) -> dict[str, Any]:
    """Return the parameters of the model, once everything else that is asked for can be done.

    Raises:
        InvalidInput: With the name of what can't.
    """
    _refuse(asked, _ELSEWHERE)
    if asked.llm_name not in (None, bot.model):
        raise InvalidInput(f"llmName: this deployment answers with {bot.model}.", path="llmName")
    return check(Params, asked.params()).given()


async def aside(hub: LocalHub, asked: Chat) -> AsyncGenerator[Event, None]:
    """Return what happens while the client's own messages are answered, once everything that is asked for can be done."""
    bot = await hub.bots.get(asked.deployment_id)
    params = check_options(asked, bot)
    said = [
        AppendedMessage(role=Role.USER if each.is_user else Role.ASSISTANT, text=each.text) for each in asked.messages
    ]
    return hub.asides.events(
        await hub.asides.prepare(bot, said, instructions=asked.instructions() or "", params=params)
    )


async def lines(
    events: AsyncGenerator[Event, None], conversation: Conversation | None, *, with_results: bool
) -> AsyncGenerator[bytes, None]:
    """Yield the lines of an answer, in a conversation or of an aside."""
    async with aclosing(events):
        async for each in events:
            told = stream_end(conversation, each) if each.is_terminal else streamed(each, with_results=with_results)
            if told is not None:
                yield line(told)


async def heard(events: AsyncGenerator[Event, None]) -> tuple[str, list[Shape]]:
    """Return a whole answer, and what was found for it.

    Raises:
        ModelError: There is none.
    """
    found: list[Shape] = []
    async with aclosing(events):
        async for each in events:
            if each.type == EventType.RETRIEVAL_DONE:
                found = results_of(each)
            if each.is_terminal:
                check_whole(decode(Turn, each.data["turn"]))
                return str(each.data["message"]["text"]), found
    raise ModelError("The answer broke off.")
