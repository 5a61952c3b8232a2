"""Where foreign ids fit in the session API."""

from __future__ import annotations

from collections.abc import Mapping

from server.foreign import Probe

WALK: Mapping[str, tuple[Probe, ...]] = {
    "POST /new_session": (),
    "POST /chat": (
        Probe("/chat", {"session_id": "{conv}", "message": "x"}),
        Probe("/chat", {"session_id": "{conv}", "message": "x"}, header=("Accept", "text/event-stream")),
        Probe("/chat", {"session_id": "{conv}", "message": "x"}, header=("Idempotency-Key", "b-key")),
        Probe("/chat", {"session_id": "{turn}", "message": "x"}),
    ),
    "GET /sessions": (Probe("/sessions", status=200),),
    "GET /session/{id}/history": (Probe("/session/{conv}/history"), Probe("/session/{turn}/history")),
}
