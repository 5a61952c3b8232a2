"""Where foreign ids fit in what OpenAI's client calls."""

from __future__ import annotations

from collections.abc import Mapping

from server.foreign import CANARY, Probe

ITEMS = {"items": [{"type": "message", "role": "user", "content": "x"}]}
SAID = [{"role": "user", "content": "x"}]
IMAGE = [
    {"role": "user", "content": [{"type": "input_text", "text": "x"}, {"type": "input_image", "file_id": "{att}"}]}
]
SENT = [{"role": "user", "content": [{"type": "text", "text": "x"}, {"type": "input_image", "file_id": "{sent_att}"}]}]
OWN = "{own_bot}"

WALK: Mapping[str, tuple[Probe, ...]] = {
    "GET /models": (Probe("/models", status=200),),
    "GET /models/{model:path}": (Probe("/models/{bot}"), Probe(f"/models/{CANARY}"), Probe("/models/{gone}")),
    "POST /chat/completions": (
        Probe("/chat/completions", {"model": "{bot}", "messages": SAID}),
        Probe("/chat/completions", {"model": CANARY, "messages": SAID}),
        Probe("/chat/completions", {"model": "{bot}", "messages": SAID, "stream": True}),
        Probe("/chat/completions", {"model": OWN, "messages": SAID}, header=("X-Conversation-Id", "{conv}")),
        Probe("/chat/completions", {"model": OWN, "messages": SAID, "metadata": {"conversation_id": "{conv}"}}),
        Probe("/chat/completions", {"model": OWN, "messages": IMAGE}),
        Probe("/chat/completions", {"model": OWN, "messages": SENT}),
        Probe("/chat/completions", {"model": OWN, "messages": SENT}, header=("X-Conversation-Id", "{own_conv}")),
    ),
    "POST /conversations": (Probe("/conversations", {"model": "{bot}"}),),
    "GET /conversations": (
        Probe("/conversations", status=200),
        Probe("/conversations?after={cursor}", status=400),
        Probe("/conversations?after={conv}", status=400),
    ),
    "GET /conversations/{id}": (Probe("/conversations/{conv}"), Probe("/conversations/{turn}")),
    "POST /conversations/{id}": (Probe("/conversations/{conv}", {"metadata": {}}),),
    "DELETE /conversations/{id}": (Probe("/conversations/{conv}"),),
    "GET /conversations/{id}/items": (
        Probe("/conversations/{conv}/items"),
        Probe("/conversations/{own_conv}/items?after={msg}"),
        Probe("/conversations/{conv}/items?after={msg}"),
    ),
    "POST /conversations/{id}/items": (
        Probe("/conversations/{conv}/items", ITEMS),
        Probe("/conversations/{own_conv}/items", {"items": IMAGE}),
    ),
    "GET /conversations/{id}/items/{item_id}": (
        Probe("/conversations/{conv}/items/{msg}"),
        Probe("/conversations/{own_conv}/items/{msg}"),
        Probe("/conversations/{conv}/items/{own_msg}"),
    ),
    "DELETE /conversations/{id}/items/{item_id}": (
        Probe("/conversations/{conv}/items/{msg}"),
        Probe("/conversations/{own_conv}/items/{msg}"),
        Probe("/conversations/{conv}/items/{own_msg}"),
    ),
    "POST /responses": (
        Probe("/responses", {"model": "{bot}", "input": "x"}),
        Probe("/responses", {"model": "{bot}", "input": "x", "store": False}),
        Probe("/responses", {"model": OWN, "input": "x", "conversation": "{conv}"}),
        Probe("/responses", {"input": "x", "conversation": {"id": "{conv}"}}),
        Probe("/responses", {"model": OWN, "input": "x", "previous_response_id": "{turn}"}),
        Probe("/responses", {"model": OWN, "input": IMAGE, "conversation": "{own_conv}"}),
        Probe(
            "/responses", {"model": OWN, "input": "x", "conversation": "{conv}"}, header=("Idempotency-Key", "b-key")
        ),
        Probe(
            "/responses",
            {"model": OWN, "input": "x", "conversation": "{conv}"},
            header=("X-Stainless-Retry-Count", "1"),
        ),
    ),
    "GET /responses/{id}": (
        Probe("/responses/{turn}"),
        Probe("/responses/{turn}?stream=true"),
        Probe("/responses/{turn}?stream=true&starting_after=1"),
        Probe("/responses/{msg}"),
    ),
    "DELETE /responses/{id}": (Probe("/responses/{turn}"),),
    "POST /responses/{id}/cancel": (Probe("/responses/{turn}/cancel"),),
    "GET /responses/{id}/input_items": (Probe("/responses/{turn}/input_items"),),
}
