"""Pages of the web as documents of a hub."""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from palaver.config import Settings
from palaver.errors import KeyReused, NotFound
from palaver.hub import HubRoot
from palaver.hub.equipment import Equipment
from palaver.hub.intake import Intake
from palaver.retrieval.fetching import Fetcher
from palaver.stores.sqlite import SqliteStore
from unit.faulty_http import answer, serving

BYTES_MAX = 1_000_000


async def test_a_page_is_fetched_once_for_a_key(tmp_path: Path) -> None:
    """The same call again returns the document, and another with its key is refused: neither goes to the page. Nor does one
    for a document that was deleted since."""
    page = answer(200, b"<h1>Returns</h1>", media_type="text/html")
    async with serving(page, page) as server, AsyncExitStack() as stack:
        store = SqliteStore(tmp_path / "chat.db")
        await store.open()
        stack.push_async_callback(store.close)
        config = Settings(store=str(tmp_path / "chat.db"))
        fetcher = Fetcher([server.url.removeprefix("http://")], limit_bytes=BYTES_MAX, allow_loopback=True)
        parts = replace(Equipment.on(store, config, stack), intake=Intake(fetcher, BYTES_MAX))
        hub = HubRoot(config, store, parts, b"s" * 32).for_tenant()
        bot = await hub.bots.create(name="Helper")
        url, key = f"{server.url}/returns", "returns"
        made = await hub.documents.add(bot.id, url, wait=False, idempotency_key=key)
        assert await hub.documents.add(bot.id, url, wait=False, idempotency_key=key) == made
        with pytest.raises(KeyReused):
            await hub.documents.add(bot.id, f"{server.url}/terms", wait=False, idempotency_key=key)
        await hub.documents.delete(made.id)
        with pytest.raises(NotFound):
            await hub.documents.add(bot.id, url, wait=False, idempotency_key=key)
        assert [asked.path for asked in server.asked] == ["/returns"]
        assert await hub.documents.add(bot.id, url, wait=False, idempotency_key="another") != made
        assert len(server.asked) == 2
