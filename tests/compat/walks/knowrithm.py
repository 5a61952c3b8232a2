"""What is asked of Knowrithm's surface with another tenant's ids."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from server.foreign import CANARY, Probe

NOTHING: tuple[Probe, ...] = ()
"""There is no place for an id in the route, or it has no place here at all."""
CHAT = {"content": "x", "role": "user"}


def shown(headers: dict[str, str]) -> dict[str, str]:
    """The key as these clients show it: a whole one in the place of the first half."""
    return {"X-API-Key": headers["Authorization"].removeprefix("Bearer "), "X-API-Secret": "any"}


def at(path: str, body: Any = None, status: int = 404) -> Probe:
    return Probe("/v1" + path, body, status)


def empty(path: str, body: Any = None) -> Probe:
    return at(path, body, 200)


WALK: Mapping[str, tuple[Probe, ...]] = {
    "POST /v1/conversation": (
        at("/conversation", {"agent_id": "{bot}"}),
        at("/conversation", {"agent_id": CANARY}),
        at("/conversation", {"agent_id": "{own_bot}", "entity_id": "{ent}"}),
    ),
    "GET /v1/conversation": (
        empty("/conversation?agent_id={bot}"),
        at(f"/conversation?agent_id={CANARY}"),
        empty(f"/conversation?search={CANARY}&limit=5&offset=0"),
        empty("/conversation?status=deleted"),
    ),
    "GET /v1/conversation/deleted": (empty("/conversation/deleted?agent_id={bot}"),),
    "GET /v1/conversation/entity": (empty("/conversation/entity?entity_id={ent}"),),
    "GET /v1/conversation/entity/{id}": (empty("/conversation/entity/{ent}"),),
    "GET /v1/conversation/agent/{id}": (empty("/conversation/agent/{bot}"),),
    "GET /v1/conversation/{id}": (at("/conversation/{conv}"),),
    "PUT /v1/conversation/{id}": (at("/conversation/{conv}", {"metadata": {"a": 1}, "status": "ended"}),),
    "DELETE /v1/conversation/{id}": (at("/conversation/{conv}"),),
    "POST /v1/conversation/{id}/end": (at("/conversation/{conv}/end"), at("/conversation/{conv}/end", {"rating": 1})),
    "PATCH /v1/conversation/{id}/archive": (at("/conversation/{conv}/archive"),),
    "PATCH /v1/conversation/{id}/restore": (at("/conversation/{conv}/restore"),),
    "POST /v1/conversation/{id}/chat": (
        at("/conversation/{conv}/chat", CHAT),
        at("/conversation/{conv}/chat", {"message": CANARY}),
        at("/conversation/{conv}/chat", {**CHAT, "stream": True}),
    ),
    "GET /v1/conversation/{id}/messages": (
        at("/conversation/{conv}/messages"),
        at("/conversation/{conv}/messages?limit=5"),
    ),
    "GET /v1/conversation/{id}/messages/stream": (at("/conversation/{conv}/messages/stream"),),
    "DELETE /v1/conversation/{id}/messages": (at("/conversation/{conv}/messages"),),
    "PATCH /v1/conversation/{id}/message/restore-all": (at("/conversation/{conv}/message/restore-all"),),
    "GET /v1/message/deleted": (empty("/message/deleted"), empty("/message/deleted?role=user")),
    "GET /v1/message/{id}": (at("/message/{msg}"), at("/message/{question}")),
    "DELETE /v1/message/{id}": (at("/message/{msg}"), at("/message/{question}")),
    "POST /v1/message/{id}/rate": (at("/message/{msg}/rate", {"rating": 1}),),
    "POST /v1/messages/{id}/rate": (at("/messages/{msg}/rate", {"rating": 1}),),
    "PATCH /v1/message/{id}/restore": (at("/message/{msg}/restore"), at("/message/{gone_msg}/restore")),
    "POST /v1/agent": NOTHING,
    "POST /v1/sdk/agent": NOTHING,
    "GET /v1/agent": (empty(f"/agent?search={CANARY}"),),
    "GET /v1/agent/by-name/{name:path}": (at(f"/agent/by-name/{CANARY}"),),
    "GET /v1/agent/{id}": (at("/agent/{bot}"), at("/agent/{gone}")),
    "PUT /v1/agent/{id}": (at("/agent/{bot}", {"name": "x"}),),
    "PATCH /v1/agent/{id}": (at("/agent/{bot}", {"name": "x"}),),
    "PUT /v1/sdk/agent/{id}": (at("/sdk/agent/{bot}", {"name": "x"}),),
    "PATCH /v1/agent/{id}/status": (at("/agent/{bot}/status", {"status": "inactive"}),),
    "DELETE /v1/agent/{id}": (at("/agent/{bot}"),),
    "DELETE /v1/sdk/agent/{id}": (at("/sdk/agent/{bot}"),),
    "PATCH /v1/agent/{id}/restore": (at("/agent/{bot}/restore"), at("/agent/{gone}/restore")),
    "POST /v1/agent/{id}/clone": (at("/agent/{bot}/clone"), at("/agent/{bot}/clone", {"name": "x"})),
    "POST /v1/agent/{id}/test": (at("/agent/{bot}/test"), at("/agent/{bot}/test", {"query": CANARY})),
    "GET /v1/agent/{id}/stats": (at("/agent/{bot}/stats"),),
    "GET /v1/agent/{id}/embed-code": (at("/agent/{bot}/embed-code"),),
    "GET /v1/analytic/conversation/{id}": (at("/analytic/conversation/{conv}"),),
    "GET /v1/analytic/agent/{id}": (at("/analytic/agent/{bot}"),),
    "GET /v1/analytic/agent/{id}/performance-comparison": (at("/analytic/agent/{bot}/performance-comparison"),),
    "GET /v1/analytic/dashboard": (empty("/analytic/dashboard"),),
    "GET /v1/analytic/usage": (empty("/analytic/usage"),),
    "GET /v1/analytic/leads": (empty("/analytic/leads"),),
    "POST /v1/analytic/export": (
        empty("/analytic/export", {"type": "conversations", "format": "csv"}),
        empty("/analytic/export", {"type": "agents"}),
        empty("/analytic/export", {"type": "leads"}),
        empty("/analytic/export", {"type": "usage"}),
    ),
    "POST /v1/lead": (at("/lead", {"name": "x", "agent_id": "{bot}"}),),
    "POST /v1/sdk/lead": (at("/sdk/lead", {"name": "x", "agent_id": "{bot}"}),),
    "POST /v1/lead/register": (at("/lead/register", {"name": "x", "agent_id": "{bot}"}),),
    "GET /v1/lead/company": (empty(f"/lead/company?search={CANARY}"),),
    "GET /v1/lead/{id}": (at("/lead/{ent}"),),
    "PUT /v1/lead/{id}": (at("/lead/{ent}", {"name": "x"}),),
    "PATCH /v1/lead/{id}": (at("/lead/{ent}", {"name": "x"}),),
    "PUT /v1/sdk/lead/{id}": (at("/sdk/lead/{ent}", {"name": "x"}),),
    "DELETE /v1/lead/{id}": (at("/lead/{ent}"),),
    "DELETE /v1/sdk/lead/{id}": (at("/sdk/lead/{ent}"),),
    "PATCH /v1/lead/{id}/status": (at("/lead/{ent}/status", {"status": "new"}),),
    "POST /v1/lead/{id}/notes": (at("/lead/{ent}/notes", {"notes": "x"}),),
    "POST /v1/document/upload": (
        at("/document/upload", {"agent_id": "{bot}", "url": "http://localhost/x"}),
        at("/document/upload", {"agent_id": CANARY, "urls": ["http://localhost/x"]}),
    ),
    "GET /v1/document": (at("/document?agent_id={bot}"), at(f"/document?agent_id={CANARY}")),
    "GET /v1/document/deleted": (at("/document/deleted?agent_id={bot}"),),
    "POST /v1/document/search": (at("/document/search", {"agent_id": "{bot}", "query": "said"}),),
    "POST /v1/search/document": (
        at("/search/document", {"agent_id": "{bot}", "query": "said"}),
        empty("/search/document", {"agent_id": "{own_bot}", "query": CANARY}),
    ),
    "DELETE /v1/document/bulk-delete": (at("/document/bulk-delete", {"document_ids": ["{own_doc}", "{doc}"]}),),
    "GET /v1/document/{id}": (at("/document/{doc}"), at("/document/{gone_doc}")),
    "GET /v1/document/{id}/status": (at("/document/{doc}/status"),),
    "POST /v1/document/{id}/reprocess": (at("/document/{doc}/reprocess"),),
    "DELETE /v1/document/{id}": (at("/document/{doc}"),),
    "PATCH /v1/document/{id}/restore": (at("/document/{doc}/restore"), at("/document/{gone_doc}/restore")),
    "GET /v1/document/{id}/chunks": (at("/document/{doc}/chunks"),),
    "GET /v1/chunks/{id}": (at("/chunks/{doc}:1:0"), at("/chunks/{own_doc}:1:7")),
    "GET /v1/document/chunk/deleted": NOTHING,
    "DELETE /v1/document/chunk/{id}": NOTHING,
    "PATCH /v1/document/chunk/{id}/restore": NOTHING,
    "DELETE /v1/document/{id}/chunk": NOTHING,
    "PATCH /v1/document/{id}/chunk/restore-all": NOTHING,
    "DELETE /v1/chunks/{id}": NOTHING,
    "PATCH /v1/chunks/{id}/restore": NOTHING,
    "POST /v1/search/database": NOTHING,
    "GET /v1/auth/validate": (empty("/auth/validate"),),
    "GET /v1/auth/api-key/info": (empty("/auth/api-key/info"),),
    "POST /v1/auth/api-key/refresh": NOTHING,
    "POST /v1/auth/api-key/revoke": NOTHING,
    "GET /v1/auth/api-keys": (empty("/auth/api-keys"),),
    "POST /v1/auth/api-keys": NOTHING,
    "DELETE /v1/auth/api-keys/{id}": (at("/auth/api-keys/{key}"),),
    "POST /v1/auth/login": NOTHING,
    "POST /v1/auth/register": NOTHING,
    "POST /v1/auth/refresh": NOTHING,
    "POST /v1/auth/logout": NOTHING,
    "POST /v1/auth/user": NOTHING,
    "GET /v1/auth/user/me": NOTHING,
    "GET /v1/widget.js": NOTHING,
    "GET /v1/health": NOTHING,
    "GET /v1/tasks/{id}/status": (at("/tasks/{turn}/status"),),
}
