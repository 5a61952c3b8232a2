"""``/responses``: turns."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Any

from starlette.responses import Response

from palaver.compat.openai import shapes
from palaver.compat.openai.answers import answered, concluded, event_stream
from palaver.compat.openai.errors import unsupported, wrong
from palaver.compat.openai.parameters import taken
from palaver.compat.openai.queries import number_asked, page_asked
from palaver.compat.openai.reading import Heard, heard
from palaver.compat.openai.schemas import ResponseCreate
from palaver.compat.openai.sends import Sending, begin
from palaver.compat.openai.telling import ResponseTeller, frame
from palaver.compat.openai.threads import bot_of, conversation_with
from palaver.conversation import Conversation, Turn
from palaver.errors import NotFound, PalaverError, ResumeWindowGone
from palaver.events import Event
from palaver.http.bodies import read_json
from palaver.http.presence import while_there
from palaver.serving import Caller
from palaver.text import paragraphs

NO_EVENT = -1


async def create(caller: Caller) -> Response:
    """Answer, in the conversation that is named, behind the response that is named, in a new one, or beside all of them."""
    body = await read_json(caller.request, caller.serving.settings.limits.inline_bytes)
    wanted = taken(ResponseCreate, body)
    said = _heard(wanted)
    _check(wanted, said)
    if wanted.stream:
        caller.serving.streams.check()
    if not wanted.store:
        bot = await bot_of(caller.hub, wanted.model)
        instructions = paragraphs(wanted.instructions or "", said.instructions)
        asides = caller.hub.asides
        aside = await asides.prepare(bot, said.messages, instructions=instructions, params=wanted.params())
        return await _answer(caller, wanted, bot.id, asides.events(aside), None)
    turn, bot_id = await _begun(caller, wanted, said, body)
    if wanted.background and not wanted.stream:
        return answered(shapes.response(turn, None, bot_id))
    return await _answer(caller, wanted, bot_id, caller.hub.turns.events(turn.id), turn.id)


def _heard(wanted: ResponseCreate) -> Heard:
    items = [{"role": "user", "content": wanted.input}] if isinstance(wanted.input, str) else wanted.input
    said = heard(items, "input")
    said.question("input")
    return said


def _check(wanted: ResponseCreate, said: Heard) -> None:
    if wanted.conversation is not None and wanted.previous_response_id is not None:
        raise wrong("previous_response_id", "Name a conversation or a response, not both.")
    if wanted.store:
        if said.instructions:
            raise unsupported("input", "What holds for this response alone is said in instructions.")
        return
    if wanted.background or wanted.conversation is not None or wanted.previous_response_id is not None:
        raise wrong("store", "What is not stored is in no conversation, and can't be read later.")


async def _begun(caller: Caller, wanted: ResponseCreate, said: Heard, body: Mapping[str, Any]) -> tuple[Turn, str]:
    """Begin the turn; return it and the id of its bot."""
    conversation, parent_id = await _place(caller, wanted)
    if said.earlier and parent_id is not None:
        raise unsupported("input", "Behind a response come the user's messages alone.")
    sending = Sending(
        conversation=conversation,
        question=said.question("input"),
        params={**wanted.params(), **({"instructions": wanted.instructions} if wanted.instructions else {})},
        body=body,
        earlier=said.earlier,
        parent_id=parent_id,
    )
    try:
        return (await begin(caller, sending)).turn, conversation.bot_id
    except PalaverError:
        if wanted.conversation is None and parent_id is None:  # what was made for this answer goes with it
            await caller.hub.conversations.delete(conversation.id)
        raise


async def _place(caller: Caller, wanted: ResponseCreate) -> tuple[Conversation, str | None]:
    """Return the conversation of a new turn, and the turn that it continues where one is named."""
    hub, conversation_id, parent_id = caller.hub, wanted.conversation_id, wanted.previous_response_id
    bot = await bot_of(hub, wanted.model) if wanted.model else None
    if parent_id is not None:
        conversation_id = (await hub.turns.get(parent_id)).conversation_id
    if conversation_id is not None and bot is None:
        return await hub.conversations.get(conversation_id), parent_id
    if conversation_id is not None and bot is not None:
        return await conversation_with(hub, conversation_id, bot), parent_id
    if bot is None:
        raise wrong("model", "A model is needed: the id or name of a bot.")
    return await hub.conversations.create(bot.id, metadata=wanted.metadata), None


async def _answer(
    caller: Caller, wanted: ResponseCreate, bot_id: str, events: AsyncGenerator[Event, None], turn_id: str | None
) -> Response:
    if wanted.stream:
        return event_stream(caller, _frames(events, bot_id), turn_id)
    turn, answer = await while_there(caller.request.receive, concluded(events))
    return answered(shapes.response(turn, answer, bot_id))


async def _frames(
    events: AsyncGenerator[Event, None], bot_id: str, *, after: int = NO_EVENT
) -> AsyncGenerator[bytes, None]:
    teller = ResponseTeller(bot_id)
    async with aclosing(events):
        async for event in events:
            told = [each for each in teller.tell(event) if each["sequence_number"] > after]
            if told:
                yield b"".join(map(frame, told))


async def get(caller: Caller) -> Response:
    """Read a response, or its events behind one of them, live or later."""
    turn, bot_id = await _turn(caller)
    after = number_asked(caller, "starting_after")
    if caller.request.query_params.get("stream") != "true":
        answer = await caller.hub.messages.get(str(turn.message_id))
        return answered(shapes.response(turn, answer, bot_id))
    caller.serving.streams.check()
    if after is not None:
        await _check_point(caller, turn, bot_id, after)
    events = caller.hub.turns.events(turn.id)
    return event_stream(caller, _frames(events, bot_id, after=NO_EVENT if after is None else after), turn.id)


async def _check_point(caller: Caller, turn: Turn, bot_id: str, after: int) -> None:
    """Raise ``ResumeWindowGone`` where there is no such event, or where it can't be told any more which it was."""
    await caller.hub.turns.check_cursor(turn.id, 1)
    if not turn.status.is_terminal:
        return
    teller = ResponseTeller(bot_id)
    told = [each async for event in caller.hub.turns.events(turn.id) for each in teller.tell(event)]
    if after >= len(told):
        raise ResumeWindowGone("There is no such event.", turn_id=turn.id)


async def _turn(caller: Caller) -> tuple[Turn, str]:
    """Return the turn in the path, which has an answer, and the id of its bot."""
    turn = await caller.hub.turns.get(caller.request.path_params["id"])
    if turn.message_id is None:
        raise NotFound
    return turn, (await caller.hub.conversations.get(turn.conversation_id)).bot_id


async def cancel(caller: Caller) -> Response:
    """Stop a response and keep its text. One that has ended stays as it is."""
    turn, bot_id = await _turn(caller)
    stopped = await caller.hub.turns.stop(turn.id)
    answer = await caller.hub.messages.get(str(turn.message_id))
    return answered(shapes.response(stopped, answer, bot_id))


async def delete(caller: Caller) -> Response:
    """Delete a response with its question, unless others answer it, too."""
    turn, _ = await _turn(caller)
    await caller.hub.messages.delete(str(turn.message_id))
    return answered({"id": turn.id, "object": "response", "deleted": True})


async def input_items(caller: Caller) -> Response:
    """List the question of a response."""
    turn, _ = await _turn(caller)
    page_asked(caller)
    questions = [] if turn.user_message_id is None else [await caller.hub.messages.get(turn.user_message_id)]
    return answered(shapes.listed([*map(shapes.item, questions)], has_more=False))
