"""What OpenAI's own client calls: a bot is a model, a turn a response, a message an item."""

from palaver.compat.base import Surface, SurfaceRoute
from palaver.compat.openai import routes_chat, routes_conversations, routes_models, routes_responses
from palaver.compat.openai.errors import RETRY, refusal
from palaver.tenant import Scope

_CONVERSATION = "/conversations/{id}"
_ITEM = _CONVERSATION + "/items/{item_id}"
_RESPONSE = "/responses/{id}"
_SENT = (
    "OpenAI-Beta",
    "OpenAI-Organization",
    "OpenAI-Project",
    "User-Agent",
    "X-Stainless-Arch",
    "X-Stainless-Custom-Poll-Interval",
    "X-Stainless-Helper-Method",
    "X-Stainless-Lang",
    "X-Stainless-OS",
    "X-Stainless-Package-Version",
    "X-Stainless-Poll-Helper",
    "X-Stainless-Retry-Count",
    "X-Stainless-Runtime",
    "X-Stainless-Runtime-Version",
    "X-Stainless-Timeout",
)
"""What the client in JavaScript says of itself, and of how it calls."""


SURFACE = Surface(
    name="openai",
    prefix="/openai/v1",
    routes=(
        SurfaceRoute(method="GET", path="/models", run=routes_models.listing),
        SurfaceRoute(method="GET", path="/models/{model:path}", run=routes_models.get),
        SurfaceRoute(method="POST", path="/chat/completions", run=routes_chat.complete, scope=Scope.WRITE),
        SurfaceRoute(method="POST", path="/conversations", run=routes_conversations.create, scope=Scope.WRITE),
        SurfaceRoute(method="GET", path="/conversations", run=routes_conversations.listing),
        SurfaceRoute(method="GET", path=_CONVERSATION, run=routes_conversations.get),
        SurfaceRoute(method="POST", path=_CONVERSATION, run=routes_conversations.update, scope=Scope.WRITE),
        SurfaceRoute(method="DELETE", path=_CONVERSATION, run=routes_conversations.delete, scope=Scope.WRITE),
        SurfaceRoute(method="GET", path=_CONVERSATION + "/items", run=routes_conversations.items),
        SurfaceRoute(
            method="POST", path=_CONVERSATION + "/items", run=routes_conversations.create_items, scope=Scope.WRITE
        ),
        SurfaceRoute(method="GET", path=_ITEM, run=routes_conversations.get_item),
        SurfaceRoute(method="DELETE", path=_ITEM, run=routes_conversations.delete_item, scope=Scope.WRITE),
        SurfaceRoute(method="POST", path="/responses", run=routes_responses.create, scope=Scope.WRITE),
        SurfaceRoute(method="GET", path=_RESPONSE, run=routes_responses.get),
        SurfaceRoute(method="DELETE", path=_RESPONSE, run=routes_responses.delete, scope=Scope.WRITE),
        SurfaceRoute(method="POST", path=_RESPONSE + "/cancel", run=routes_responses.cancel, scope=Scope.WRITE),
        SurfaceRoute(method="GET", path=_RESPONSE + "/input_items", run=routes_responses.input_items),
    ),
    refusal=refusal,
    sent=(routes_chat.CONVERSATION, *_SENT),
    read=(routes_chat.CONVERSATION, RETRY),
)
