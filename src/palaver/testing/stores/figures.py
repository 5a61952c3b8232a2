"""What is counted of conversations: by marks, sheets and roll-ups, and always what a recount says."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from palaver.bot import Bot
from palaver.clock import from_micros
from palaver.conversation import (
    ContextUse,
    Conversation,
    ConversationStatus,
    EndReason,
    Role,
    TurnError,
    TurnStatus,
    Usage,
)
from palaver.entity import EntityType
from palaver.ids import new_id
from palaver.stores.base import Store
from palaver.stores.figures import QUARTER_MICROS, Figure, FiguresQuery, Grouping, Tally, UnfoundFilter, latency_class
from palaver.stores.orders import ConversationChange, Ending, EntityDraft, Outcome
from palaver.testing.clock import FakeClock
from palaver.testing.stores.making import (
    LEASE_SECONDS,
    OTHER,
    OWNER,
    TENANT,
    agree,
    answer_id_of,
    ask,
    claim_of,
    completed,
    exchange,
    make_bot,
    make_conversation,
    purge_all,
    running,
    stopped,
)
from palaver.testing.stores.messages import appended, edit, regenerate
from palaver.testing.stores.recount import recount

QUARTER_SECONDS = QUARTER_MICROS // 1_000_000
QUARTERS_A_DAY = 96


def now_of(clock: FakeClock) -> int:
    """Return the quarter of an hour that it is."""
    return clock.micros() // QUARTER_MICROS


def asked(clock: FakeClock, by: Grouping = Grouping.SPAN, **only: Any) -> FiguresQuery:
    """Ask for the day before and the hour to come."""
    now = now_of(clock)
    return FiguresQuery(bounds=(now - QUARTERS_A_DAY, now + 4), by=by, **only)


async def counted(store: Store, limit: int = 100) -> int:
    """Count until nothing is left to do; return in how many calls."""
    calls = 0
    while await store.count_figures(OWNER, LEASE_SECONDS, limit):
        calls += 1
    return calls


async def totals(store: Store, clock: FakeClock, **only: Any) -> dict[str, int]:
    """Return all that is counted of a tenant, after making sure that it is the same for those that were counted."""
    found = await store.figures(TENANT, asked(clock, **only))
    assert found == await recount(store, TENANT, asked(clock, **only))
    return dict(found[0].counts) if found else {}


async def all_agree(store: Store, clock: FakeClock, tenant_id: str = TENANT) -> None:
    """Assert that every way of asking is answered as a recount answers it."""
    now = now_of(clock)
    for by in Grouping:
        wanted = FiguresQuery(bounds=(now - QUARTERS_A_DAY, now - 4, now, now + 4), by=by)
        assert await store.figures(tenant_id, wanted) == await recount(store, tenant_id, wanted), by


class FigureConformance:
    async def test_a_turn_counts_once_it_has_ended(self, store: Store, clock: FakeClock) -> None:
        """A conversation counts from its begin, a turn with all its figures once it has ended, and then for good."""
        chat = await make_conversation(store)
        claim = await running(store, chat)
        assert await totals(store, clock) == {Figure.CONVERSATIONS: 1}
        clock.advance(2)
        first_token_at = from_micros(clock.micros())
        clock.advance(1)
        usage = Usage(input_tokens=12, output_tokens=3, cost_micro=2**40)
        end = completed(
            "Hello.",
            usage=usage,
            first_token_at=first_token_at,
            context=ContextUse(history_messages=0, chunks=0, tokens=9),
        )
        await store.finish_turn(claim, end, promote=None)
        expected = {
            Figure.CONVERSATIONS: 1,
            Figure.TURNS: 1,
            Figure.COMPLETED: 1,
            Figure.QUESTIONS: 1,
            Figure.ANSWERS: 1,
            Figure.INPUT_TOKENS: 12,
            Figure.OUTPUT_TOKENS: 3,
            Figure.COST_MICRO: 2**40,
            Figure.UNFOUND: 1,
            f"{Figure.RESPONSE}{latency_class(3_000_000)}": 1,
            Figure.RESPONSE_MICROS: 3_000_000,
            f"{Figure.FIRST_TOKEN}{latency_class(2_000_000)}": 1,
            Figure.FIRST_TOKEN_MICROS: 2_000_000,
        }
        assert await totals(store, clock) == expected
        await counted(store)
        assert await totals(store, clock) == expected

    async def test_ways_to_end(self, store: Store, clock: FakeClock) -> None:
        """Interrupted and failed turns are told apart; what was appended is a turn without a model, a time or a price."""
        chat = await make_conversation(store)
        await store.finish_turn(await running(store, chat), stopped("so"), promote=None)
        failure = Outcome(status=TurnStatus.FAILED, error=TurnError(code="provider_error", message="It failed."))
        await store.finish_turn(await running(store, chat), failure, promote=None)
        await store.append_messages(TENANT, chat.id, appended(chat, (Role.USER, "one"), (Role.ASSISTANT, "two")))
        found = await totals(store, clock)
        assert (found[Figure.INTERRUPTED], found[Figure.FAILED], found[Figure.COMPLETED]) == (1, 1, 1)
        assert (found[Figure.TURNS], found[Figure.UNPRICED], found[Figure.QUESTIONS]) == (3, 2, 3)
        assert Figure.RESPONSE_MICROS not in found

    async def test_ratings(self, store: Store, clock: FakeClock) -> None:
        """Ratings count as they are now: one that is changed or taken back is not counted as it was."""
        chat = await make_conversation(store)
        answer_id = answer_id_of((await exchange(store, chat)).turn)
        await store.rate_message(TENANT, answer_id, 2, "meh")
        await counted(store)
        assert (await totals(store, clock))["rated.2"] == 1
        await store.rate_message(TENANT, answer_id, 5, None)
        found = await totals(store, clock)
        assert (found["rated.5"], "rated.2" in found) == (1, False)
        await counted(store)
        assert (await totals(store, clock))["rated.5"] == 1
        await store.rate_message(TENANT, answer_id, None, None)
        await counted(store)
        assert "rated.5" not in await totals(store, clock)

    async def test_ends(self, store: Store, clock: FakeClock) -> None:
        """An end counts with its reason where it happened, the rating that it came with where the conversation began; a
        reopened one has not ended."""
        chat = await make_conversation(store)
        began = now_of(clock)
        clock.advance(2 * QUARTER_SECONDS)
        await store.end_conversation(TENANT, chat.id, Ending(reason=EndReason.BOT, rating=4))
        await counted(store)
        wanted = FiguresQuery(bounds=(began, began + 1, began + 3), by=Grouping.SPAN)
        assert await store.figures(TENANT, wanted) == [
            Tally(key=0, counts={"conversation_rated.4": 1, "conversations": 1}, active_entities=0),
            Tally(key=1, counts={"ended.bot": 1}, active_entities=0),
        ]
        await store.set_status(TENANT, chat.id, ConversationStatus.ACTIVE)
        assert await totals(store, clock) == {"conversation_rated.4": 1, "conversations": 1}

    async def test_deletes(self, store: Store, clock: FakeClock) -> None:
        """What is deleted does not count, what is restored does: a turn, a conversation, a bot."""
        bot = await make_bot(store)
        chat, other = await make_conversation(store, bot=bot), await make_conversation(store, bot=bot)
        turn = (await exchange(store, chat)).turn
        await exchange(store, other)
        await counted(store)
        await store.delete_turn(TENANT, answer_id_of(turn))
        found = await totals(store, clock)
        assert (found[Figure.CONVERSATIONS], found[Figure.TURNS]) == (2, 1)
        await store.delete_conversation(TENANT, other.id)
        assert await totals(store, clock) == {Figure.CONVERSATIONS: 1}
        await counted(store)
        assert await totals(store, clock) == {Figure.CONVERSATIONS: 1}
        await store.restore_conversation(TENANT, other.id)
        before = await totals(store, clock)
        await counted(store)
        for count in (True, False):
            await store.delete_bot(TENANT, bot.id)
            if count:
                await counted(store)
            assert await totals(store, clock) == {}
            await store.restore_bot(TENANT, bot.id)
            assert await totals(store, clock) == before

    async def test_shared_questions(self, store: Store, clock: FakeClock) -> None:
        """A question that several turns ask counts once, also when the turn that asked it first is deleted."""
        chat = await make_conversation(store)
        first = (await exchange(store, chat)).turn
        await regenerate(store, chat, first, "again")
        await edit(store, chat, first, "Hello edit", "word")
        found = await totals(store, clock)
        assert (found[Figure.TURNS], found[Figure.QUESTIONS], found[Figure.ANSWERS]) == (3, 2, 3)
        await counted(store)
        await store.delete_turn(TENANT, answer_id_of(first))
        found = await totals(store, clock)
        assert (found[Figure.TURNS], found[Figure.QUESTIONS], found[Figure.ANSWERS]) == (2, 2, 2)

    async def test_purge_leaves_nothing(self, store: Store, clock: FakeClock) -> None:
        """Once a conversation is purged nothing counts of it, counted or not, and nothing is left to count."""
        for count in (True, False):
            chat = await make_conversation(store, entity=EntityDraft(id=new_id("ent")))
            await exchange(store, chat)
            if count:
                await counted(store)
            await store.delete_bot(TENANT, chat.bot_id)
            clock.advance(1)
            await purge_all(store)
            assert await totals(store, clock) == {}
            assert await store.count_figures(OWNER, LEASE_SECONDS, 100) == 0
            assert await totals(store, clock) == {}

    async def test_entities(self, store: Store, clock: FakeClock) -> None:
        """An entity is active once in every stretch of time in which it had a turn; one that was forgotten is nobody."""
        bot, person = await make_bot(store), EntityDraft(id=new_id("ent"), type=EntityType.LEAD, external_id="1")
        chats = [await make_conversation(store, bot=bot, entity=person) for _ in range(2)]
        silent = await make_conversation(store, bot=bot, entity=EntityDraft(id=new_id("ent")))
        assert silent.entity is not None
        silent_id, nobody = silent.entity.id, await make_conversation(store, bot=bot)
        began = now_of(clock)
        for each in (*chats, nobody):
            await exchange(store, each)
        clock.advance(QUARTER_SECONDS)
        await exchange(store, chats[0])
        for _ in range(2):
            spans = await store.figures(TENANT, FiguresQuery(bounds=(began, began + 1, began + 2), by=Grouping.SPAN))
            assert [each.active_entities for each in spans] == [1, 1]
            (whole,) = await store.figures(TENANT, asked(clock))
            assert (whole.active_entities, whole.counts[Figure.TURNS]) == (1, 4)
            rows = {each.key: each.counts for each in await store.figures(TENANT, asked(clock, Grouping.ENTITY))}
            assert {key: counts.get(Figure.TURNS) for key, counts in rows.items()} == {
                person.id: 3,
                silent_id: None,
            }
            await all_agree(store, clock)
            assert (await totals(store, clock, entity_id=person.id))[Figure.TURNS] == 3
            await counted(store)
        await store.delete_entity(TENANT, person.id)
        for _ in range(2):
            (whole,) = await store.figures(TENANT, asked(clock))
            assert (whole.active_entities, whole.counts[Figure.TURNS]) == (0, 4)
            rows = {each.key: each.counts for each in await store.figures(TENANT, asked(clock, Grouping.ENTITY))}
            assert set(rows) == {silent_id}
            await counted(store)

    async def test_bots_and_models(self, store: Store, clock: FakeClock) -> None:
        """A turn counts for its own model, its conversation for the first one; each question keeps to what it names."""
        bots = [await make_bot(store, model=model) for model in ("scripted:a", "scripted:b")]
        chats = [await make_conversation(store, bot=bot) for bot in bots]
        await make_conversation(store, bot=bots[0])
        for chat, turns in zip(chats, (1, 2), strict=True):
            for _ in range(turns):
                await exchange(store, chat)
        for _ in range(2):
            by_model = {each.key: each.counts for each in await store.figures(TENANT, asked(clock, Grouping.MODEL))}
            assert by_model[""] == {Figure.CONVERSATIONS: 1}
            assert [by_model[bot.model][Figure.TURNS] for bot in bots] == [1, 2]
            by_bot = {each.key: each.counts for each in await store.figures(TENANT, asked(clock, Grouping.BOT))}
            assert [by_bot[bot.id][Figure.CONVERSATIONS] for bot in bots] == [2, 1]
            assert (await totals(store, clock, model="scripted:b"))[Figure.TURNS] == 2
            assert (await totals(store, clock, bot_id=bots[0].id))[Figure.TURNS] == 1
            assert await totals(store, clock, bot_id=bots[0].id, model="scripted:b") == {}
            await all_agree(store, clock)
            await counted(store)

    async def test_another_bot(self, store: Store, clock: FakeClock) -> None:
        """A conversation that is given to another bot counts for that one alone, whatever becomes of the first."""
        first, second = await make_bot(store), await make_bot(store)
        chat = await make_conversation(store, bot=first)
        await counted(store)
        await store.update_conversation(TENANT, chat.id, ConversationChange(bot_id=second.id))
        for _ in range(2):
            assert await totals(store, clock, bot_id=first.id) == {}
            assert await totals(store, clock, bot_id=second.id) == {Figure.CONVERSATIONS: 1}
            await all_agree(store, clock)
            await counted(store)
        await store.update_conversation(TENANT, chat.id, ConversationChange(bot_id=first.id))
        await store.delete_bot(TENANT, second.id)
        for _ in range(2):
            assert await totals(store, clock) == {Figure.CONVERSATIONS: 1}
            await counted(store)

    async def test_what_was_not_found_is_listed(self, store: Store, clock: FakeClock) -> None:
        """Turns whose model was given no passage come by when they were asked, the last first, and are as many as are counted:
        not what found something, failed, runs or was appended, nor what is deleted or of another time, bot, model or tenant."""
        bots = [await make_bot(store, model=model) for model in ("scripted:a", "scripted:b")]
        chats = [await make_conversation(store, bot=bot) for bot in bots]
        began = now_of(clock)
        turns: list[str] = []
        for chunks in (0, 0, 1, None, 0):
            turns += [await _given(store, chat, chunks) for chat in chats]
            clock.advance(QUARTER_SECONDS)
        failure = Outcome(status=TurnStatus.FAILED, error=TurnError(code="provider_error", message="It failed."))
        await store.finish_turn(await running(store, chats[0]), failure, promote=None)
        await store.append_messages(
            TENANT, chats[0].id, appended(chats[0], (Role.USER, "one"), (Role.ASSISTANT, "two"))
        )
        foreign = await make_conversation(store, tenant_id=OTHER)
        await _given(store, foreign, 0, tenant_id=OTHER)
        await running(store, chats[0])

        async def listed(first: int = 0, last: int = 9, **only: Any) -> list[int]:
            bounds = (began + first, began + last)
            wanted = UnfoundFilter(first=bounds[0], last=bounds[1], **only)
            found = await agree(lambda window: store.page_unfound(TENANT, wanted, window), lambda turn: turn.id)
            told = await store.figures(TENANT, FiguresQuery(bounds=bounds, by=Grouping.SPAN, **only))
            assert len(found) == sum(each.counts.get(Figure.UNFOUND, 0) for each in told)
            return [turns.index(str(each)) for each in found]

        assert await listed() == [9, 8, 3, 2, 1, 0]
        assert await listed(0, 1) == [1, 0]
        assert await listed(1, 4) == [3, 2]
        assert await listed(2, 4) == []
        assert await listed(bot_id=bots[1].id) == [9, 3, 1]
        assert await listed(bot_id=bots[1].id, model="scripted:a") == []
        assert await listed(model="scripted:a") == [8, 2, 0]
        await store.delete_turn(TENANT, answer_id_of(await store.get_turn(TENANT, turns[3])))
        await store.delete_conversation(TENANT, chats[0].id)
        assert await listed() == [9, 1]
        await store.restore_conversation(TENANT, chats[0].id)
        assert await listed() == [9, 8, 2, 1, 0]
        await store.delete_bot(TENANT, bots[0].id)
        assert await listed() == [9, 1]

    async def test_spans_are_half_open(self, store: Store, clock: FakeClock) -> None:
        """A span holds its first quarter and not its last bound; nothing outside of all spans is told."""
        chat = await make_conversation(store)
        began = now_of(clock)
        clock.advance(QUARTER_SECONDS)
        await exchange(store, chat)
        for _ in range(2):
            for bounds, expected in (
                ((began, began + 1), [(0, None)]),
                ((began + 1, began + 2), [(0, 1)]),
                ((began - 9, began, began + 1, began + 5, began + 9), [(1, None), (2, 1)]),
                ((began + 2, began + 9), []),
                ((began - 9, began), []),
            ):
                found = await store.figures(TENANT, FiguresQuery(bounds=bounds, by=Grouping.SPAN))
                assert [(each.key, each.counts.get(Figure.TURNS)) for each in found] == expected
            await counted(store)

    async def test_tenants(self, store: Store, clock: FakeClock) -> None:
        """A tenant's figures are its own, whatever it names."""
        await store.ensure_tenant(OTHER)
        foreign = await make_conversation(store, tenant_id=OTHER, entity=EntityDraft(id=new_id("ent")))
        assert foreign.entity is not None
        for _ in range(2):
            assert await store.figures(TENANT, asked(clock)) == []
            assert await store.figures(TENANT, asked(clock, bot_id=foreign.bot_id)) == []
            assert await store.figures(TENANT, asked(clock, entity_id=foreign.entity.id)) == []
            (found,) = await store.figures(OTHER, asked(clock))
            assert found.counts == {Figure.CONVERSATIONS: 1}
            await counted(store)

    async def test_one_counts_at_a_time(self, store: Store, clock: FakeClock) -> None:
        """While an owner's lease holds no other counts; when it has run out any does. Each call counts up to its limit."""
        bot = await make_bot(store)
        for _ in range(3):
            await make_conversation(store, bot=bot)
        assert await store.count_figures(OWNER, LEASE_SECONDS, 1) == 1
        assert await store.count_figures("worker-2", LEASE_SECONDS, 1) == 0
        assert await store.count_figures(OWNER, LEASE_SECONDS, 1) == 1
        clock.advance(LEASE_SECONDS + 1)
        assert await store.count_figures("worker-2", LEASE_SECONDS, 5) == 1
        assert await store.count_figures("worker-2", LEASE_SECONDS, 5) == 0
        assert await totals(store, clock) == {Figure.CONVERSATIONS: 3}

    async def test_counting_half(self, store: Store, clock: FakeClock) -> None:
        """However much of what has happened is counted, the answer is the same."""
        bot = await make_bot(store)
        chats = await _busy(store, clock, bot)
        for _ in range(len(chats) + 1):
            await all_agree(store, clock)
            await store.count_figures(OWNER, LEASE_SECONDS, 1)
        await exchange(store, chats[0])
        await store.rate_message(TENANT, answer_id_of((await exchange(store, chats[1])).turn), 3, None)
        await all_agree(store, clock)


async def _given(store: Store, chat: Conversation, chunks: int | None, tenant_id: str = TENANT) -> str:
    """Have a question answered whose model was given so many passages (None: nothing at all); return the turn's id."""
    context = None if chunks is None else ContextUse(history_messages=0, chunks=chunks, tokens=9)
    claim = claim_of(await store.begin_turn(tenant_id, ask(chat)))
    return (await store.finish_turn(claim, completed("Hello.", context=context), promote=None)).turn.id


async def _busy(store: Store, clock: FakeClock, bot: Bot) -> Sequence[Conversation]:
    chats = [await make_conversation(store, bot=bot, entity=EntityDraft(id=new_id("ent"))) for _ in range(4)]
    for number, chat in enumerate(chats):
        for _ in range(number + 1):
            await exchange(store, chat)
            clock.advance(timedelta(minutes=7).total_seconds())
    return chats
