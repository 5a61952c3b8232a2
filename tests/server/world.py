"""A server in this process: the real app on a real SQLite file, with a model that a test scripts."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
from fastapi import FastAPI

from palaver.config import Settings
from palaver.hub import HubRoot
from palaver.models.scripted import ScriptedModel
from palaver.server import create_app

BASE = "http://localhost"
UNKNOWN = "0198c0de00007000800000000000abcd"


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """An app, a client that calls it, and what is behind it."""

    app: FastAPI
    root: HubRoot
    model: ScriptedModel
    http: httpx2.AsyncClient

    async def made(self, path: str, body: Mapping[str, Any], **options: Any) -> Any:
        """Create something that must work, and return it."""
        answer = await self.http.post(path, json=body, **options)
        assert answer.status_code == 201, answer.text
        return answer.json()

    async def conversation(self, name: str = "Helper", **options: Any) -> str:
        """Make a bot and a conversation with it; return the conversation's id."""
        bot = await self.made("/v1/bots", {"name": name}, **options)
        return str((await self.made("/v1/conversations", {"bot_id": bot["id"]}, **options))["id"])

    async def sent(self, conversation_id: str, text: str = "Hello?", **options: Any) -> Any:
        """Send a message and return the result once the turn has ended."""
        return await self.made(f"/v1/conversations/{conversation_id}/messages", {"text": text}, **options)

    async def key(self, scope: str, tenant: str = "default", **fields: Any) -> dict[str, str]:
        """Make a key as an operator would on the machine; return the headers that show it."""
        hub = self.root.for_tenant(tenant)
        made = await hub.keys.create(scope=scope, **fields)
        return {"Authorization": f"Bearer {made.secret}"}


@asynccontextmanager
async def a_world(folder: Path, model: ScriptedModel | None = None, **settings: Any) -> AsyncIterator[World]:
    """Open a world; ``settings`` are laid over the defaults."""
    model = model or ScriptedModel()
    said = Settings(**{"store": str(folder / "chat.db"), "default_model": "model", **settings})
    async with HubRoot.open(said, models={"model": model}) as root:
        app = create_app(said, hub_root=root)
        async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url=BASE) as http:
            yield World(app=app, root=root, model=model, http=http)


def unknown(prefix: str) -> str:
    """An id of the right form that nothing has."""
    return f"{prefix}_{UNKNOWN}"
