"""What is made of figures: days of every time zone, quantiles with a bound, prices of a day, topics, and a table without formulas."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from statistics import fmean
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from palaver.analytics.conversation import ConversationReader
from palaver.analytics.days import begin_of_day, days_between, moment_of, quarter_of
from palaver.analytics.report import Question, Reports
from palaver.analytics.spread import ratings_of, spread_of_classes, spread_of_times
from palaver.analytics.table import COLUMNS, figures_csv
from palaver.analytics.topics import Topics
from palaver.clock import to_micros
from palaver.conversation import TurnError, TurnStatus, Usage
from palaver.errors import InvalidInput
from palaver.figures import By, Figures, FiguresReport, FiguresRow
from palaver.prices import Price, PriceTable
from palaver.stores.figures import latency_class
from palaver.stores.orders import Ending, EntityDraft, Outcome
from palaver.stores.sqlite import SqliteStore
from palaver.testing import FakeClock
from palaver.testing.stores.figures import counted
from palaver.testing.stores.making import (
    TENANT,
    answer_id_of,
    completed,
    exchange,
    make_bot,
    make_conversation,
    running,
    stopped,
)

BERLIN = ZoneInfo("Europe/Berlin")
ERROR = 0.045


def set_to(clock: FakeClock, moment: datetime) -> None:
    """Move a clock to a moment."""
    clock.advance((to_micros(moment) - clock.micros()) / 1_000_000)


@pytest.mark.parametrize(
    ("zone", "day", "begins", "hours"),
    [
        ("UTC", "2026-03-29", "2026-03-29T00:00+00:00", 24),
        ("Europe/Berlin", "2026-03-29", "2026-03-28T23:00+00:00", 23),
        ("Europe/Berlin", "2026-10-25", "2026-10-24T22:00+00:00", 25),
        ("America/New_York", "2026-03-08", "2026-03-08T05:00+00:00", 23),
        ("America/New_York", "2026-11-01", "2026-11-01T04:00+00:00", 25),
        ("Australia/Lord_Howe", "2026-04-05", "2026-04-04T13:00+00:00", 24.5),
        ("Asia/Kathmandu", "2026-03-29", "2026-03-28T18:15+00:00", 24),
        ("America/Sao_Paulo", "2018-11-04", "2018-11-04T03:00+00:00", 23),  # its clocks skipped midnight
        ("America/Havana", "2026-11-01", "2026-11-01T04:00+00:00", 25),  # its clocks show midnight twice
        ("Pacific/Apia", "2011-12-31", "2011-12-30T10:00+00:00", 24),  # the day before did not happen there
    ],
)
def test_a_day_is_that_of_its_clocks(zone: str, day: str, begins: str, hours: float) -> None:
    """A day begins when the clocks of its zone say so first, and lasts 23, 24 or 25 hours, or what else they make of it."""
    where, when = ZoneInfo(zone), date.fromisoformat(day)
    begin, end = begin_of_day(when, where), begin_of_day(when + timedelta(days=1), where)
    assert moment_of(begin) == datetime.fromisoformat(begins)
    assert end - begin == hours * 4


@settings(max_examples=200, deadline=None)
@given(
    zone=st.sampled_from(sorted(available_timezones())),
    first=st.datetimes(datetime(2015, 1, 1), datetime(2035, 1, 1)),
    length=st.integers(1, 4000),
)
def test_days_are_whole_and_next_to_each_other(zone: str, first: datetime, length: int) -> None:
    """In every zone the days of a stretch of time cover it without a gap, and each holds the moments of its date alone."""
    where, begin = ZoneInfo(zone), quarter_of(first.replace(tzinfo=UTC))
    days = days_between(begin, begin + length, where)
    begins = [*days.values(), begin + length]
    assert begins[0] == begin
    for day, (start, end) in zip(days, pairwise(begins), strict=True):
        if start < end:  # a day may not happen at all
            assert {moment_of(each).astimezone(where).date().isoformat() for each in (start, end - 1)} == {day}


async def _hourly(clock: FakeClock, store: SqliteStore, first: datetime, hours: int) -> None:
    set_to(clock, first)
    chat = await make_conversation(store, entity=EntityDraft(id="ent_" + "0" * 32))
    for _ in range(hours):
        await exchange(store, chat)
        clock.advance(3600)


@pytest.mark.parametrize(
    ("first", "turns"),
    [(datetime(2026, 3, 28, tzinfo=BERLIN), [24, 23, 24]), (datetime(2026, 10, 24, tzinfo=BERLIN), [24, 25, 24])],
)
async def test_days_when_clocks_change(first: datetime, turns: list[int]) -> None:
    """With a turn an hour the day on which clocks go forward has 23 and that on which they go back has 25, counted or not."""
    clock = FakeClock()
    store = SqliteStore(":memory:", clock=clock)
    await store.open()
    try:
        await _hourly(clock, store, first.astimezone(UTC), sum(turns))
        question = Question(
            by=By.DAY, from_=first.astimezone(UTC), to=first.astimezone(UTC) + timedelta(hours=sum(turns)), zone=BERLIN
        )
        for _ in range(2):
            report = await Reports(store, clock).make(TENANT, question)
            assert [row.figures.turns for row in report.rows] == turns
            assert [row.figures.active_entities for row in report.rows] == [1, 1, 1]
            assert (report.total.turns, report.total.active_entities) == (sum(turns), 1)
            await counted(store)
        today = await Reports(store, clock).make(TENANT, Question(zone=BERLIN))
        assert [row.figures.turns for row in today.rows[-4:]] == [*turns, 0]
        assert len(today.rows) == 30
    finally:
        await store.close()


async def test_time_has_bounds() -> None:
    """A report of no time, or of more than 400 days, is refused before anything is read."""
    clock = FakeClock()
    store = SqliteStore(":memory:", clock=clock)
    await store.open()
    try:
        now = datetime(2026, 1, 1, tzinfo=UTC)
        for from_, to in ((now, now), (now, now - timedelta(days=1)), (now - timedelta(days=402), now)):
            with pytest.raises(InvalidInput) as refused:
                await Reports(store, clock).make(TENANT, Question(zone=BERLIN, from_=from_, to=to))
            assert refused.value.code == "invalid_filter"
        report = await Reports(store, clock).make(
            TENANT, Question(zone=BERLIN, from_=now + timedelta(minutes=1), to=now + timedelta(minutes=2))
        )
        assert (report.from_at, report.to_at) == (now, now + timedelta(minutes=15))
    finally:
        await store.close()


def _classes(times: Iterable[float]) -> dict[str, int]:
    found: dict[str, int] = {}
    for time in times:
        name = str(latency_class(round(time * 1_000_000)))
        found[name] = found.get(name, 0) + 1
    return found


@given(st.lists(st.floats(0.0012, 3600), min_size=1, max_size=200))
def test_quantiles_keep_their_bound(times: list[float]) -> None:
    """Median and p95 from the histogram are off by at most 4.5 % from times that are there; the mean is exact."""
    exact = spread_of_times(times)
    found = spread_of_classes(_classes(times), round(sum(times) * 1_000_000))
    ranked = sorted(times)
    lower_median = ranked[(len(ranked) + 1) // 2 - 1]
    assert (found.count, found.mean) == (len(times), pytest.approx(fmean(times), rel=1e-3))
    assert found.median == pytest.approx(lower_median, rel=ERROR)
    assert found.p95 == pytest.approx(exact.p95, rel=ERROR)


def test_p95_is_a_time_that_was() -> None:
    """p95 is the smallest time that 95 % did not exceed; with few it is the longest."""
    assert spread_of_times([float(each) for each in range(1, 101)]).p95 == 95
    assert spread_of_times([1.0, 9.0]).p95 == 9
    assert spread_of_times([]).median is None
    assert spread_of_classes({}, 0).p95 is None


def test_ratings_average() -> None:
    """Ratings are averaged by how many there are of each."""
    found = ratings_of({"5": 3, "1": 1})
    assert (found.count, found.average, found.counts["2"]) == (4, 4.0, 0)
    assert ratings_of({}).average is None


def test_prices_are_dated() -> None:
    """A turn costs what its model cost that day, in whole millionths; without a price, or tokens, nobody knows."""
    table = PriceTable(
        {
            "openai:small": [
                Price(since=date(2026, 1, 1), input=150_000, output=600_000),
                Price(since=date(2025, 1, 1), input=300_000, output=1_200_000),
            ]
        }
    )
    usage = Usage(input_tokens=1_001, output_tokens=10)
    assert table.cost_micro("openai:small", date(2026, 1, 1), usage) == 156  # 150.15 + 6
    assert table.cost_micro("openai:small", date(2025, 12, 31), usage) == 312
    assert table.cost_micro("openai:small", date(2024, 12, 31), usage) is None
    assert table.cost_micro("openai:large", date(2026, 1, 1), usage) is None
    assert table.cost_micro("openai:small", date(2026, 1, 1), Usage()) is None
    large = Usage(input_tokens=2**53, output_tokens=0)
    assert table.cost_micro("openai:small", date(2026, 1, 1), large) == (2**53 * 150_000 + 500_000) // 1_000_000


def test_topics_are_what_most_messages_hold() -> None:
    """Words and pairs are counted by messages; common words are none; a word that only stands in a pair is told by it."""
    topics = Topics()
    for text in (
        "What is the refund policy for shoes?",
        "Our refund policy: shoes can be sent back. Shoes, shoes, shoes!",
        "Wie lange dauert die Rückerstattung für Schuhe? 14 Tage.",
    ):
        topics.add(text)
    found = {topic.term: topic.count for topic in topics.best()}
    assert found["refund policy"] == 2
    assert found["shoes"] == 2
    assert not {"refund", "policy", "What", "the", "die", "für", "14"} & set(found)
    assert topics.best(1)[0].term == "refund policy"
    assert Topics().best() == ()


def test_a_table_has_no_formulas() -> None:
    """A name that a spreadsheet would run is text in the table; every row has all columns."""
    row = FiguresRow(key="bot_1", name="=HYPERLINK(1)", figures=Figures(turns=3))
    report = FiguresReport(
        from_at=datetime(2026, 1, 1, tzinfo=UTC),
        to_at=datetime(2026, 1, 2, tzinfo=UTC),
        timezone="UTC",
        by=By.BOT,
        total=Figures(turns=3),
        rows=(row,),
    )
    lines = b"".join(figures_csv(report)).decode().split("\r\n")
    assert lines[1].startswith('"bot_1","\'=HYPERLINK(1)","0","3"')
    assert [line.count('","') for line in lines[:2]] == [len(COLUMNS) - 1] * 2
    total = FiguresReport(from_at=report.from_at, to_at=report.to_at, timezone="UTC", by=By.TOTAL, total=report.total)
    assert b"".join(figures_csv(total)).decode().split("\r\n")[1].startswith('"total","","0","3"')


async def test_one_conversation() -> None:
    """Of one conversation all is exact: its messages, how it went, how well, what it cost."""
    clock = FakeClock()
    store = SqliteStore(":memory:", clock=clock)
    await store.open()
    try:
        chat = await make_conversation(store, bot=await make_bot(store))
        clock.advance(10)
        for seconds in (2, 4):
            claim = await running(store, chat, "Refund?")
            clock.advance(seconds)
            begun = {"first_token_at": claim.turn.created_at + timedelta(seconds=1)} if seconds == 4 else {}
            usage = Usage(input_tokens=10, output_tokens=seconds, cost_micro=5)
            await store.finish_turn(claim, completed("Refunds: yes.", usage=usage, **begun), promote=None)
            clock.advance(60 * seconds)
        claim = await running(store, chat, "More?")
        turn = (await store.finish_turn(claim, stopped("so"), promote=None)).turn
        claim = await running(store, chat, "Why?")
        error = TurnError(code="provider_error", message="The model failed.")
        await store.finish_turn(claim, Outcome(status=TurnStatus.FAILED, error=error), promote=None)
        await store.rate_message(TENANT, answer_id_of(turn), 2, None)
        await store.end_conversation(TENANT, chat.id, Ending(rating=4))
        found = await ConversationReader(store).read(TENANT, chat.id)
        assert (found.messages.total, found.messages.user, found.messages.assistant) == (8, 4, 4)
        assert found.messages.average_user_length == pytest.approx((7 + 7 + 5 + 4) / 4)
        assert found.flow.turns == 4
        assert found.flow.duration_seconds == 10 + 2 + 120 + 4 + 240
        assert (found.flow.response_seconds.median, found.flow.response_seconds.p95) == (3, 4)
        assert found.flow.longest_pause_seconds == 240
        assert (found.flow.first_token_seconds.count, found.flow.first_token_seconds.median) == (1, 1)
        assert (found.quality.rating, found.quality.message_ratings.average) == (4, 2.0)
        assert (found.quality.completed, found.quality.interrupted, found.quality.failed) == (2, 1, 1)
        assert (found.input_tokens, found.output_tokens, found.cost_micro, found.unpriced_turns) == (20, 6, 10, 2)
        assert "Refunds" in [topic.term for topic in found.topics]
    finally:
        await store.close()
