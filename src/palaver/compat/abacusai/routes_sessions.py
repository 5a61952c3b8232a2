"""Chat sessions over HTTP."""

from __future__ import annotations

from starlette.responses import Response

from palaver.compat.abacusai import sessions
from palaver.compat.abacusai.routes import action, bot_of, reader_of, result
from palaver.compat.abacusai.routes_answers import answered
from palaver.compat.abacusai.schemas import NewSession, OneSession, SessionMessage, SessionName, Sessions, SessionSend
from palaver.serving import Caller
from palaver.tenant import Scope


async def create(caller: Caller, asked: NewSession) -> Response:
    return result(await sessions.create(reader_of(caller), await bot_of(caller, asked.project_id), asked.name))


async def get(caller: Caller, asked: OneSession) -> Response:
    return result(await sessions.get(reader_of(caller), asked.chat_session_id))


async def listed(caller: Caller, asked: Sessions) -> Response:
    found = await sessions.listed(reader_of(caller), most_recent_per_project=asked.most_recent_per_project)
    return result(found)


async def rename(caller: Caller, asked: SessionName) -> Response:
    await sessions.rename(reader_of(caller), asked.chat_session_id, asked.name)
    return result(None)


async def delete_message(caller: Caller, asked: SessionMessage) -> Response:
    await sessions.delete_message(reader_of(caller), asked.chat_session_id, asked.message_index)
    return result(None)


async def export(caller: Caller, asked: OneSession) -> Response:
    return result(await sessions.export(reader_of(caller), asked.chat_session_id))


async def send(caller: Caller, asked: SessionSend) -> Response:
    await answered(caller, await caller.hub.messages.start(asked.chat_session_id, asked.message))
    return result(await sessions.get(reader_of(caller), asked.chat_session_id))


ROUTES = (
    action("POST", "createChatSession", NewSession, create, Scope.WRITE),
    action("GET", "getChatSession", OneSession, get),
    action("GET", "listChatSessions", Sessions, listed),
    action("POST", "renameChatSession", SessionName, rename, Scope.WRITE),
    action("DELETE", "deleteChatMessage", SessionMessage, delete_message, Scope.WRITE),
    action("POST", "exportChatSession", OneSession, export),
    action("POST", "sendChatMessage", SessionSend, send, Scope.WRITE),
)
