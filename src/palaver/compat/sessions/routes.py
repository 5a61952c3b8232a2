"""``POST /new_session``, ``POST /chat``, ``GET /sessions`` and ``GET /session/{id}/history``"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from functools import partial
from typing import Any
from uuid import UUID

from pydantic import ConfigDict
from starlette.responses import Response

from palaver.compat.bare_text import bare_text
from palaver.compat.bots import standing_bot
from palaver.compat.lists import each, whole_list
from palaver.compat.sessions.translate import pairs
from palaver.conversation import Conversation
from palaver.errors import NotFound
from palaver.events import dumps
from palaver.http.bodies import read_json
from palaver.http.idempotency import read_key
from palaver.http.sse import EventStream, wants_stream
from palaver.hub import LocalHub
from palaver.page import Page
from palaver.serving import Caller
from palaver.wire.base import AnyId, MessageText, Wire
from palaver.wire.checking import check

PAGE_ROWS = 200
POLICY = "queue"
"""These clients know no «busy»: a message that comes while an answer is under way is answered behind it."""


class Chat(Wire):
    """A message in a session. Fields that are not known are passed over, as these clients expect."""

    model_config = ConfigDict(strict=True, extra="ignore", frozen=True)

    session_id: AnyId
    message: MessageText


async def new_session(caller: Caller) -> Response:
    """Begin a conversation with the session bot."""
    bot = await standing_bot(caller.hub, caller.serving.settings.session_bot)
    conversation = await caller.hub.conversations.create(bot.id)
    return Response(dumps({"session_id": conversation.id}), media_type="application/json")


async def chat(caller: Caller) -> Response:
    """Send a message and stream the answer: bare text, or our own events where the client asks for an event stream."""
    wanted = check(Chat, await read_json(caller.request, caller.serving.settings.limits.body_bytes))
    key = read_key(caller.request)
    session = await _session(caller.hub, wanted.session_id)
    caller.serving.streams.check()
    options: dict[str, Any] = {"policy": POLICY, **({} if key is None else {"key": key})}
    accepted = await caller.hub.messages.start(session.id, wanted.message, **options)
    if not wants_stream(caller.request):
        return await bare_text(caller, accepted.turn.id)
    return EventStream(
        accepted.turn.id,
        caller.serving.root.engine.follow(caller.access.tenant_id, accepted.turn.id),
        slots=caller.serving.streams,
    )


async def sessions(caller: Caller) -> Response:
    """List the ids of all conversations of the tenant, the newest first."""
    listed = partial(caller.hub.conversations.list, sort="created_at", limit=PAGE_ROWS)

    async def ids() -> AsyncGenerator[str, None]:
        async for conversation in each(lambda after: listed(**_from(after))):
            yield conversation.id

    return await whole_list(caller, "sessions", ids())


async def history(caller: Caller) -> Response:
    """List the questions of a session with their answers, the oldest first."""
    session = await _session(caller.hub, caller.request.path_params["id"])
    listed = partial(caller.hub.messages.list, session.id, limit=PAGE_ROWS)
    return await whole_list(caller, "history", pairs(each(lambda after: listed(**_from(after)))))


def _from(after: str | None) -> dict[str, Any]:
    return {} if after is None else {"after": after}


async def _session(hub: LocalHub, session_id: str) -> Conversation:
    """Return a session by its id, or by the one that it had where it was imported from. Raises ``NotFound``."""
    if not _is_imported(session_id):
        return await hub.conversations.get(session_id)
    found: Page[Conversation] = await hub.conversations.list(external_id=session_id, limit=1)
    if not found.data:
        raise NotFound
    return found.data[0]


def _is_imported(session_id: str) -> bool:
    try:
        return str(UUID(session_id)) == session_id
    except ValueError:
        return False
