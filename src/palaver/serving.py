"""What all requests of an app share while it runs, and who makes one: the same for our own API and for every drop-in surface."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import Request

from palaver.allowances import Allowances
from palaver.config import Settings
from palaver.http.auth import Access, Gate
from palaver.http.metrics import Metrics
from palaver.http.sse import StreamSlots
from palaver.hub import HubRoot, LocalHub


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """The engine on its store, who may come in, and how much of it."""

    settings: Settings
    root: HubRoot
    gate: Gate
    streams: StreamSlots
    metrics: Metrics
    allowances: Allowances


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """A request by someone who was let in."""

    request: Request
    serving: Serving
    access: Access

    @property
    def hub(self) -> LocalHub:
        """Everything of the caller's tenant."""
        return self.serving.root.for_tenant(self.access.tenant_id)

    def url(self, path: str) -> str:
        """Return a path of this app as the client sees it, where the app is mounted."""
        return f"{self.request.scope.get('root_path', '')}{path}"


def serving(settings: Settings, root: HubRoot) -> Serving:
    """Return what requests need of a running engine."""
    limits, metrics = settings.limits, Metrics()
    streams = StreamSlots(limits.streams_max, limits.heartbeat_seconds)
    metrics.watch("palaver_event_streams", "Event streams that are open here.", lambda: streams.open)
    metrics.watch("palaver_turns_running", "Turns that run in this process.", lambda: root.engine.running)
    root.engine.tell_of_ends(lambda _, finished: metrics.ended(finished.turn))
    if root.titler is not None:
        root.titler.tell_of_usage(metrics.titled)
    gate = Gate(root.store, root.keys, root.visitors)
    return Serving(settings=settings, root=root, gate=gate, streams=streams, metrics=metrics, allowances=Allowances())
