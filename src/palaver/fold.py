"""Events → message: the answer as its stream tells it. ``fold(events)`` equals what ``GET turn`` and its message say."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from palaver.conversation import Message, Part, ReasoningPart, TextPart, Turn, text_of
from palaver.document import Citation, cited_by
from palaver.events import Event, EventType
from palaver.jsonable import decode


class Draft:
    """An answer in the making: parts in the order in which they began, text gathered in pieces.

    Attributes:
        found: The passages that the model was given.
    """

    def __init__(self) -> None:
        self._pieces: list[tuple[type[TextPart] | type[ReasoningPart], list[str]]] = []
        self._cited: tuple[Citation, ...] | None = None
        self.found: tuple[Citation, ...] = ()

    @property
    def citations(self) -> tuple[Citation, ...]:
        """What the answer cites: as it was said, or else as the text so far says."""
        return cited_by(text_of(self.parts()), self.found) if self._cited is None else self._cited

    def add(self, kind: type[TextPart] | type[ReasoningPart], text: str) -> None:
        """Append to the last part if it is of this kind, else begin a new one."""
        if self._pieces and self._pieces[-1][0] is kind:
            self._pieces[-1][1].append(text)
        else:
            self._pieces.append((kind, [text]))

    def take(self, event: Event) -> None:
        """Add what an event of the log says."""
        match event.type:
            case EventType.TEXT_DELTA:
                self.add(TextPart, event.data["text"])
            case EventType.REASONING_DELTA:
                self.add(ReasoningPart, event.data["text"])
            case EventType.RETRIEVAL_DONE:
                self.found = _citations(event)
            case EventType.CITATIONS:
                self._cited = _citations(event)

    def parts(self) -> tuple[Part, ...]:
        """The answer so far."""
        return tuple(kind(text="".join(pieces)) for kind, pieces in self._pieces)


def _citations(event: Event) -> tuple[Citation, ...]:
    return tuple(decode(Citation, each) for each in event.data["citations"])


def draft_of(log: Iterable[Event]) -> Draft:
    """Return what the events of a turn's log say so far."""
    draft = Draft()
    for event in log:
        draft.take(event)
    return draft


def fold(events: Iterable[Event]) -> tuple[Turn, Message | None]:
    """Return the turn and its answer as the events from the first one tell them.

    Raises:
        ValueError: No event names the turn: the first ones are missing.
    """
    turn: Turn | None = None
    answer: Message | None = None
    draft = Draft()
    for event in events:
        if event.type.startswith("turn."):
            data = event.data
            turn = decode(Turn, data["turn"])
            answer = None if data["message"] is None else decode(Message, data["message"])
            if event.is_terminal:
                return turn, answer
        draft.take(event)
    if turn is None:
        raise ValueError("the stream does not begin with its first event")
    return turn, answer and replace(answer, parts=draft.parts(), citations=draft.citations)
