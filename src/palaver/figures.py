"""What conversations come to: of one alone, and of many together. Pure values.

Times are in seconds, lengths in Unicode code points, costs in millionths of the price table's currency unit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from palaver.conversation import EndReason


class By(StrEnum):
    """What figures are told apart by; ``total``: by nothing."""

    DAY = "day"
    BOT = "bot"
    ENTITY = "entity"
    MODEL = "model"
    TOTAL = "total"


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """How long something took, ``count`` times; None where it never happened.

    Of many conversations ``median`` and ``p95`` come from a histogram and are off by at most 4.5 %; ``mean`` is exact. Of one
    conversation all three are exact. ``p95`` is the smallest time that 95 % did not exceed.
    """

    count: int = 0
    mean: float | None = None
    median: float | None = None
    p95: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ratings:
    """Ratings from 1 to 5: how many, their mean, and how many there are of each."""

    count: int = 0
    average: float | None = None
    counts: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageStatistics:
    """How many messages there are, on every branch, and how long they are on average (None: there are none)."""

    total: int
    user: int
    assistant: int
    average_length: float | None = None
    average_user_length: float | None = None
    average_assistant_length: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """How a conversation went.

    ``duration_seconds`` is from its start to its end or, while it goes on, to the last thing that happened in it.
    ``response_seconds`` are of completed turns, from the question's acceptance to the end of the answer;
    ``first_token_seconds`` to its first word. ``longest_pause_seconds`` is the longest time between the end of a turn and the
    begin of the next.
    """

    turns: int
    duration_seconds: float
    response_seconds: Spread
    first_token_seconds: Spread
    longest_pause_seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """How well a conversation went. ``unfound`` are completed turns whose model was given nothing from documents."""

    rating: int | None = None
    message_ratings: Ratings
    completed: int
    interrupted: int
    failed: int
    unfound: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """A word or two that a conversation is about, and how many of its messages hold it."""

    term: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationAnalytics:
    """What a conversation comes to, counted when it is asked for. ``unpriced_turns`` are those whose cost nobody knows."""

    conversation_id: str
    bot_id: str
    messages: MessageStatistics
    flow: Flow
    quality: Quality
    input_tokens: int
    output_tokens: int
    cost_micro: int
    unpriced_turns: int
    topics: tuple[Topic, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What conversations come to within some time.

    A turn counts where it was asked, once it has ended; a conversation and its rating where it began; its end, by its reason,
    where it ended. ``active_entities`` had a turn; they don't add up. ``questions`` and ``answers`` are the messages of the
    turns. What was deleted does not count.
    """

    conversations: int = 0
    turns: int = 0
    active_entities: int = 0
    questions: int = 0
    answers: int = 0
    completed: int = 0
    interrupted: int = 0
    failed: int = 0
    unfound: int = 0
    message_ratings: Ratings = field(default_factory=Ratings)
    conversation_ratings: Ratings = field(default_factory=Ratings)
    response_seconds: Spread = field(default_factory=Spread)
    first_token_seconds: Spread = field(default_factory=Spread)
    input_tokens: int = 0
    output_tokens: int = 0
    cost_micro: int = 0
    unpriced_turns: int = 0
    end_reasons: Mapping[str, int] = field(default_factory=lambda: dict.fromkeys(map(str, EndReason), 0))


@dataclass(frozen=True, slots=True, kw_only=True)
class UnfoundQuestion:
    """A question that was answered with nothing from documents: a turn that ``unfound`` counts.

    ``message_id`` is the question's id, ``text`` its first 300 characters, ``title`` its conversation's.
    """

    turn_id: str
    conversation_id: str
    title: str | None = None
    message_id: str
    text: str
    bot_id: str
    model: str
    asked_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class FiguresRow:
    """The figures of a day (``2026-01-31``), a bot, an entity or a model, by its id or name (a model's "": none answered).

    ``name`` is what a bot or an entity is called.
    """

    key: str
    name: str | None = None
    figures: Figures


@dataclass(frozen=True, slots=True, kw_only=True)
class FiguresReport:
    """The figures of a stretch of time, from ``from_at`` up to and without ``to_at``, all together and told apart.

    Days are those of ``timezone``, each in its order, also where nothing happened; the first and the last may be parts of
    days. Other rows come busiest first; ``more`` says how many were left out.
    """

    from_at: datetime
    to_at: datetime
    timezone: str
    by: By
    total: Figures
    rows: tuple[FiguresRow, ...] = ()
    more: int = 0
