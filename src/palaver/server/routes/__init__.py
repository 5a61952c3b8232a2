"""The routes of ``/v1``, one file a noun; ``ALL`` is what the app serves."""

from palaver.server.call import Endpoint
from palaver.server.routes import (
    analytics,
    bots,
    conversations,
    documents,
    entities,
    exports,
    files,
    health,
    keys,
    knowledge,
    lifecycle,
    messages,
    pages,
    search,
    session,
    store,
    turns,
    visitors,
)

ALL: tuple[Endpoint, ...] = (
    *bots.ROUTES,
    *entities.ROUTES,
    *conversations.ROUTES,
    *lifecycle.ROUTES,
    *messages.ROUTES,
    *exports.ROUTES,
    *files.ROUTES,
    *turns.ROUTES,
    *search.ROUTES,
    *documents.ROUTES,
    *knowledge.ROUTES,
    *analytics.ROUTES,
    *keys.ROUTES,
    *store.ROUTES,
    *visitors.ROUTES,
    *session.ROUTES,
    *health.ROUTES,
    *pages.ROUTES,
)
