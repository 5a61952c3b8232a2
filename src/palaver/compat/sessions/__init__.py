"""The session API: four routes at the root, as the tutorials' chatbots of FastAPI, Redis and LangChain have them.

A session is a conversation. One that was imported is also found by the id that it had.
"""

from palaver.compat.base import Surface, SurfaceRoute
from palaver.compat.sessions import routes
from palaver.compat.sessions.translate import refusal
from palaver.tenant import Scope

SURFACE = Surface(
    name="sessions",
    prefix="",
    routes=(
        SurfaceRoute(method="POST", path="/new_session", run=routes.new_session, scope=Scope.WRITE),
        SurfaceRoute(method="POST", path="/chat", run=routes.chat, scope=Scope.WRITE),
        SurfaceRoute(method="GET", path="/sessions", run=routes.sessions, scope=Scope.ADMIN),
        SurfaceRoute(method="GET", path="/session/{id}/history", run=routes.history),
    ),
    refusal=refusal,
)
