"""The routes of ``/v1``, one file a noun; ``ALL`` is what the app serves."""

from palaver.server.call import Endpoint
from palaver.server.routes import bots, conversations, entities, health, keys, lifecycle, messages, pages, search, turns

ALL: tuple[Endpoint, ...] = (
    *bots.ROUTES,
    *entities.ROUTES,
    *conversations.ROUTES,
    *lifecycle.ROUTES,
    *messages.ROUTES,
    *turns.ROUTES,
    *search.ROUTES,
    *keys.ROUTES,
    *health.ROUTES,
    *pages.ROUTES,
)
