"""``/health``, and ``/tasks``: what the clients wait for is done before they are answered, but they may ask."""

from __future__ import annotations

from starlette.responses import Response

from palaver.compat.base import SurfaceRoute
from palaver.compat.knowrithm.answers import Record, answer, named
from palaver.compat.knowrithm.translate import reply_record
from palaver.conversation import TurnStatus
from palaver.errors import ShuttingDown
from palaver.serving import Caller


async def health(caller: Caller) -> Response:
    if caller.serving.root.draining:
        raise ShuttingDown("This server is stopping.", retry_after_seconds=1)
    return answer({"success": True, "status": "healthy"})


async def task(caller: Caller) -> Response:
    turn = await caller.hub.turns.get(named(caller))
    about: Record = {"task_id": turn.id, "conversation_id": turn.conversation_id}
    if not turn.status.is_terminal:
        return answer({**about, "status": "in_progress"})
    if turn.status is TurnStatus.FAILED and turn.error is not None:
        error = {"code": turn.error.code, "message": turn.error.message}
        return answer({**about, "status": "failed", "error": error})
    return answer({**about, "status": "completed", "result": reply_record(await caller.hub.turns.wait(turn.id))})


ROUTES = (
    SurfaceRoute(method="GET", path="/v1/health", run=health, scope=None),
    SurfaceRoute(method="GET", path="/v1/tasks/{id}/status", run=task),
)
