"""The routes below ``/knowrithm``, one file a noun. Clients write ``/api/v1`` or ``/v1`` in front: see ``door.straight``."""

from palaver.compat.base import SurfaceRoute
from palaver.compat.knowrithm.routes import (
    agents,
    analytics,
    conversations,
    documents,
    health,
    keys,
    leads,
    messages,
    refused,
    widget,
)

ROUTES: tuple[SurfaceRoute, ...] = (
    *conversations.ROUTES,
    *messages.ROUTES,
    *agents.ROUTES,
    *analytics.ROUTES,
    *leads.ROUTES,
    *widget.ROUTES,
    *refused.ROUTES,
    *documents.ROUTES,
    *keys.ROUTES,
    *health.ROUTES,
)
