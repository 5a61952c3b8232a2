"""Knowrithm's clients, unmodified, below ``/knowrithm``; and the classes of its guide over any hub.

Two generations of its SDK are answered by the same routes, and what its guide shows besides.
"""

from palaver.compat.base import Surface
from palaver.compat.knowrithm.door import refusal, secret_of, straight
from palaver.compat.knowrithm.routes import ROUTES
from palaver.compat.knowrithm.sdk import (
    AnalyticsService,
    ConversationService,
    KnowrithmAPIError,
    KnowrithmClient,
    MessageService,
)

__all__ = [
    "SURFACE",
    "AnalyticsService",
    "ConversationService",
    "KnowrithmAPIError",
    "KnowrithmClient",
    "MessageService",
]

SURFACE = Surface(
    name="knowrithm",
    prefix="/knowrithm",
    routes=ROUTES,
    refusal=refusal,
    secret_of=secret_of,
    sent=("X-API-Secret",),
    straighten=straight,
)
