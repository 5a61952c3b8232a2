"""A store that refuses writes: nothing is acknowledged, reads go on, and it heals without a restart."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

import httpx2

from crash.journal import all_messages, created, frames_of, make_conversation
from crash.process import serving
from palaver.models.scripted import words_text

ENV = {"PALAVER_DEFAULT_MODEL": "scripted:words?count=5"}


async def test_a_locked_store_acknowledges_nothing_and_heals(tmp_path: Path) -> None:
    """I17: while another process holds the file a send is 503, a read is answered; afterwards the same key works."""
    async with serving(tmp_path / "chat.db", ENV) as server:
        async with httpx2.AsyncClient(base_url=server.url, timeout=60) as http:
            bot = await created(http, "/v1/bots", {"name": "Helper"})
            conversation_id = await make_conversation(http, bot["id"])
            path = f"/v1/conversations/{conversation_id}/messages"
            key = {"Idempotency-Key": "patient"}
            holder = sqlite3.connect(server.store, isolation_level=None)
            holder.execute("BEGIN IMMEDIATE")
            try:
                sending = asyncio.ensure_future(http.post(path, json={"text": "Hello"}, headers=key))
                async with asyncio.timeout(2):
                    assert (await http.get(path)).status_code == 200
                refused = await sending
            finally:
                holder.execute("ROLLBACK")
                holder.close()
            assert (refused.status_code, refused.json()["code"]) == (503, "store_unavailable")
            assert "Retry-After" in refused.headers
            assert await all_messages(http, conversation_id, 100) == [], "nothing of it was stored"
            accepted = await http.post(path, json={"text": "Hello"}, headers=key)
            assert accepted.status_code == 201, accepted.text
            assert "Idempotent-Replayed" not in accepted.headers
            assert len(await all_messages(http, conversation_id, 100)) == 2


async def test_a_store_that_locks_in_mid_stream_keeps_the_whole_text(tmp_path: Path) -> None:
    """A stream is cut when its words can't be written; once the store is back the turn ends with its text and is resumed,
    without a gap even where the store has lost the words that it took last."""
    env = {"PALAVER_DEFAULT_MODEL": "scripted:words?count=300&delay=0.02", "PALAVER_LEASE_SECONDS": "15"}
    async with serving(tmp_path / "chat.db", env) as server:
        async with httpx2.AsyncClient(base_url=server.url, timeout=60) as http:
            bot = await created(http, "/v1/bots", {"name": "Helper"})
            path = f"/v1/conversations/{await make_conversation(http, bot['id'])}/messages"
            turn = (await http.post(path, json={"text": "Go"}, headers={"Prefer": "respond-async"})).headers["Location"]
            await asyncio.sleep(0.3)
            holder = sqlite3.connect(server.store, isolation_level=None)
            holder.execute("BEGIN IMMEDIATE")
            lost = holder.execute(
                "DELETE FROM turn_log WHERE place IN (SELECT place FROM turn_log ORDER BY place DESC LIMIT 5)"
            )
            assert lost.rowcount == 5, "as after a crash of a database, which has not flushed them yet"
            await asyncio.sleep(6)
            holder.execute("COMMIT")
            holder.close()
            async with asyncio.timeout(10):
                while (await http.get(turn)).json()["status"] == "running":
                    await asyncio.sleep(0.05)
            body = (await http.get(turn)).json()
            assert (body["status"], body["reason"]) == ("interrupted", "store_unavailable")
            async with http.stream("GET", f"{turn}/events") as response:
                frames = [frame async for frame in frames_of(response)]
            assert frames[-1].event == "turn.interrupted"
            assert [frame.seq for frame in frames] == list(range(1, len(frames) + 1)), "no gap where the store was away"
            answer = (await all_messages(http, body["conversation_id"], 100))[1]["text"]
            assert answer == "".join(frame.text for frame in frames)
            assert words_text(300).startswith(answer)
            assert len(answer) > len(words_text(100)), "what was said while the store was away is there, too"
            again = await http.post(path, json={"text": "Again"}, headers={"Prefer": "respond-async"})
            assert again.status_code == 202, "the conversation is not stuck"
