"""From the events of a turn to the chunks of a chat completion. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from palaver.compat.openai import shapes
from palaver.compat.openai.errors import told
from palaver.conversation import Turn
from palaver.errors import ModelError
from palaver.events import Event, EventType, dumps
from palaver.http.statuses import status_of
from palaver.jsonable import decode

DONE = b"data: [DONE]\n\n"


def frame(data: Mapping[str, Any]) -> bytes:
    """Return one chunk as it goes over the wire."""
    return f"data: {dumps(data)}\n\n".encode("ascii")


class ChunkTeller:
    """Tells one turn. The events begin with the first; ``turn.queued`` is passed over."""

    def __init__(self, bot_id: str, *, with_usage: bool) -> None:
        self._bot_id = bot_id
        self._with_usage = with_usage
        self._head: dict[str, Any] = {}

    def tell(self, event: Event) -> Iterator[bytes]:
        """Yield the chunks that an event stands for. One that ends without a whole answer is told as an error, and no end."""
        match event.type:
            case EventType.TURN_ACCEPTED:
                yield self._begin(decode(Turn, event.data["turn"]))
            case EventType.TEXT_DELTA:
                yield self._chunk({"content": event.text})
            case EventType.REASONING_DELTA:
                yield self._chunk({"reasoning_content": event.data["text"]})
            case _ if event.is_terminal:
                yield from self._end(decode(Turn, event.data["turn"]))

    def _begin(self, turn: Turn) -> bytes:
        self._head = {
            "id": turn.id,
            "object": "chat.completion.chunk",
            "created": shapes.seconds(turn.created_at),
            "model": self._bot_id,
            **({"conversation_id": turn.conversation_id} if turn.conversation_id else {}),
        }
        return self._chunk({"role": "assistant", "content": ""})

    def _chunk(self, delta: Mapping[str, Any], finish_reason: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": finish_reason, "logprobs": None}
        return frame({**self._head, "choices": [choice], **({"usage": None} if self._with_usage else {})})

    def _end(self, turn: Turn) -> Iterator[bytes]:
        if not self._head:
            yield self._begin(turn)
        try:
            yield self._chunk({}, shapes.finish_reason(turn))
        except ModelError as error:
            yield frame({"error": told(error, status_of(error))})
            return
        if self._with_usage:
            yield frame({**self._head, "choices": [], "usage": shapes.completion_usage(turn.usage)})
        yield DONE
