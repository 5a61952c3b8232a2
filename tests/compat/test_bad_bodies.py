"""Whatever is sent to a surface has a definite answer in its clients' form, and never a 500."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx2
import pytest

from palaver.server import create_app
from server.world import BASE, a_world

ODD: tuple[Any, ...] = (
    None,
    True,
    0,
    -1,
    10**30,
    1e308,
    "",
    " ",
    "a\x00b",
    "../x",
    "x" * 5_000,
    [],
    [[]],
    [{}],
    [None],
    ["x"],
    {},
    {"type": "x", "id": 7, "url": [], "role": {}, "content": 7, "text": 7},
    [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": 7}}]}],
    [{"role": "user", "content": [{"type": "text", "text": {}}]}],
    [{"role": "user", "content": "\ud800"}],
    [{"role": ["user"], "content": "x", "type": []}],
)
RAW = (
    b"",
    b"null",
    b"[]",
    b"7",
    b'"x"',
    b"{",
    b'{"a":1,"a":2}',
    b'{"a":NaN}',
    b"[" * 200,
    b"\xff",
    b'{"model":"\\ud800"}',
)
SAID = [{"role": "user", "content": "x"}]
GOOD: Mapping[str, Mapping[str, Any]] = {
    "/chat": {"session_id": "{conv}", "message": "x"},
    "/openai/v1/chat/completions": {
        "model": "Helper",
        "messages": SAID,
        **dict.fromkeys(
            [
                "stream",
                "stream_options",
                "metadata",
                "store",
                "temperature",
                "top_p",
                "max_tokens",
                "max_completion_tokens",
                "seed",
                "stop",
                "n",
                "tools",
                "tool_choice",
                "presence_penalty",
                "frequency_penalty",
                "response_format",
                "modalities",
                "logit_bias",
                "unknown",
            ]
        ),
    },
    "/openai/v1/responses": {
        "model": "Helper",
        "input": "x",
        **dict.fromkeys(
            [
                "instructions",
                "conversation",
                "previous_response_id",
                "background",
                "store",
                "stream",
                "stream_options",
                "metadata",
                "temperature",
                "top_p",
                "max_output_tokens",
                "tools",
                "text",
                "truncation",
                "include",
                "unknown",
            ]
        ),
    },
    "/openai/v1/conversations": {"items": SAID, "metadata": {}, "model": None},
    "/openai/v1/conversations/{conv}": {"metadata": {}},
    "/openai/v1/conversations/{conv}/items": {"items": SAID},
}
"""Bodies that are taken, with all their fields; null says nothing."""


def bodies(good: Mapping[str, Any]) -> Iterator[bytes]:
    yield from RAW
    for name in good:
        for odd in ODD:
            yield json.dumps({**good, name: odd}).encode()
        yield json.dumps({other: value for other, value in good.items() if other != name}).encode()


@pytest.mark.parametrize("path", GOOD)
async def test_odd_bodies_have_a_definite_answer(tmp_path: Path, path: str) -> None:
    """Every field of every request with every odd value: 2xx or 4xx, with an error that is told as such."""
    async with a_world(tmp_path, log_level="error") as world:
        bot = await world.made("/v1/bots", {"name": "Helper"})
        conversation = (await world.made("/v1/conversations", {"bot_id": bot["id"]}))["id"]
        good = {name: conversation if value == "{conv}" else value for name, value in GOOD[path].items()}
        transport = httpx2.ASGITransport(app=create_app(world.root.settings, hub_root=world.root))
        async with httpx2.AsyncClient(transport=transport, base_url=BASE) as http:
            url = path.replace("{conv}", conversation)
            first = await http.post(url, json=good)
            assert first.status_code == 200, first.text
            for body in bodies(good):
                answer = await http.post(url, content=body, headers={"Content-Type": "application/json"})
                assert answer.status_code < 500, (body[:300], answer.text)
                if answer.status_code >= 400:
                    assert set(answer.json()) == {"error" if url.startswith("/openai") else "detail"}
