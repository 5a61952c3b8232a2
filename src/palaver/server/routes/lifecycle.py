"""``/v1/conversations/{id}/…``: how a conversation ends and begins again, and which of its branches is active."""

from __future__ import annotations

from starlette.responses import Response

from palaver.conversation import Branch, Conversation, EndReason
from palaver.errors import Forbidden
from palaver.server import visits
from palaver.server.call import Answered, Call, Endpoint, Run, rows, value
from palaver.tenant import Scope
from palaver.wire.base import Empty, Wire
from palaver.wire.conversations import ConversationEnd, HeadSwitch

_ONE = Answered(kind=Conversation, headers=("ETag",))
_ID = "/v1/conversations/{id}"


async def end(call: Call) -> Response:
    conversation_id, version = await visits.conversation_id(call), call.if_version()
    wanted = await call.body(ConversationEnd, optional=True)
    if call.access.is_visitor and wanted.reason is not EndReason.USER:
        raise Forbidden("A visitor ends a conversation as the user.")
    return value(await call.hub.conversations.end(conversation_id, if_version=version, **wanted.given()))


async def archive(call: Call) -> Response:
    conversation_id, version = call.id("conv"), call.if_version()
    await call.body(Empty, optional=True)
    return value(await call.hub.conversations.archive(conversation_id, if_version=version))


async def reopen(call: Call) -> Response:
    conversation_id, version = call.id("conv"), call.if_version()
    await call.body(Empty, optional=True)
    return value(await call.hub.conversations.reopen(conversation_id, if_version=version))


async def head(call: Call) -> Response:
    conversation_id, version = call.id("conv"), call.if_version()
    wanted = await call.body(HeadSwitch)
    return value(await call.hub.conversations.switch(conversation_id, wanted.turn_id, if_version=version))


async def branches(call: Call) -> Response:
    return rows(await call.hub.conversations.branches(await visits.conversation_id(call)))


def _moves(name: str, run: Run, summary: str, body: type[Wire], *, visitor: bool = False) -> Endpoint:
    return Endpoint(
        method="POST",
        path=f"{_ID}/{name}",
        run=run,
        summary=summary,
        tag="conversations",
        scope=Scope.WRITE,
        visitor=visitor,
        body=body,
        body_optional=body is not HeadSwitch,
        versioned=True,
        codes=(409,),
        answers={200: _ONE},
    )


ROUTES = (
    _moves("end", end, "End a conversation; a running turn is stopped first", ConversationEnd, visitor=True),
    _moves("archive", archive, "Archive a conversation; a running turn is stopped first", Empty),
    _moves("reopen", reopen, "Make an ended or archived conversation active again", Empty),
    _moves("head", head, "Make the path to this turn the active one", HeadSwitch),
    Endpoint(
        method="GET",
        path=f"{_ID}/branches",
        run=branches,
        summary="List the turns that have siblings",
        tag="conversations",
        visitor=True,
        answers={200: Answered(kind=Branch, wrapped="list")},
    ),
)
