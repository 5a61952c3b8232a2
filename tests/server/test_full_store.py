"""A store without room: nothing is acknowledged that is not kept, and it heals without a restart."""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path

import httpx2

from palaver.config import Settings
from palaver.hub import HubRoot
from palaver.hub.equipment import Equipment
from palaver.models.scripted import ScriptedModel
from palaver.server import create_app
from palaver.stores.sqlite import SqliteStore
from server.world import BASE


async def test_a_full_store_is_507_and_heals(tmp_path: Path) -> None:
    """A send that finds no room is 507 ``storage_full`` with ``Retry-After`` and stores nothing, its key stays free, reads
    go on; once there is room the same send is accepted (I17)."""
    async with AsyncExitStack() as stack:
        store = SqliteStore(tmp_path / "chat.db", max_bytes=2_000_000)
        await store.open()
        stack.push_async_callback(store.close)
        parts = Equipment.on(store, Settings(), stack, models={"short": ScriptedModel("Yes.")})
        await parts.engine.start()
        stack.push_async_callback(parts.engine.close)
        root = HubRoot(Settings(), store, parts, await store.secret())
        transport = httpx2.ASGITransport(app=create_app(Settings(), hub_root=root))
        http = await stack.enter_async_context(httpx2.AsyncClient(transport=transport, base_url=BASE))
        bot = (await http.post("/v1/bots", json={"name": "b", "model": "short"})).json()
        chats = [(await http.post("/v1/conversations", json={"bot_id": bot["id"]})).json()["id"] for _ in range(2)]
        paths = [f"/v1/conversations/{chat}/messages" for chat in chats]
        answers = [await http.post(paths[0], json={"text": "word " * 20_000})]
        while answers[-1].status_code == 201 and len(answers) < 100:
            answers.append(await http.post(paths[0], json={"text": "word " * 20_000}))
        answer = answers[-1]
        assert (answer.status_code, answer.json()["code"]) == (507, "storage_full")
        assert int(answer.headers["Retry-After"]) > 0
        refused = {"json": {"text": "w" * 150_000}, "headers": {"Idempotency-Key": "later"}}
        assert (await http.post(paths[1], **refused)).status_code == 507
        assert (await http.get(paths[1])).json()["data"] == []
        kept = (await http.get(paths[0])).json()["data"]
        assert len([message for message in kept if message["role"] == "user"]) == len(answers) - 1 > 0
        assert (await http.delete(f"/v1/conversations/{chats[0]}")).status_code == 204
        assert await root.lifecycle.purge_now() > 0
        healed = await http.post(paths[1], **refused)
        assert (healed.status_code, healed.json()["turn"]["status"]) == (201, "completed")
        assert "Idempotent-Replayed" not in healed.headers
