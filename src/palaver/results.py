"""What the calls of a hub return beyond the things that are kept: a reply, a new key, what was found or loaded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from palaver.conversation import Message, Turn, TurnStatus
from palaver.document import Citation, Hit
from palaver.entity import Entity
from palaver.errors import NotFound, TurnFailed
from palaver.tenant import ApiKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """A turn that was accepted (``replayed``: by an earlier call with the same key)."""

    turn: Turn
    user_message: Message | None
    replayed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A turn that has ended, its question and its answer."""

    turn: Turn
    user_message: Message | None
    message: Message
    replayed: bool = False

    @property
    def id(self) -> str:
        """The id of the answer, to rate or regenerate it."""
        return self.message.id

    @property
    def text(self) -> str:
        """What was answered."""
        return self.message.text

    @property
    def citations(self) -> tuple[Citation, ...]:
        """What the answer quotes."""
        return self.message.citations


def reply_of(turn: Turn, question: Message | None, answer: Message | None, *, replayed: bool = False) -> Reply:
    """Return a turn that has ended as a reply.

    Raises:
        NotFound: It has no answer: its question was appended alone.
    """
    if answer is None:
        raise NotFound("This turn has no answer: its question was appended alone.")
    return Reply(turn=turn, user_message=question, message=answer, replayed=replayed)


def unless_failed(reply: Reply) -> Reply:
    """Return the reply of a turn that did not fail.

    Raises:
        TurnFailed: With the turn and its answer as they are stored.
    """
    if reply.turn.status is not TurnStatus.FAILED:
        return reply
    error = reply.turn.error
    raise TurnFailed(
        error.message if error else "The turn failed.",
        code=error.code if error else None,
        turn=reply.turn,
        reply=reply.message,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchResult:
    """The chunks that fit a query best, best first. ``mode`` says how they were found: by words alone, or by meaning, too."""

    hits: tuple[Hit, ...]
    mode: str

    def __iter__(self) -> Iterator[Hit]:
        return iter(self.hits)

    def __len__(self) -> int:
        return len(self.hits)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewKey:
    """A key that was just made. ``secret`` is shown this once and kept nowhere."""

    key: ApiKey
    secret: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """Somebody who talks to one bot as one entity. ``token`` is what its browser shows in the place of a key."""

    bot_id: str
    entity: Entity
    token: str
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """What came of an import: the ids of the conversations that are new here, and of those that were here and stay as they are."""

    imported: tuple[str, ...]
    present: tuple[str, ...]
