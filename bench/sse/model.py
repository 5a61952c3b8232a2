"""A model's server on the OpenAI wire: it says one long answer in Markdown, as fast as its model's name says, and on time.

The model ``5000@250`` says 5,000 tokens at 250 a second. A token that is late does not make the next ones late.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Sequence
from functools import cache
from itertools import cycle, islice
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.routing import Route

TEXT = (Path(__file__).parent.parent / "answer.md").read_text(encoding="utf-8")
_TOKEN = re.compile(r" ?[A-Za-z]+| ?\d{1,3}| ?[^\sA-Za-z\d]{1,3}|\s+(?=\S)|\s+")
"""About what a tokenizer makes of English and code: 3.9 characters each of this text."""


@cache
def tokens(count: int) -> Sequence[str]:
    """The first so many tokens of the text, which is said again and again."""
    return tuple(islice(cycle(_TOKEN.findall(TEXT)), count))


def _frame(delta: dict[str, str], finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return f"data: {json.dumps({'id': 'bench', 'object': 'chat.completion.chunk', 'choices': [choice]})}\n\n".encode()


async def _said(count: int, per_second: float) -> AsyncIterator[bytes]:
    clock = asyncio.get_running_loop().time
    begun = clock()
    for number, token in enumerate(tokens(count)):
        wait = begun + number / per_second - clock()
        if wait > 0:
            await asyncio.sleep(wait)
        yield _frame({"content": token})
    yield _frame({}, "stop") + b"data: [DONE]\n\n"


async def _complete(request: Request) -> StreamingResponse:
    count, _, per_second = (await request.json())["model"].partition("@")
    return StreamingResponse(_said(int(count), float(per_second)), media_type="text/event-stream")


app = Starlette(routes=[Route("/v1/chat/completions", _complete, methods=["POST"])])
