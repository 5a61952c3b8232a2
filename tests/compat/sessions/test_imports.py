"""Sessions of the original are brought over from its Redis, and talked in on."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
import pytest
import redis

from crash.process import serving
from palaver.compat.sessions.imports import messages_of
from palaver.errors import InvalidInput

PALAVER = str(Path(sys.executable).with_name("palaver"))


def human(text: str) -> dict[str, str]:
    return {"type": "human", "content": text}


def ai(text: str) -> dict[str, str]:
    return {"type": "ai", "content": text}


def imported(url: str, store: Path) -> tuple[int, dict[str, Any]]:
    command = [PALAVER, "import-sessions", url, "--store", str(store), "--json"]
    env = {**os.environ, "PALAVER_DEFAULT_MODEL": "scripted:echo"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=env)
    assert done.stdout, done.stderr
    return done.returncode, {each["session_id"]: each for each in json.loads(done.stdout)["data"]}


async def test_sessions_come_over_and_go_on(redis_url: str, tmp_path: Path) -> None:
    """All are there under their old ids, once, however often the command runs; other keys are left alone."""
    old, empty, long = (str(uuid4()) for _ in range(3))
    many = [side for n in range(600) for side in (human(f"{n}?"), ai(f"{n}!"))]
    source = redis.Redis.from_url(redis_url)
    source.hset(old, "messages", json.dumps([human("Grüße 🌍"), ai("Hello!"), ai("")]))
    source.hset(empty, "messages", "[]")
    source.hset(long, "messages", json.dumps(many))
    source.set("counter", 7)
    source.hset("user:1", "name", "Ann")
    store = tmp_path / "chat.db"
    status, first = await asyncio.to_thread(imported, redis_url, store)
    assert status == 0
    assert {key: (each["messages"], each["left_out"]) for key, each in first.items()} == {
        old: (2, 1),
        empty: (0, 0),
        long: (1200, 0),
    }
    assert (await asyncio.to_thread(imported, redis_url, store))[1] == first
    async with serving(store, {}) as server, httpx2.AsyncClient(base_url=server.url) as http:
        assert len((await http.get("/sessions")).json()["sessions"]) == 3
        answer = await http.post("/chat", json={"session_id": old, "message": "Still there?"})
        assert answer.text == "You said: Still there?"
        by_old_id = (await http.get(f"/session/{old}/history")).json()
        assert by_old_id == (await http.get(f"/session/{first[old]['conversation_id']}/history")).json()
        assert by_old_id["history"] == [
            {"input": "Grüße 🌍", "output": "Hello!"},
            {"input": "Still there?", "output": "You said: Still there?"},
        ]
        history = (await http.get(f"/session/{long}/history")).json()["history"]
        assert history == [{"input": f"{n}?", "output": f"{n}!"} for n in range(600)]


async def test_what_can_not_come_over_is_named_and_stops_nothing(redis_url: str, tmp_path: Path) -> None:
    """A session of another form, and one that has changed since, are said by name; the command then exits with 1."""
    good, broken = str(uuid4()), str(uuid4())
    source = redis.Redis.from_url(redis_url)
    source.hset(good, "messages", json.dumps([human("a"), ai("b")]))
    source.hset(broken, "messages", "{")
    status, found = await asyncio.to_thread(imported, redis_url, tmp_path / "chat.db")
    assert status == 1
    assert {key: each["fate"] for key, each in found.items()} == {good: "imported", broken: "refused"}
    source.hset(good, "messages", json.dumps([human("a"), ai("b"), human("c")]))
    _, found = await asyncio.to_thread(imported, redis_url, tmp_path / "chat.db")
    assert found[good]["fate"] == "changed"


@pytest.mark.parametrize("raw", ["", "7", '{"type": "ai"}', "[7]", '[{"type": "tool", "content": "x"}]', "[" * 99_999])
def test_another_form_is_refused(raw: str) -> None:
    """Nothing but a list of messages of people and models is taken for a session."""
    with pytest.raises(InvalidInput):
        messages_of(raw)


def test_what_can_not_be_stored_is_replaced() -> None:
    """NUL and half characters, which no store takes, become U+FFFD."""
    assert [said["text"] for said in messages_of('[{"type": "ai", "content": "a\\u0000b\\ud800"}]')] == [
        "a\ufffdb\ufffd"
    ]


def test_a_redis_that_is_not_there_is_said(tmp_path: Path) -> None:
    """The command says in one sentence that Redis can't be reached."""
    command = [PALAVER, "import-sessions", "redis://127.0.0.1:1/0", "--store", str(tmp_path / "chat.db")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (1, "palaver: Redis did not answer: ConnectionError.\n")
