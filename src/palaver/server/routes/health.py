"""``/healthz``, ``/readyz`` and ``/metrics``"""

from __future__ import annotations

from dataclasses import replace

from starlette.responses import Response

from palaver.errors import ShuttingDown
from palaver.jsonable import encode
from palaver.server.call import Answered, Call, Endpoint, json_response
from palaver.server.shapes import Alive, Ready
from palaver.tenant import Scope


async def alive(call: Call) -> Response:
    del call
    return json_response({"status": "alive"})


async def ready(call: Call) -> Response:
    if call.serving.root.draining:
        raise ShuttingDown("This server is stopping.", retry_after_seconds=1)
    health = await call.serving.root.store.health()
    if not await call.serving.gate.is_open():
        # nobody is asked for a key here, and these name files, hosts and settings
        health = replace(health, detail="", engine_version="", settings={}, risks=(), notes=())
    return json_response({"status": "ready", "store": encode(health)})


async def metrics(call: Call) -> Response:
    found = call.serving.metrics
    return Response(found.render(), headers={"Content-Type": found.media_type})


ROUTES = (
    Endpoint(
        method="GET",
        path="/healthz",
        run=alive,
        summary="Whether the process answers",
        tag="health",
        scope=None,
        answers={200: Answered(kind=Alive)},
    ),
    Endpoint(
        method="GET",
        path="/readyz",
        run=ready,
        summary="Whether the store answers, and what an acknowledgement means here",
        tag="health",
        scope=None,
        answers={200: Answered(kind=Ready)},
    ),
    Endpoint(
        method="GET",
        path="/metrics",
        run=metrics,
        summary="Prometheus metrics",
        tag="health",
        scope=Scope.ADMIN,
        answers={200: Answered(media_types={"text/plain": "Prometheus' text format"})},
    ),
)
