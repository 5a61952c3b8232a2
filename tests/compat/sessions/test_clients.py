"""The clients that the documentation shows, against a real server: requests and an HTTP client that reads what is streamed."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx2
import pytest
import requests

from crash.process import serving


def documented(url: str) -> None:
    """What a client of the session API does, from the first call to the last."""
    session_id = requests.post(f"{url}/new_session", timeout=10).json()["session_id"]
    with requests.post(
        f"{url}/chat", json={"session_id": session_id, "message": "Count."}, stream=True, timeout=10
    ) as answer:
        assert answer.status_code == 200
        assert answer.encoding == "utf-8"
        pieces = list(answer.iter_content(chunk_size=None, decode_unicode=True))
    words = " ".join(f"word{number}" for number in range(20))
    assert len(pieces) > 5
    assert "".join(pieces) == words
    again = requests.post(f"{url}/chat", json={"session_id": session_id, "message": "Again."}, timeout=10)
    assert again.text == words
    assert session_id in requests.get(f"{url}/sessions", timeout=10).json()["sessions"]
    history = requests.get(f"{url}/session/{session_id}/history", timeout=10).json()["history"]
    assert history == [{"input": "Count.", "output": words}, {"input": "Again.", "output": words}]
    unknown = requests.post(f"{url}/chat", json={"session_id": "unknown", "message": "Count."}, timeout=10)
    assert (unknown.status_code, unknown.json()) == (404, {"detail": "Session not found"})
    assert requests.post(f"{url}/chat", json={"session_id": session_id}, timeout=10).status_code == 422


async def read_into(read: list[str], http: httpx2.AsyncClient, session_id: str) -> None:
    async with http.stream("POST", "/chat", json={"session_id": session_id, "message": "Hello?"}) as answer:
        assert answer.status_code == 200
        async for piece in answer.aiter_text():
            read.append(piece)  # noqa: PERF401  what came before it broke off is kept


async def test_what_is_documented_works_on_every_store(store_url: str) -> None:
    """All four routes, on each store, with the answer streamed word by word as it is made."""
    model = {"PALAVER_DEFAULT_MODEL": "scripted:words?count=20&delay=0.03"}
    async with serving(store_url, {**model, "PALAVER_UNSAFE_DURABILITY": "true"}) as server:
        await asyncio.to_thread(documented, server.url)


async def test_an_answer_that_breaks_off_does_not_look_whole(tmp_path: Path) -> None:
    """Bare text has no end mark: where the model broke off, so does the connection. What was said is in the history."""
    model = {"PALAVER_DEFAULT_MODEL": "scripted:fail?count=3&delay=0.05&code=provider_error"}
    async with serving(tmp_path / "chat.db", model) as server, httpx2.AsyncClient(base_url=server.url) as http:
        session_id = (await http.post("/new_session")).json()["session_id"]
        read: list[str] = []
        with pytest.raises(httpx2.RemoteProtocolError):
            await read_into(read, http, session_id)
        assert "".join(read) == "word0 word1 word2"
        history = (await http.get(f"/session/{session_id}/history")).json()["history"]
        assert history == [{"input": "Hello?", "output": "word0 word1 word2"}]


async def test_leaving_does_not_stop_an_answer(tmp_path: Path) -> None:
    """A client that hangs up in mid-answer finds the whole of it in the history."""
    model = {"PALAVER_DEFAULT_MODEL": "scripted:words?count=10&delay=0.03"}
    async with serving(tmp_path / "chat.db", model) as server, httpx2.AsyncClient(base_url=server.url) as http:
        session_id = (await http.post("/new_session")).json()["session_id"]
        async with http.stream("POST", "/chat", json={"session_id": session_id, "message": "Hello?"}) as answer:
            await anext(answer.aiter_text())
        assert (await http.post("/chat", json={"session_id": session_id, "message": "And?"})).status_code == 200
        history = (await http.get(f"/session/{session_id}/history")).json()["history"]
        assert [len(pair["output"].split()) for pair in history] == [10, 10]
