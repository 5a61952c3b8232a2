"""The routes of ``/v1``, one file a noun; ``ALL`` is what the app serves."""

from palaver.server.call import Endpoint
from palaver.server.routes import (
    bots,
    conversations,
    documents,
    entities,
    files,
    health,
    keys,
    knowledge,
    lifecycle,
    messages,
    pages,
    search,
    turns,
)

ALL: tuple[Endpoint, ...] = (
    *bots.ROUTES,
    *entities.ROUTES,
    *conversations.ROUTES,
    *lifecycle.ROUTES,
    *messages.ROUTES,
    *files.ROUTES,
    *turns.ROUTES,
    *search.ROUTES,
    *documents.ROUTES,
    *knowledge.ROUTES,
    *keys.ROUTES,
    *health.ROUTES,
    *pages.ROUTES,
)
