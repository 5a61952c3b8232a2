"""An answer as bare text while it is said, for clients that read nothing else."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing

from palaver.compat.endings import check_whole
from palaver.compat.pieces import begun
from palaver.conversation import Turn
from palaver.events import Event
from palaver.http.presence import while_there
from palaver.http.sse import Stream
from palaver.jsonable import decode
from palaver.serving import Caller

_HEADERS: Mapping[str, str] = {
    "Content-Type": "text/plain; charset=utf-8",
    "Cache-Control": "no-cache, no-transform",
    "X-Accel-Buffering": "no",
    "X-Content-Type-Options": "nosniff",
}


async def bare_text(caller: Caller, turn_id: str) -> Stream:
    """Return the text of a turn, in UTF-8. What breaks off is torn off, for its client to notice.

    Raises:
        ModelError: It broke off before its first word, and nobody wanted that.
    """
    batches = caller.serving.root.engine.follow(caller.access.tenant_id, turn_id)
    return Stream(
        await while_there(caller.request.receive, begun(_text_of(batches))),
        slots=caller.serving.streams,
        headers=_HEADERS,
        turn_id=turn_id,
        unmarked=True,
    )


async def _text_of(batches: AsyncGenerator[Sequence[Event], None]) -> AsyncGenerator[bytes, None]:
    async with aclosing(batches):
        async for batch in batches:
            if text := "".join(event.text for event in batch):
                yield text.encode()
            if batch[-1].is_terminal:
                check_whole(decode(Turn, batch[-1].data["turn"]))
