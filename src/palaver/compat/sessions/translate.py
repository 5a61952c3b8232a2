"""Between conversations and sessions: pairs of input and output, and errors as their clients read them. Pure."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing

from starlette.responses import Response

from palaver.compat.details import detail_of
from palaver.conversation import Message, Role
from palaver.errors import NotFound, PalaverError
from palaver.events import dumps

GONE = "Session not found"


def refusal(error: PalaverError, status: int) -> Response:
    """Return an error as these clients read it: ``{"detail": …}``, a list of what is wrong with which field where that is known."""
    detail = GONE if isinstance(error, NotFound) else detail_of(error)
    return Response(dumps({"detail": detail}), status_code=status, media_type="application/json")


async def pairs(messages: AsyncGenerator[Message, None]) -> AsyncGenerator[Mapping[str, str], None]:
    """Yield each question with its answer. Where one of them is missing, its text is empty."""
    asked: str | None = None
    async with aclosing(messages):
        async for message in messages:
            if message.role is Role.ASSISTANT:
                yield {"input": asked or "", "output": message.text}
                asked = None
                continue
            if asked is not None:
                yield {"input": asked, "output": ""}
            asked = message.text
    if asked is not None:
        yield {"input": asked, "output": ""}
