"""What is counted of conversations: sheets, the roll-ups that are sums of them, and questions to these. Pure values.

The *sheet* of a conversation says what was counted of it, cut into cells: one for each quarter of an hour, bot, model and
entity. A roll-up is a sum of sheets. Because every figure is a number that adds up (a latency is counted in a class of a
histogram), any stretch of time is a sum of quarters, and so is the day of every time zone: their clocks differ from UTC by
multiples of a quarter of an hour. Only the entities that were active don't add up: they are counted by their names.

A turn counts where it was asked, once it has ended; a conversation and its rating where it began, with the model of its first
turn that has one; its end where it ended. What was deleted does not count.

What changes a conversation marks it as uncounted, in the same step. Counting it anew adds the difference between its new
sheet and its old one to the roll-ups. Whoever reads adds the same difference for those that are still uncounted.
"""

from __future__ import annotations

import json
import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from palaver.conversation import TurnStatus

QUARTER_MICROS = 900 * 1_000_000
CLASSES_AN_OCTAVE = 8
"""How finely latencies are told apart: a class is 2^(1/8) wide, so that its middle is off by at most 4.5 %."""
_MILLI = 1_000
_CLASS_MAX = CLASSES_AN_OCTAVE * 27  # 37 hours: longer than any turn

Counts = Mapping[str, int]


class Figure:
    """The names of what is counted. Those that end with a dot are followed by a class, a rating or a reason."""

    CONVERSATIONS = "conversations"
    CONVERSATION_RATED = "conversation_rated."
    ENDED = "ended."
    TURNS = "turns"
    COMPLETED = "completed"
    INTERRUPTED = "interrupted"
    FAILED = "failed"
    QUESTIONS = "questions"
    ANSWERS = "answers"
    RATED = "rated."
    UNFOUND = "unfound"
    INPUT_TOKENS = "input_tokens"
    OUTPUT_TOKENS = "output_tokens"
    COST_MICRO = "cost_micro"
    UNPRICED = "unpriced"
    RESPONSE = "response."
    RESPONSE_MICROS = "response_micros"
    FIRST_TOKEN = "first_token."  # noqa: S105 - not a secret
    FIRST_TOKEN_MICROS = "first_token_micros"  # noqa: S105


class Cell(NamedTuple):
    """Where something counts. ``quarter`` is in quarters of an hour since 1970; ``entity_id`` is "" for nobody."""

    quarter: int
    bot_id: str
    model: str
    entity_id: str


Sheet = Mapping[Cell, Counts]


class CountedTurn(NamedTuple):
    """What is counted of a turn that has ended and is not deleted; times in microseconds.

    ``asked`` and ``answered`` say whether its own question and its answer are there; ``chunks`` how many the model was given
    (None: it was given nothing at all).
    """

    created_at: int
    first_token_at: int | None
    finished_at: int
    status: str
    model: str
    input_tokens: int
    output_tokens: int
    cost_micro: int | None
    chunks: int | None
    asked: bool
    answered: bool
    rating: int | None


class CountedConversation(NamedTuple):
    """What is counted of a conversation itself; times in microseconds."""

    bot_id: str
    entity_id: str | None
    started_at: int
    ended_at: int | None
    end_reason: str | None
    rating: int | None


def latency_class(micros: int) -> int:
    """Return the class of a time: class n holds from 2^(n/8) ms on; 0 all up to 1.09 ms."""
    if micros <= _MILLI:
        return 0
    return min(int(math.log2(micros / _MILLI) * CLASSES_AN_OCTAVE), _CLASS_MAX)


def middle_of_class(number: int) -> float:
    """Return the time in seconds that stands for a class: its geometric middle."""
    return float(2 ** ((number + 0.5) / CLASSES_AN_OCTAVE)) / _MILLI


def sheet_of(conversation: CountedConversation, turns: Sequence[CountedTurn]) -> Sheet:
    """Count a conversation. ``turns`` come in the order of their making."""
    cells: dict[Cell, Counter[str]] = {}
    first_model = next((turn.model for turn in turns if turn.model), "")

    def at(micros: int, model: str) -> Counter[str]:
        cell = Cell(micros // QUARTER_MICROS, conversation.bot_id, model, conversation.entity_id or "")
        return cells.setdefault(cell, Counter())

    began = at(conversation.started_at, first_model)
    began[Figure.CONVERSATIONS] += 1
    if conversation.rating is not None:
        began[f"{Figure.CONVERSATION_RATED}{conversation.rating}"] += 1
    if conversation.ended_at is not None and conversation.end_reason is not None:
        at(conversation.ended_at, first_model)[f"{Figure.ENDED}{conversation.end_reason}"] += 1
    for turn in turns:
        at(turn.created_at, turn.model).update(_counts_of(turn))
    return cells


def _counts_of(turn: CountedTurn) -> Counter[str]:
    counts = Counter(
        {
            Figure.TURNS: 1,
            turn.status: 1,
            Figure.QUESTIONS: int(turn.asked),
            Figure.ANSWERS: int(turn.answered),
            Figure.INPUT_TOKENS: turn.input_tokens,
            Figure.OUTPUT_TOKENS: turn.output_tokens,
            Figure.COST_MICRO: turn.cost_micro or 0,
        }
    )
    if turn.rating is not None:
        counts[f"{Figure.RATED}{turn.rating}"] = 1
    if not turn.model:  # it was appended: no model answered
        return +counts
    counts[Figure.UNPRICED] = int(turn.cost_micro is None)
    if turn.status == TurnStatus.COMPLETED:
        counts[Figure.UNFOUND] = int(turn.chunks == 0)
        _time(counts, Figure.RESPONSE, Figure.RESPONSE_MICROS, turn.finished_at - turn.created_at)
    if turn.first_token_at is not None:
        _time(counts, Figure.FIRST_TOKEN, Figure.FIRST_TOKEN_MICROS, turn.first_token_at - turn.created_at)
    return +counts


def _time(counts: Counter[str], classes: str, total: str, micros: int) -> None:
    micros = max(micros, 0)  # the first token is timed by another clock
    counts[f"{classes}{latency_class(micros)}"] += 1
    counts[total] += micros


def difference(before: Sheet, after: Sheet) -> Sheet:
    """Return what has to be added to the roll-ups, cells in order; what did not change is not in it."""
    found: dict[Cell, Counts] = {}
    for cell in sorted({*before, *after}):
        old, new = before.get(cell, {}), after.get(cell, {})
        changes = {name: new.get(name, 0) - old.get(name, 0) for name in {**old, **new}}
        if changed := {name: each for name, each in changes.items() if each}:
            found[cell] = changed
    return found


def added(counts: Counts, more: Counts) -> dict[str, int]:
    """Return the sum of two counts, without what is 0."""
    total = {name: counts.get(name, 0) + more.get(name, 0) for name in {**counts, **more}}
    return {name: each for name, each in total.items() if each}


def write_counts(counts: Counts) -> str:
    """Return counts as they are kept."""
    return json.dumps(dict(counts), separators=(",", ":"), sort_keys=True)


def write_sheet(sheet: Sheet) -> str:
    """Return a sheet as it is kept."""
    return json.dumps([[*cell, dict(counts)] for cell, counts in sheet.items()], separators=(",", ":"))


def read_sheet(text: str | None) -> Sheet:
    """Return the sheet that was kept; of a conversation that was never counted an empty one."""
    return {} if text is None else {Cell(*cell): counts for *cell, counts in json.loads(text)}


def bots_in(*sheets: Sheet) -> frozenset[str]:
    """Return the ids of the bots that sheets tell of: a conversation may have been given to another one."""
    return frozenset(cell.bot_id for sheet in sheets for cell in sheet)


class Grouping(StrEnum):
    """What figures are told apart by."""

    SPAN = "span"
    BOT = "bot"
    ENTITY = "entity"
    MODEL = "model"


@dataclass(frozen=True, slots=True, kw_only=True)
class FiguresQuery:
    """What is asked of the roll-ups.

    Attributes:
        bounds: Where the spans of time begin, in quarters, ascending, and where the last one ends: n + 1 for n spans.
        by: By what the answer is told apart.
        bot_id, entity_id, model: Only these; None: all.
    """

    bounds: Sequence[int]
    by: Grouping
    bot_id: str | None = None
    entity_id: str | None = None
    model: str | None = None

    @property
    def needs_entities(self) -> bool:
        """Whether the counts themselves are told apart by entity."""
        return self.by is Grouping.ENTITY or self.entity_id is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class UnfoundFilter:
    """Which of the turns that ``Figure.UNFOUND`` counts are listed: those asked from the quarter ``first`` up to, and without, ``last``.

    ``bot_id``, ``model``: only these; None: all.
    """

    first: int
    last: int
    bot_id: str | None = None
    model: str | None = None

    @property
    def micros(self) -> tuple[int, int]:
        """When that begins, and when it has ended."""
        return self.first * QUARTER_MICROS, self.last * QUARTER_MICROS


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """A sum. ``key`` is the number of a span, from 0, or a bot's id, an entity's, or the name of a model ("" for none).

    ``active_entities`` had a turn there.
    """

    key: int | str
    counts: Counts
    active_entities: int


@dataclass(slots=True)
class Tallies:
    """Adds up what a store has for a query: ``add`` for rows of the roll-ups and cells of sheets, in any order."""

    query: FiguresQuery
    _counts: dict[int | str, Counter[str]] = field(default_factory=dict)
    _active: dict[tuple[int | str, str], int] = field(default_factory=dict)

    def add(self, cell: Cell, counts: Counts) -> None:
        """Add the counts of a cell of a roll-up. With ``needs_entities`` that is one by entities, else one of all."""
        if (key := self._key(cell)) is not None:
            _add_to(self._counts.setdefault(key, Counter()), counts, 1)

    def add_active(self, cell: Cell, turns: int) -> None:
        """Add how many turns an entity had in a cell."""
        key = self._key(cell)
        if key is not None and cell.entity_id:
            self._active[key, cell.entity_id] = self._active.get((key, cell.entity_id), 0) + turns

    def change(self, before: Sheet, after: Sheet, live_bots: Collection[str]) -> None:
        """Put a conversation's sheet as it should be in the place of the one that was counted, as far as its bots are there."""
        for sheet, sign in ((before, -1), (after, 1)):
            self._add_sheet({cell: counts for cell, counts in sheet.items() if cell.bot_id in live_bots}, sign)

    def _add_sheet(self, sheet: Sheet, sign: int) -> None:
        for cell, counts in sheet.items():
            if (key := self._key(cell)) is not None:
                _add_to(self._counts.setdefault(key, Counter()), counts, sign)
                self.add_active(cell, counts.get(Figure.TURNS, 0) * sign)

    def _key(self, cell: Cell) -> int | str | None:
        query = self.query
        if not query.bounds[0] <= cell.quarter < query.bounds[-1]:
            return None
        wanted = ((query.bot_id, cell.bot_id), (query.entity_id, cell.entity_id), (query.model, cell.model))
        if any(asked is not None and asked != is_so for asked, is_so in wanted):
            return None
        match query.by:
            case Grouping.SPAN:
                return _span_of(query.bounds, cell.quarter)
            case Grouping.BOT:
                return cell.bot_id
            case Grouping.MODEL:
                return cell.model
            case Grouping.ENTITY:
                return cell.entity_id or None

    def entities(self) -> set[str]:
        """Return the entities that appear in it: some may be forgotten."""
        named = self._counts if self.query.by is Grouping.ENTITY else ()
        return {*map(str, named), *(entity_id for _, entity_id in self._active)}

    def result(self, known: Iterable[str]) -> Sequence[Tally]:
        """Return the sums that are not empty. Only entities that are ``known`` count as such."""
        known = set(known)
        active: Counter[int | str] = Counter()
        for (key, entity_id), turns in self._active.items():
            active[key] += turns > 0 and entity_id in known
        found = []
        for key, counts in self._counts.items():
            if self.query.by is Grouping.ENTITY and key not in known:
                continue
            if shown := {name: each for name, each in sorted(counts.items()) if each}:
                found.append(Tally(key=key, counts=shown, active_entities=active[key]))
        return sorted(found, key=lambda tally: tally.key)


def _add_to(total: Counter[str], counts: Counts, sign: int) -> None:
    for name, each in counts.items():
        total[name] += each * sign


def _span_of(bounds: Sequence[int], quarter: int) -> int:
    return bisect_right(bounds, quarter) - 1
