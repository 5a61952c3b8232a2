"""``/chat/completions``: in a conversation, or beside all of them."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from starlette.responses import Response

from palaver.bot import Bot
from palaver.compat.openai import shapes
from palaver.compat.openai.answers import answered, concluded, event_stream
from palaver.compat.openai.chunks import ChunkTeller
from palaver.compat.openai.errors import unsupported, wrong
from palaver.compat.openai.parameters import taken
from palaver.compat.openai.reading import Heard, heard
from palaver.compat.openai.schemas import Completion
from palaver.compat.openai.sends import Sending, begin
from palaver.compat.openai.threads import bot_of, conversation_with
from palaver.events import Event
from palaver.http.bodies import read_json
from palaver.http.presence import while_there
from palaver.serving import Caller

CONVERSATION = "X-Conversation-Id"
CONVERSATION_KEY = "conversation_id"


async def complete(caller: Caller) -> Response:
    """Answer the last messages of the user. Bound to a conversation, its own history is what was said before."""
    body = await read_json(caller.request, caller.serving.settings.limits.inline_bytes)
    wanted = taken(Completion, body)
    said = heard(wanted.messages, "messages")
    said.question("messages")
    bot = await bot_of(caller.hub, wanted.model)
    conversation_id = _bound(caller, wanted)
    if wanted.stream:
        caller.serving.streams.check()
    if conversation_id is None:
        return await _answer(caller, wanted, bot, await _aside(caller, wanted, bot, said), None)
    sending = Sending(
        conversation=await conversation_with(caller.hub, conversation_id, bot),
        question=said.question("messages"),
        params=wanted.params(),
        body=body,
    )
    accepted = await begin(caller, sending)
    turn_id = accepted.turn.id
    response = await _answer(caller, wanted, bot, caller.hub.turns.events(turn_id), turn_id)
    response.headers[CONVERSATION] = sending.conversation.id
    return response


def _bound(caller: Caller, wanted: Completion) -> str | None:
    named = [caller.request.headers.get(CONVERSATION), wanted.metadata.get(CONVERSATION_KEY)]
    ids = {each for each in named if each is not None and each != ""}
    if len(ids) > 1:
        raise wrong("metadata.conversation_id", f"{CONVERSATION} names another conversation.")
    return str(ids.pop()) if ids else None


async def _aside(caller: Caller, wanted: Completion, bot: Bot, said: Heard) -> AsyncGenerator[Event, None]:
    if wanted.store:
        raise unsupported("store", f"Nothing is kept without a conversation: name one by {CONVERSATION}.")
    asides = caller.hub.asides
    return asides.events(
        await asides.prepare(bot, said.messages, instructions=said.instructions, params=wanted.params())
    )


async def _answer(
    caller: Caller, wanted: Completion, bot: Bot, events: AsyncGenerator[Event, None], turn_id: str | None
) -> Response:
    if wanted.stream:
        return event_stream(caller, _chunks(events, bot, with_usage=wanted.stream_options.include_usage), turn_id)
    turn, answer = await while_there(caller.request.receive, concluded(events))
    return answered(shapes.completion(turn, answer, bot.id))


async def _chunks(events: AsyncGenerator[Event, None], bot: Bot, *, with_usage: bool) -> AsyncGenerator[bytes, None]:
    teller = ChunkTeller(bot.id, with_usage=with_usage)
    async with aclosing(events):
        async for event in events:
            if pieces := b"".join(teller.tell(event)):
                yield pieces
