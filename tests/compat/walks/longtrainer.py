"""What is asked of LongTrainer's surface with another tenant's ids."""

from __future__ import annotations

from collections.abc import Mapping

from server.foreign import CANARY, Probe

BOT, CHAT, VISION = "/bots/{bot}", "/bots/{bot}/chats", "/bots/{bot}/vision-chats"
NOTHING: tuple[Probe, ...] = ()
"""There is no place for an id in the route."""
ASK, LOOK = {"query": "x"}, {"query": "x", "image_paths": []}

WALK: Mapping[str, tuple[Probe, ...]] = {
    "GET /health": NOTHING,
    "POST /bots": NOTHING,
    "DELETE /bots/{bot_id}": (Probe(BOT), Probe("/bots/{gone}")),
    "POST /bots/{bot_id}/build": (Probe(BOT + "/build", {}), Probe(BOT + "/build", {"prompt_template": "x"})),
    "POST /bots/{bot_id}/load": (Probe(BOT + "/load"), Probe("/bots/{gone}/load")),
    "POST /bots/{bot_id}/documents/path": (Probe(BOT + "/documents/path", {"path": "x"}),),
    "POST /bots/{bot_id}/documents/link": (
        Probe(BOT + "/documents/link", {"links": ["http://example.com/"]}),
        Probe(BOT + "/documents/link", {"links": []}),
    ),
    "POST /bots/{bot_id}/documents/query": (Probe(BOT + "/documents/query", {"search_query": "x"}),),
    "GET /jobs/{job_id}": (Probe("/jobs/{doc}"), Probe("/jobs/{gone_doc}")),
    "POST /bots/{bot_id}/chats": (Probe(CHAT),),
    "GET /bots/{bot_id}/chats": (Probe(CHAT),),
    "GET /chats/{chat_id}": (Probe("/chats/{conv}"), Probe("/chats/{conv}?order=oldest")),
    "POST /bots/{bot_id}/chats/{chat_id}": (
        Probe(CHAT + "/{conv}", ASK),
        Probe(CHAT + "/{conv}", {**ASK, "stream": True}),
        Probe(CHAT + "/{conv}", {**ASK, "schema": {"type": "object"}}),
        Probe("/bots/{own_bot}/chats/{conv}", ASK),
        Probe(CHAT + "/{own_conv}", ASK),
    ),
    "POST /bots/{bot_id}/vision-chats": (Probe(VISION),),
    "POST /bots/{bot_id}/vision-chats/{chat_id}": (
        Probe(VISION + "/{conv}", LOOK),
        Probe("/bots/{own_bot}/vision-chats/{conv}", LOOK),
    ),
    "PUT /bots/{bot_id}/prompt": (Probe(BOT + "/prompt", {"prompt_template": "x"}),),
    "POST /bots/{bot_id}/vectorstore": (
        Probe(BOT + "/vectorstore", {"query": "said"}),
        Probe("/bots/{own_bot}/vectorstore", {"query": CANARY}, status=200),
    ),
    "POST /bots/{bot_id}/train-chats": (Probe(BOT + "/train-chats"),),
}
