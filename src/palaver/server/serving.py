"""What all requests of an app share while it runs."""

from __future__ import annotations

from dataclasses import dataclass

from palaver.config import Settings
from palaver.http.auth import Gate
from palaver.http.sse import StreamSlots
from palaver.hub import HubRoot
from palaver.server.metrics import Metrics


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """The engine on its store, who may come in, and how much of it."""

    settings: Settings
    root: HubRoot
    gate: Gate
    streams: StreamSlots
    metrics: Metrics


def serving(settings: Settings, root: HubRoot) -> Serving:
    """Return what requests need of a running engine."""
    metrics, streams = Metrics(), StreamSlots(settings.limits.streams_max)
    metrics.watch("palaver_event_streams", "Event streams that are open here.", lambda: streams.open)
    metrics.watch("palaver_turns_running", "Turns that run in this process.", lambda: root.engine.running)
    return Serving(settings=settings, root=root, gate=Gate(root.store, root.keys), streams=streams, metrics=metrics)
