"""Text in is text out over HTTP: the answer as JSON, as a stream, as history."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
from hypothesis import given, settings
from hypothesis import strategies as st

from crash.process import serving
from palaver.text import is_blank

visible = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\x00"), min_size=1, max_size=60)


@contextmanager
def _echo_server(folder: Path) -> Iterator[httpx2.Client]:
    context = serving(folder / "chat.db", {"PALAVER_DEFAULT_MODEL": "scripted:echo"})
    with asyncio.Runner() as runner:
        server = runner.run(context.__aenter__())
        try:
            with httpx2.Client(base_url=server.url, timeout=30) as http:
                yield http
        finally:
            runner.run(context.__aexit__(None, None, None))


def _streamed(http: httpx2.Client, path: str, body: bytes) -> str:
    headers = {"Accept": "text/event-stream", "Content-Type": "application/json"}
    stream = http.post(path, content=body, headers=headers).content
    assert stream.isascii(), "a frame is ASCII, whatever it says"
    frames = [dict(line.split(": ", 1) for line in frame.split("\n")) for frame in stream.decode().split("\n\n")[:-1]]
    return "".join(json.loads(frame["data"])["text"] for frame in frames if frame["event"] == "text.delta")


def test_every_text_comes_back_over_http_as_it_went_in(tmp_path: Path) -> None:
    """I18: any visible Unicode text, sent escaped or as UTF-8, is the same in the reply, the stream and the history."""
    with _echo_server(tmp_path) as http:
        bot = http.post("/v1/bots", json={"name": "Echo"}).json()["id"]
        path = f"/v1/conversations/{http.post('/v1/conversations', json={'bot_id': bot}).json()['id']}/messages"

        @settings(max_examples=60, deadline=None)
        @given(visible.filter(lambda text: not is_blank(text)), st.booleans())
        def round_trips(text: str, escaped: bool) -> None:
            body = json.dumps({"text": text}, ensure_ascii=escaped).encode()
            assert _streamed(http, path, body) == f"You said: {text}"
            sent = http.post(path, content=body, headers={"Content-Type": "application/json"}).json()
            assert (sent["user_message"]["text"], sent["message"]["text"]) == (text, f"You said: {text}")
            newest = http.get(path, params={"order": "desc", "limit": "4"}).json()["data"]
            assert [message["text"] for message in newest] == [f"You said: {text}", text] * 2

        round_trips()
