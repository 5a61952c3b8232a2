"""The three forms of the answer to a send: wait for the end, stream the events, or only begin."""

from __future__ import annotations

import re

from starlette.requests import Request
from starlette.responses import Response

from palaver.http.presence import while_there
from palaver.http.sse import EventStream, wants_stream
from palaver.jsonable import encode
from palaver.results import Accepted
from palaver.server import visits
from palaver.server.call import Call, json_response

_ASYNC = re.compile(r"(?:^|,)\s*respond-async\s*(?:;[^,]*)?(?=,|$)", re.IGNORECASE)


def _prefers_async(request: Request) -> bool:
    return any(_ASYNC.search(value) for value in request.headers.getlist("prefer"))


def check_room(call: Call) -> None:
    """Raise ``TooManyStreams`` before anything is stored, where the answer would be a stream."""
    if wants_stream(call.request):
        visits.slots(call).check()


def event_stream(call: Call, turn_id: str, *, after: int = 0, headers: dict[str, str] | None = None) -> EventStream:
    """Return the events of a turn after one of them. Whoever calls knows that the turn is the caller's to read."""
    return EventStream(
        turn_id,
        call.serving.root.engine.follow(call.access.tenant_id, turn_id, after=after),
        slots=visits.slots(call),
        headers=headers,
    )


async def answer_send(call: Call, accepted: Accepted) -> Response:
    """Return the answer to a send that was accepted, in the form that was asked for."""
    turn = accepted.turn
    headers = {"Location": call.url(f"/v1/turns/{turn.id}")}
    if accepted.replayed:
        headers["Idempotent-Replayed"] = "true"
    if wants_stream(call.request):
        return event_stream(call, turn.id, headers=headers)
    if _prefers_async(call.request):
        body = {"turn": encode(turn), "user_message": encode(accepted.user_message)}
        return json_response(body, 202, {**headers, "Preference-Applied": "respond-async"})
    reply = await while_there(call.request.receive, call.hub.turns.outcome(turn.id, replayed=accepted.replayed))
    parts = {"turn": reply.turn, "user_message": reply.user_message, "message": reply.message}
    return json_response(encode(parts), 201, headers)
