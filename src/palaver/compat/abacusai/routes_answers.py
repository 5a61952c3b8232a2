"""Answers over HTTP: whole, or as a stream of one JSON object a line."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from starlette.responses import Response

from palaver.compat.abacusai.answers import aside, check_options, heard, lines
from palaver.compat.abacusai.conversations import meant_or_new
from palaver.compat.abacusai.routes import absent, action, reader_of, result
from palaver.compat.abacusai.schemas import Chat, ConversationSend
from palaver.compat.abacusai.translate import chat_response, conversation_response, spoken
from palaver.conversation import Conversation
from palaver.errors import ModelError, TurnFailed
from palaver.http.presence import while_there
from palaver.http.sse import Stream
from palaver.results import Accepted, Reply, unless_failed
from palaver.serving import Caller
from palaver.tenant import Scope

PING = b'{"ping":true}\n'
"""What clients pass over."""
_HEADERS = {"Content-Type": "application/x-ndjson; charset=utf-8", "Cache-Control": "no-cache, no-transform"}


async def answered(caller: Caller, accepted: Accepted) -> Reply:
    """Return the reply of a turn once it has ended.

    Raises:
        ModelError: The turn failed; its question is stored.
        ClientDisconnect: Nobody waits for it any more. The turn goes on.
    """
    outcome = caller.hub.turns.outcome(accepted.turn.id)
    try:
        return unless_failed(await while_there(caller.request.receive, outcome))
    except TurnFailed as error:
        raise ModelError(error.message, code=error.code) from None


async def _begun(caller: Caller, asked: ConversationSend) -> tuple[Conversation, Accepted]:
    """Send the message, once everything that is asked for can be done."""
    params = check_options(asked, await caller.hub.bots.get(asked.deployment_id))
    if told := asked.instructions():
        params["instructions"] = told
    conversation = await meant_or_new(reader_of(caller).hub, asked)
    return conversation, await caller.hub.messages.start(conversation.id, asked.message, params=params)


async def converse(caller: Caller, asked: ConversationSend) -> Response:
    conversation, accepted = await _begun(caller, asked)
    await answered(caller, accepted)
    return result(conversation_response(conversation, await reader_of(caller).read(conversation.id)))


async def stream_conversation(caller: Caller, asked: ConversationSend) -> Response:
    caller.serving.streams.check()
    conversation, accepted = await _begun(caller, asked)
    events = caller.hub.turns.events(accepted.turn.id)
    return _stream(caller, lines(events, conversation, with_results=asked.include_search_results), accepted.turn.id)


async def chat(caller: Caller, asked: Chat) -> Response:
    events = await aside(caller.hub, asked)
    answer, found = await while_there(caller.request.receive, heard(events))
    said = [spoken(is_user=each.is_user, text=each.text) for each in asked.messages]
    return result(chat_response(said, answer, found))


async def stream_chat(caller: Caller, asked: Chat) -> Response:
    caller.serving.streams.check()
    events = await aside(caller.hub, asked)
    return _stream(caller, lines(events, None, with_results=asked.include_search_results))


def _stream(caller: Caller, pieces: AsyncGenerator[bytes, None], turn_id: str | None = None) -> Stream:
    return Stream(
        pieces,
        slots=caller.serving.streams,
        ping=PING,
        headers=_HEADERS,
        turn_id=turn_id,
    )


_IMAGES = "send images over /v1, and documents to the bot"
_AGENTS = "bots here have no tools"

ROUTES = (
    action("POST", "getConversationResponse", ConversationSend, converse, Scope.WRITE),
    action("POST", "getStreamingConversationResponse", ConversationSend, stream_conversation, Scope.WRITE),
    action("POST", "getChatResponse", Chat, chat, Scope.WRITE),
    action("POST", "getStreamingChatResponse", Chat, stream_chat, Scope.WRITE),
    absent("POST", "getConversationResponseWithBinaryData", _IMAGES),
    absent("POST", "getStreamingConversationResponseWithBinaryData", _IMAGES),
    absent("POST", "getChatResponseWithBinaryData", _IMAGES),
    absent("POST", "getStreamingChatResponseWithBinaryData", _IMAGES),
    absent("POST", "executeSyncConversationAgent", _AGENTS),
    absent("POST", "executeConversationAgentStreaming", _AGENTS),
    absent("POST", "getDeepAgentResponse", _AGENTS),
)
