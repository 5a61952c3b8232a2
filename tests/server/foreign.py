"""Two tenants with one of everything each, and what is asked of one with the ids of the other."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx2

import pictures
from server.world import UNKNOWN, World

CANARY = "kanarienvogel"
_PREFIXES = {"question": "msg", "gone_msg": "msg", "gone": "bot", "gone_doc": "doc", "sent_att": "att"}
_LOOKED_AT = (
    "/v1/bots/{bot}",
    "/v1/entities/{ent}",
    "/v1/conversations/{conv}",
    "/v1/conversations/{conv}/messages",
    "/v1/messages:deleted",
    "/v1/turns/{turn}",
    "/v1/bots/{bot}/documents",
    "/v1/documents/{doc}",
    "/v1/documents/{doc}/chunks",
    "/v1/bots?deleted=true",
    "/v1/keys",
    "/v1/turns",
)


@dataclass(frozen=True, slots=True)
class Probe:
    """A request with ``{bot}``, ``{conv}`` … for the foreign ids; with ``status`` 200 it finds nothing."""

    path: str
    body: Any = None
    status: int = 404
    header: tuple[str, str] | None = None


async def furnished(world: World, headers: dict[str, str], tenant: str, name: str) -> dict[str, str]:
    """Give a tenant one of everything, each text with ``name`` in it; return the ids."""
    bot = await world.made("/v1/bots", {"name": name, "instructions": name}, headers=headers)
    gone = await world.made("/v1/bots", {"name": f"{name} gone"}, headers=headers)
    await world.http.delete(f"/v1/bots/{gone['id']}", headers=headers)
    entity = await world.made("/v1/entities", {"name": name, "external_id": name}, headers=headers)
    body = {
        "bot_id": bot["id"],
        "entity_id": entity["id"],
        "title": name,
        "external_id": name,
        "metadata": {"secret": name},
    }
    conversation = await world.made("/v1/conversations", body, headers=headers)
    docs, known = f"/v1/bots/{bot['id']}/documents", {**headers, "Idempotency-Key": "b-doc"}
    document = await world.made(docs, {"text": f"It was said: {name}.", "metadata": {"secret": name}}, headers=known)
    gone_document = await world.made(docs, {"text": f"It was taken back: {name}."}, headers=headers)
    await world.root.for_tenant(tenant).documents.wait(document["id"])
    await world.root.for_tenant(tenant).documents.wait(gone_document["id"])
    await world.http.delete(f"/v1/documents/{gone_document['id']}", headers=headers)
    picture = {"data": pictures.data_url(pictures.photo()), "name": f"{name}.jpg"}
    unsent = await world.made("/v1/files", picture, headers={**headers, "Idempotency-Key": "b-key"})
    message = {"text": name, "attachments": [picture]}
    path = f"/v1/conversations/{conversation['id']}/messages"
    sent = await world.made(path, message, headers={**headers, "Idempotency-Key": "b-key"})
    taken_back = await world.made(path, {"text": f"{name}, taken back"}, headers=headers)
    await world.http.delete(f"/v1/messages/{taken_back['message']['id']}", headers=headers)
    await world.made("/v1/bots", {"name": f"{name} 2"}, headers=headers)
    keys = (await world.http.get("/v1/keys", headers=headers)).json()["data"]
    cursor = (await world.http.get("/v1/bots?limit=1", headers=headers)).json()["next"]
    return {
        "bot": bot["id"],
        "gone": gone["id"],
        "ent": entity["id"],
        "conv": conversation["id"],
        "turn": sent["turn"]["id"],
        "msg": sent["message"]["id"],
        "question": sent["user_message"]["id"],
        "gone_msg": taken_back["message"]["id"],
        "doc": document["id"],
        "gone_doc": gone_document["id"],
        "att": unsent["id"],
        "sent_att": sent["user_message"]["parts"][1]["attachment_id"],
        "key": keys[0]["id"],
        "cursor": cursor,
    }


def unknown_like(theirs: Mapping[str, str]) -> dict[str, str]:
    """Ids of the same form that nothing has."""
    return {
        name: f"{_PREFIXES.get(name, name)}_{UNKNOWN[:-2]}{number:02x}"
        for number, name in enumerate(theirs)
        if name != "cursor"
    }


def filled(value: Any, things: Mapping[str, str]) -> Any:
    """Put ids in the place of their names in braces."""
    match value:
        case str():
            return re.sub(r"\{(\w+)\}", lambda found: things[found[1]], value)
        case dict():
            return {name: filled(item, things) for name, item in value.items()}
        case list():
            return [filled(item, things) for item in value]
        case _:
            return value


async def asked(
    world: World, method: str, probe: Probe, things: Mapping[str, str], headers: dict[str, str]
) -> httpx2.Response:
    """Ask what a probe asks, with these ids."""
    extra = {} if probe.header is None else {probe.header[0]: filled(probe.header[1], things)}
    body = filled(probe.body, things)
    return await world.http.request(method, filled(probe.path, things), json=body, headers={**headers, **extra})


def said(answer: httpx2.Response, things: Mapping[str, str]) -> tuple[int, str, dict[str, str]]:
    """What an answer says, with what must differ between two requests taken out."""
    text = answer.text.replace(answer.headers["x-request-id"], "REQUEST")
    for name, value in things.items():
        text = text.replace(value, name)
    kept = {k: v for k, v in answer.headers.items() if k not in {"x-request-id", "content-length"}}
    return answer.status_code, text, kept


async def snapshot(world: World, things: Mapping[str, str], headers: dict[str, str]) -> list[Any]:
    """All that a tenant has, as its own key sees it."""
    answers = [(await world.http.get(filled(path, things), headers=headers)).json() for path in _LOOKED_AT]
    for key in answers[-2]["data"]:
        key.pop("last_used_at")
    return answers
