"""Abacus.AI: its clients with ``server="http://…/abacusai"``, and ``ChatSession`` in process.

A project and a deployment are a bot, a chat session and a deployment conversation are a conversation; ids are Palaver's own.
"""

from palaver.compat.abacusai import routes, routes_answers, routes_conversations, routes_sessions
from palaver.compat.abacusai.facade import AiBuildingTask, ApiClient, ChatMessage, ChatSession
from palaver.compat.abacusai.schemas import token_in
from palaver.compat.base import Surface

__all__ = ["SURFACE", "AiBuildingTask", "ApiClient", "ChatMessage", "ChatSession"]

SURFACE = Surface(
    name="abacusai",
    prefix=routes.PREFIX,
    routes=(*routes.ROUTES, *routes_sessions.ROUTES, *routes_conversations.ROUTES, *routes_answers.ROUTES),
    refusal=routes.refusal,
    secret_of=routes.secret_of,
    query_secret=routes.TOKEN,
    body_secret=token_in,
    sent=("apiKey", "clientVersion"),
    straighten=routes.straighten,
)
