"""From the events of a turn to those of a response, numbered from 0. Pure: the same turn is told in the same way, live or later."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from palaver.compat.openai import shapes
from palaver.conversation import Message, Turn, TurnStatus
from palaver.document import Citation
from palaver.events import Event, EventType, dumps
from palaver.jsonable import decode

Told = dict[str, Any]
_ENDS: Mapping[TurnStatus, str] = {
    TurnStatus.COMPLETED: "response.completed",
    TurnStatus.INTERRUPTED: "response.incomplete",
    TurnStatus.FAILED: "response.failed",
}


def frame(told: Told) -> bytes:
    """Return one event as it goes over the wire."""
    return f"event: {told['type']}\ndata: {dumps(told)}\n\n".encode("ascii")


class _Item:
    """An item of a response while it is said: the text, which ends with the turn."""

    def __init__(self, item_id: str, index: int) -> None:
        self.id = item_id
        self.place = {"item_id": item_id, "output_index": index, "content_index": 0}
        self._pieces: list[str] = []
        self._citing: tuple[Citation, ...] = ()

    @property
    def text(self) -> str:
        return "".join(self._pieces)

    def opened(self) -> Iterator[Told]:
        yield {"type": "response.output_item.added", "output_index": self.place["output_index"], "item": self._empty()}
        yield {"type": "response.content_part.added", **self.place, "part": self._part()}

    def said(self, text: str) -> Told:
        self._pieces.append(text)
        return self._delta(text)

    def closed(self, cited: tuple[Citation, ...], status: str) -> Iterator[Told]:
        self._citing = cited
        yield from self._cited()
        yield self._done()
        yield {"type": "response.content_part.done", **self.place, "part": self._part()}
        whole = self._whole(status)
        yield {"type": "response.output_item.done", "output_index": self.place["output_index"], "item": whole}

    def _cited(self) -> Iterator[Told]:
        for number, each in enumerate(shapes.file_citations(self.text, self._citing)):
            place = {**self.place, "annotation_index": number}
            yield {"type": "response.output_text.annotation.added", **place, "annotation": each}

    def _empty(self) -> Told:
        return shapes.message_item(self.id, [], "in_progress")

    def _part(self) -> Told:
        return shapes.output_text(self.text, self._citing)

    def _delta(self, text: str) -> Told:
        return {"type": "response.output_text.delta", **self.place, "delta": text, "logprobs": []}

    def _done(self) -> Told:
        return {"type": "response.output_text.done", **self.place, "text": self.text, "logprobs": []}

    def _whole(self, status: str) -> Told:
        return shapes.message_item(self.id, [self._part()], status)


class _Thought(_Item):
    """What is thought aloud before a word, or between words."""

    def __init__(self, message_id: str, number: int, index: int) -> None:
        self._of = message_id, number
        super().__init__(shapes.reasoning_item(*self._of, "", "")["id"], index)

    def _cited(self) -> Iterator[Told]:
        yield from ()

    def _empty(self) -> Told:
        return {**shapes.reasoning_item(*self._of, "", "in_progress"), "content": []}

    def _part(self) -> Told:
        return {"type": "reasoning_text", "text": self.text}

    def _delta(self, text: str) -> Told:
        return {"type": "response.reasoning_text.delta", **self.place, "delta": text}

    def _done(self) -> Told:
        return {"type": "response.reasoning_text.done", **self.place, "text": self.text}

    def _whole(self, status: str) -> Told:
        return shapes.reasoning_item(*self._of, self.text, status)


class ResponseTeller:
    """Tells one turn; the events begin with the first."""

    def __init__(self, bot_id: str) -> None:
        self._bot_id = bot_id
        self._number = 0
        self._message_id = ""
        self._answer: _Item | None = None
        self._thought: _Thought | None = None
        self._thoughts = 0

    def tell(self, event: Event) -> Iterator[Told]:
        """Yield the events that an event of the turn stands for."""
        for told in self._told(event):
            yield {**told, "sequence_number": self._number}
            self._number += 1

    def _told(self, event: Event) -> Iterator[Told]:
        match event.type:
            case EventType.TURN_QUEUED:
                yield from self._begun(event, "response.created", "response.queued")
            case EventType.TURN_ACCEPTED if self._number:
                yield from self._begun(event, "response.in_progress")
            case EventType.TURN_ACCEPTED:
                yield from self._begun(event, "response.created", "response.in_progress")
            case EventType.TEXT_DELTA:
                yield from self._said(event.text)
            case EventType.REASONING_DELTA:
                yield from self._thinks(event.data["text"])
            case _ if event.is_terminal:
                yield from self._ended(event)

    def _begun(self, event: Event, *kinds: str) -> Iterator[Told]:
        turn = decode(Turn, event.data["turn"])
        self._message_id = str(turn.message_id)
        for kind in kinds:
            yield {"type": kind, "response": shapes.response(turn, None, self._bot_id)}

    @property
    def _index(self) -> int:
        return self._thoughts + (self._answer is not None)

    def _said(self, text: str) -> Iterator[Told]:
        yield from self._thought_out("completed")
        if self._answer is None:
            answer = _Item(self._message_id, self._index)
            self._answer = answer
            yield from answer.opened()
        yield self._answer.said(text)

    def _thinks(self, text: str) -> Iterator[Told]:
        if self._thought is None:
            self._thought = _Thought(self._message_id, self._thoughts + 1, self._index)
            self._thoughts += 1
            yield from self._thought.opened()
        yield self._thought.said(text)

    def _thought_out(self, status: str) -> Iterator[Told]:
        if self._thought is not None:
            yield from self._thought.closed((), status)
            self._thought = None

    def _ended(self, event: Event) -> Iterator[Told]:
        turn, answer = decode(Turn, event.data["turn"]), decode(Message, event.data["message"])
        status = "completed" if turn.status is TurnStatus.COMPLETED else "incomplete"
        yield from self._thought_out(status)
        if self._answer is not None:
            yield from self._answer.closed(answer.citations, status)
        yield {"type": _ENDS[turn.status], "response": shapes.response(turn, answer, self._bot_id)}
