"""What many conversations come to, from the roll-ups: days of a time zone, quantiles, averages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from palaver.analytics.days import begin_of_day, days_between, moment_of, quarter_of
from palaver.analytics.spread import ratings_of, spread_of_classes
from palaver.clock import Clock, SystemClock, from_micros
from palaver.conversation import EndReason
from palaver.errors import InvalidInput, NotFound
from palaver.figures import By, Figures, FiguresReport, FiguresRow
from palaver.stores.base import Store
from palaver.stores.figures import Counts, Figure, FiguresQuery, Grouping, Tally

DAYS = 30
"""How many days a report tells of when it is not said: today and those before it."""
DAYS_MAX = 400
_QUARTERS_A_DAY = 96
_GROUPINGS: Mapping[By, Grouping] = {
    By.DAY: Grouping.SPAN,
    By.TOTAL: Grouping.SPAN,
    By.BOT: Grouping.BOT,
    By.ENTITY: Grouping.ENTITY,
    By.MODEL: Grouping.MODEL,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What a report is to tell. ``from_`` and ``to`` are widened to quarters of an hour; ``limit`` is not for days."""

    by: By = By.DAY
    from_: datetime | None = None
    to: datetime | None = None
    zone: ZoneInfo
    bot_id: str | None = None
    entity_id: str | None = None
    model: str | None = None
    limit: int = 50


class Reports:
    """Tells what a tenant's conversations come to."""

    def __init__(self, store: Store, clock: Clock | None = None) -> None:
        self._store = store
        self._clock = clock or SystemClock()

    async def make(self, tenant_id: str, asked: Question) -> FiguresReport:
        """Return the figures of some time.

        Raises:
            NotFound: For the bot or the entity.
            InvalidInput: ``invalid_filter``: the time is empty, or longer than 400 days.
        """
        if asked.bot_id is not None:
            await self._store.get_bot(tenant_id, asked.bot_id)
        if asked.entity_id is not None:
            await self._store.get_entity(tenant_id, asked.entity_id)
        first, last = span_of(asked, self._clock)
        days = days_between(first, last, asked.zone) if asked.by is By.DAY else {}
        bounds = [*days.values(), last] if days else [first, last]
        tallies = await self._store.figures(tenant_id, _query(asked, bounds, _GROUPINGS[asked.by]))
        whole = tallies
        if asked.by is not By.TOTAL:
            whole = await self._store.figures(tenant_id, _query(asked, [first, last], Grouping.SPAN))
        rows = _day_rows(days, tallies) if asked.by is By.DAY else _rows(asked.by, tallies)
        shown = rows if asked.by is By.DAY else rows[: asked.limit]
        return FiguresReport(
            from_at=moment_of(first),
            to_at=moment_of(last),
            timezone=asked.zone.key,
            by=asked.by,
            total=_figures_of(whole[0]) if whole else Figures(),
            rows=tuple([await self._named(tenant_id, asked.by, row) for row in shown]),
            more=len(rows) - len(shown),
        )

    async def _named(self, tenant_id: str, by: By, row: FiguresRow) -> FiguresRow:
        try:
            match by:
                case By.BOT:
                    return replace(row, name=(await self._store.get_bot(tenant_id, row.key)).name)
                case By.ENTITY:
                    entity = await self._store.get_entity(tenant_id, row.key)
                    return replace(row, name=entity.name or entity.external_id)
                case _:
                    return row
        except NotFound:  # it was deleted just now
            return row


def span_of(asked: Question, clock: Clock) -> tuple[int, int]:
    """Return the quarters in which what is asked for begins and has ended. Raises ``InvalidInput``."""
    today = from_micros(clock.micros()).astimezone(asked.zone).date()
    to = quarter_of(asked.to, up=True) if asked.to else begin_of_day(today + timedelta(days=1), asked.zone)
    if asked.from_ is not None:
        first = quarter_of(asked.from_)
    else:
        last_day = moment_of(to - 1).astimezone(asked.zone).date()
        first = begin_of_day(last_day - timedelta(days=DAYS - 1), asked.zone)
    if not first < to:
        raise InvalidInput("from comes before to.", code="invalid_filter")
    if to - first > (DAYS_MAX + 1) * _QUARTERS_A_DAY:
        raise InvalidInput(f"At most {DAYS_MAX} days.", code="invalid_filter")
    return first, to


def _query(asked: Question, bounds: Sequence[int], by: Grouping) -> FiguresQuery:
    return FiguresQuery(bounds=bounds, by=by, bot_id=asked.bot_id, entity_id=asked.entity_id, model=asked.model)


def _day_rows(days: Mapping[str, int], tallies: Sequence[Tally]) -> Sequence[FiguresRow]:
    known = {tally.key: _figures_of(tally) for tally in tallies}
    return [FiguresRow(key=day, figures=known.get(number, Figures())) for number, day in enumerate(days)]


def _rows(by: By, tallies: Sequence[Tally]) -> Sequence[FiguresRow]:
    if by is By.TOTAL:
        return ()
    rows = [FiguresRow(key=str(tally.key), figures=_figures_of(tally)) for tally in tallies]
    return sorted(rows, key=lambda row: (-row.figures.turns, -row.figures.conversations, row.key))


def _figures_of(tally: Tally) -> Figures:
    counts = tally.counts
    return Figures(
        conversations=counts.get(Figure.CONVERSATIONS, 0),
        turns=counts.get(Figure.TURNS, 0),
        active_entities=tally.active_entities,
        questions=counts.get(Figure.QUESTIONS, 0),
        answers=counts.get(Figure.ANSWERS, 0),
        completed=counts.get(Figure.COMPLETED, 0),
        interrupted=counts.get(Figure.INTERRUPTED, 0),
        failed=counts.get(Figure.FAILED, 0),
        unfound=counts.get(Figure.UNFOUND, 0),
        message_ratings=ratings_of(_under(counts, Figure.RATED)),
        conversation_ratings=ratings_of(_under(counts, Figure.CONVERSATION_RATED)),
        response_seconds=spread_of_classes(_under(counts, Figure.RESPONSE), counts.get(Figure.RESPONSE_MICROS, 0)),
        first_token_seconds=spread_of_classes(
            _under(counts, Figure.FIRST_TOKEN), counts.get(Figure.FIRST_TOKEN_MICROS, 0)
        ),
        input_tokens=counts.get(Figure.INPUT_TOKENS, 0),
        output_tokens=counts.get(Figure.OUTPUT_TOKENS, 0),
        cost_micro=counts.get(Figure.COST_MICRO, 0),
        unpriced_turns=counts.get(Figure.UNPRICED, 0),
        end_reasons={reason.value: _under(counts, Figure.ENDED).get(reason.value, 0) for reason in EndReason},
    )


def _under(counts: Counts, heading: str) -> Counts:
    return {name.removeprefix(heading): each for name, each in counts.items() if name.startswith(heading)}
