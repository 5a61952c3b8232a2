"""LongTrainer's HTTP API: files of the server, keys, bad input, failures; and the whole of it in a process of its own."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest
import pytest_asyncio

import pictures
from crash.process import serving
from palaver.compat.longtrainer import SURFACE
from palaver.errors import ModelError
from palaver.models.scripted import ScriptedModel
from palaver.tenant import Scope
from server.world import World, a_world, unknown

BASE = "/longtrainer"


@pytest_asyncio.fixture
async def opened(tmp_path: Path) -> AsyncIterator[World]:
    """A server that reads files below one folder."""
    folder = tmp_path / "opened"
    (folder / "in").mkdir(parents=True)
    (folder / "in/rules.txt").write_text("A refund takes 14 days.", encoding="utf-8")
    (folder / "cat.jpg").write_bytes(pictures.photo())
    (tmp_path / "secret.txt").write_text("kanarienvogel", encoding="utf-8")
    (tmp_path / "opened too").mkdir()
    (tmp_path / "opened too/secret.txt").write_text("kanarienvogel", encoding="utf-8")
    (folder / "out.txt").symlink_to(tmp_path / "secret.txt")
    (folder / "way").symlink_to(tmp_path)
    (folder / "again.txt").symlink_to(folder / "in/rules.txt")
    (folder / "round").symlink_to(folder / "round")
    async with a_world(tmp_path, server_files=str(folder)) as world:
        yield world


async def a_bot(world: World) -> str:
    return str((await world.http.post(f"{BASE}/bots")).json()["bot_id"])


async def a_chat(world: World, bot: str, kind: str = "chat") -> str:
    return str((await world.http.post(f"{BASE}/bots/{bot}/{kind}s")).json()[f"{kind.replace('-', '_')}_id"])


def outside(tmp_path: Path) -> list[str]:
    secret = str(tmp_path / "secret.txt")
    ways = ["../secret.txt", "in/../../secret.txt", "out.txt", "way/secret.txt", "../opened too/secret.txt", secret]
    return [
        *ways,
        "/etc/passwd",
        "round",
        "in",
        ".",
        "nowhere.txt",
        "a\0b",
        "x" * 4_000,
        "~/secret.txt",
        "file:///etc/passwd",
    ]


async def test_a_file_is_read_below_the_folder_alone(opened: World, tmp_path: Path) -> None:
    """Whatever way leads out of it, the answer is that of a file that is not there; ways that stay inside are taken."""
    bot = await a_bot(opened)
    chat = await a_chat(opened, bot, "vision-chat")
    calls, answers = opened.model.call_count, set()
    for path in outside(tmp_path):
        body = {"query": "x", "image_paths": [path]}
        for route, sent in (("documents/path", {"path": path}), (f"vision-chats/{chat}", body)):
            answer = await opened.http.post(f"{BASE}/bots/{bot}/{route}", json=sent)
            answers.add((answer.status_code, answer.text))
    assert len(answers) == 1, answers
    assert answers.pop()[0] == 422
    assert opened.model.call_count == calls
    inside = ["in/rules.txt", "in/../in/rules.txt", "again.txt", str(tmp_path / "opened/in/rules.txt")]
    for path in inside:
        answer = await opened.http.post(f"{BASE}/bots/{bot}/documents/path", json={"path": path})
        assert answer.status_code == 200, path
    seen = await opened.http.post(
        f"{BASE}/bots/{bot}/vision-chats/{chat}", json={"query": "x", "image_paths": ["cat.jpg"]}
    )
    assert (seen.status_code, len(opened.model.calls[-1].prompt.messages[-1].images)) == (200, 1)


async def test_no_file_is_read_by_default(world: World, tmp_path: Path) -> None:
    """Nothing of the machine is seen before a folder is opened."""
    bot = await a_bot(world)
    chat = await a_chat(world, bot, "vision-chat")
    (tmp_path / "a.txt").write_text("x", encoding="utf-8")
    for route, body in (
        ("documents/path", {"path": str(tmp_path / "a.txt")}),
        (f"vision-chats/{chat}", {"query": "x", "image_paths": [str(tmp_path / "a.txt")]}),
    ):
        answer = await world.http.post(f"{BASE}/bots/{bot}/{route}", json=body)
        assert (answer.status_code, "PALAVER_SERVER_FILES" in answer.text) == (403, True)
    assert (await world.http.get(f"/v1/bots/{bot}/documents")).json()["data"] == []


async def test_a_key_reads_or_writes(world: World) -> None:
    """A key that reads is refused by every route that writes; the key is shown in X-API-Key, as there."""
    read = (await world.key("read", "a"))["Authorization"].removeprefix("Bearer ")
    for route in SURFACE.routes:
        path = BASE + route.path.replace("{bot_id}", unknown("bot")).replace("{chat_id}", unknown("conv"))
        answer = await world.http.request(route.method, path, json={"query": "x"}, headers={"X-API-Key": read})
        assert (answer.status_code == 403) == (route.scope in (Scope.WRITE, Scope.ADMIN)), route.name
    for headers in ({}, {"X-API-Key": "wrong"}):
        answer = await world.http.post(f"{BASE}/bots", headers=headers)
        assert (answer.status_code, list(answer.json())) == (401, ["detail"])


BAD = [
    (b"", 400),
    (b"[]", 400),
    (b'{"query": NaN}', 400),
    (b"\xff", 400),
    (b'{"query": ' + b"[" * 90, 400),
    (b'{"query": "' + b"x" * 4_100_000 + b'"}', 413),
    (b'{"query": "a\\u0000b"}', 422),
    (b'{"query": "\\ud800"}', 422),
    (b'{"query": ""}', 422),
    (b'{"query": 1}', 422),
    (b'{"query": "x", "stream": 1}', 422),
    (b'{"query": "x", "schema": []}', 422),
    (b'{"query": "x", "schema": {"a": "' + b"x" * 70_000 + b'"}}', 422),
    (b'{"query": "x", "uploaded_files": [1]}', 422),
    (b'{"query": "x", "uploaded_files": [{}]}', 422),
    (b'{"query": "x", "uploaded_files": [{"name": "a", "extracted_text": "\\u0000"}]}', 422),
    (b'{"query": "x", "uploaded_files": [{"name": "a", "extracted_text": "' + b"x" * 200_001 + b'"}]}', 422),
]


async def test_bad_input_is_refused_before_anything_is_spent(world: World) -> None:
    """Each in the form of its clients, with nothing stored and no model called."""
    bot = await a_bot(world)
    chat = await a_chat(world, bot)
    for body, status in BAD:
        headers = {"Content-Type": "application/json"}
        answer = await world.http.post(f"{BASE}/bots/{bot}/chats/{chat}", content=body, headers=headers)
        assert (answer.status_code, list(answer.json())) == (status, ["detail"]), body[:80]
    assert world.model.call_count == 0
    assert (await world.http.get(f"{BASE}/chats/{chat}")).json() == {"messages": []}


async def test_an_answer_that_fails_is_told(tmp_path: Path) -> None:
    """As JSON and as a stream it is 502 while no word was said, and nothing is kept of it."""
    model = ScriptedModel([ModelError("Our words.", code="provider_auth", provider_text="kanarienvogel")])
    async with a_world(tmp_path, model) as world:
        bot = await a_bot(world)
        chat = await a_chat(world, bot)
        for body in ({"query": "x"}, {"query": "x", "stream": True}):
            answer = await world.http.post(f"{BASE}/bots/{bot}/chats/{chat}", json=body)
            assert (answer.status_code, answer.json()) == (502, {"detail": "Our words."})
        assert (await world.http.get(f"{BASE}/chats/{chat}")).json() == {"messages": []}


async def test_a_stream_that_breaks_off_is_torn(tmp_path: Path) -> None:
    """So its client notices, and what was said is kept."""
    async with serving(tmp_path / "chat.db", {"PALAVER_DEFAULT_MODEL": "scripted:cut?count=5&delay=0.05"}) as server:
        async with httpx2.AsyncClient(base_url=server.url + BASE, timeout=30) as http:
            bot = (await http.post("/bots")).json()["bot_id"]
            chat = (await http.post(f"/bots/{bot}/chats")).json()["chat_id"]
            with pytest.raises(httpx2.RemoteProtocolError):
                await http.post(f"/bots/{bot}/chats/{chat}", json={"query": "Count.", "stream": True})
            (row,) = (await http.get(f"/chats/{chat}")).json()["messages"]
        assert row["answer"] == "word0 word1 word2 word3 word4"


async def test_leaving_does_not_stop_an_answer(tmp_path: Path) -> None:
    """The next question waits for it, and the history has all of it."""
    async with serving(tmp_path / "chat.db", {"PALAVER_DEFAULT_MODEL": "scripted:words?count=20&delay=0.05"}) as server:
        async with httpx2.AsyncClient(base_url=server.url + BASE, timeout=30) as http:
            bot = (await http.post("/bots")).json()["bot_id"]
            chat = (await http.post(f"/bots/{bot}/chats")).json()["chat_id"]
            ask = f"/bots/{bot}/chats/{chat}"
            async with http.stream("POST", ask, json={"query": "Count.", "stream": True}) as answer:
                await anext(answer.aiter_text())
            await http.post(ask, json={"query": "Again."})
            rows = (await http.get(f"/chats/{chat}?order=oldest")).json()["messages"]
        assert [row["question"] for row in rows] == ["Count.", "Again."]
        assert rows[0]["answer"] == rows[1]["answer"]


async def test_it_is_served(tmp_path: Path) -> None:
    """A process of its own answers every route; an answer is streamed word by word."""
    folder = tmp_path / "opened"
    folder.mkdir()
    (folder / "rules.txt").write_text("A refund takes 14 days.", encoding="utf-8")
    (folder / "cat.jpg").write_bytes(pictures.photo())
    env = {"PALAVER_DEFAULT_MODEL": 'scripted:{"days": 14}', "PALAVER_SERVER_FILES": str(folder)}
    async with serving(tmp_path / "chat.db", env) as server:
        async with httpx2.AsyncClient(base_url=server.url + BASE, timeout=30) as http:
            assert (await http.get("/health")).json()["status"] == "ok"
            bot = (await http.post("/bots")).json()["bot_id"]
            at = f"/bots/{bot}"
            job = (await http.post(f"{at}/documents/path", json={"path": "rules.txt"})).json()["job_id"]
            while (await http.get(f"/jobs/{job}")).json()["status"] != "success":
                await asyncio.sleep(0.05)
            found = (await http.post(f"{at}/vectorstore", json={"query": "refund"})).json()["documents"]
            assert [each["content"] for each in found] == ["A refund takes 14 days."]
            chat = (await http.post(f"{at}/chats")).json()["chat_id"]
            body = {"query": "How long?", "schema": {"type": "object", "required": ["days"]}}
            answer = (await http.post(f"{at}/chats/{chat}", json=body)).json()["answer"]
            assert (answer["status"], answer["data"]) == ("success", {"days": 14})
            streamed = await http.post(f"{at}/chats/{chat}", json={"query": "And now?", "stream": True})
            assert (streamed.headers["content-type"], streamed.text) == ("text/plain; charset=utf-8", '{"days": 14}')
            vision = (await http.post(f"{at}/vision-chats")).json()["vision_chat_id"]
            look = {"query": "What is it?", "image_paths": ["cat.jpg"]}
            assert (await http.post(f"{at}/vision-chats/{vision}", json=look)).json()["response"] == '{"days": 14}'
            assert (await http.get(f"{at}/chats")).json() == {"chat_ids": [chat], "vision_chat_ids": [vision]}
            trained = (await http.post(f"{at}/train-chats")).json()
            csv = await http.get(server.url + trained["csv_path"])
            assert csv.text.splitlines()[0] == '"question","answer","conversation_id","turn_id"'
            assert (await http.put(f"{at}/prompt", json={"prompt_template": "Be brief."})).json() == {"status": "ok"}
            assert (await http.post(f"{at}/build", json={"prompt_template": "Be kind."})).status_code == 200
            assert (await http.post(f"{at}/load")).json() == {"status": "ok", "bot_id": bot}
            assert (await http.delete(at)).json() == {"status": "deleted", "bot_id": bot}
            assert json.loads((await http.get(f"/chats/{chat}")).text) == {
                "detail": "There is nothing here by that name."
            }
