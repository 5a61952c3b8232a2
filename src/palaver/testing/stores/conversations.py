"""Conversations and their listings: ``ConversationRows``."""

from __future__ import annotations

from typing import Any

import pytest

from palaver.clock import from_micros
from palaver.conversation import ConversationStatus, Kind
from palaver.entity import EntityType
from palaver.errors import Conflict, InvalidInput, KeyReused, NotFound, VersionConflict
from palaver.ids import child_id, new_id
from palaver.page import Order, Window
from palaver.stores.base import Store
from palaver.stores.orders import (
    Continue,
    ConversationChange,
    ConversationDraft,
    ConversationFilter,
    ConversationSort,
    Ending,
    EntityDraft,
    Question,
)
from palaver.testing.clock import FakeClock
from palaver.testing.stores.bots import METADATA
from palaver.testing.stores.knowing import known
from palaver.testing.stores.making import (
    OTHER,
    TENANT,
    agree,
    ask,
    exchange,
    make_bot,
    make_conversation,
    once,
    running,
    text,
)


async def listed(store: Store, wanted: ConversationFilter, tenant_id: str = TENANT) -> list[object]:
    """Return the ids that a filter finds."""
    return await agree(lambda window: store.page_conversations(tenant_id, wanted, window), lambda each: each.id)


class ConversationConformance:
    """Conversations: create, read, edit."""

    async def test_a_conversation_comes_back_as_it_was_made(self, store: Store, clock: FakeClock) -> None:
        """Every field of a draft is kept; it begins active, empty and now."""
        bot = await make_bot(store)
        entity = EntityDraft(id=new_id("ent"), type=EntityType.LEAD, name="Zoë")
        draft = ConversationDraft(
            id=new_id("conv"),
            bot_id=bot.id,
            kind=Kind.VISION,
            title="Über uns",
            entity=entity,
            external_id="x/1",
            metadata=METADATA,
        )
        made = (await store.create_conversation(TENANT, draft)).value
        for name in ("id", "bot_id", "kind", "title", "external_id", "metadata"):
            assert getattr(made, name) == getattr(draft, name)
        assert made.entity == await store.get_entity(TENANT, entity.id)
        now = from_micros(clock.micros())
        assert (made.status, made.started_at, made.last_activity_at) == (ConversationStatus.ACTIVE, now, now)
        assert (made.message_count, made.turn_count, made.head_turn_id, made.running_turn_id) == (0, 0, None, None)
        assert await store.get_conversation(TENANT, made.id) == made

    async def test_an_entity_is_found_or_made(self, store: Store) -> None:
        """A draft with an external id is one entity for all its conversations; one without is a new one each time."""
        bot = await make_bot(store)
        for external_id, count in (("x", 1), (None, 2)):
            drafts = [EntityDraft(id=new_id("ent"), external_id=external_id) for _ in range(2)]
            made = [await make_conversation(store, bot=bot, entity=draft) for draft in drafts]
            assert len({each.entity and each.entity.id for each in made}) == count
        known = await make_conversation(store, bot=bot, entity=drafts[0].id)
        assert known.entity == made[0].entity

    async def test_an_unknown_bot_or_entity_is_not_found(self, store: Store) -> None:
        """A conversation with a bot or entity that is unknown, deleted or another tenant's is not made."""
        bot, foreign, gone = await make_bot(store), await make_bot(store, tenant_id=OTHER), await make_bot(store)
        await store.delete_bot(TENANT, gone.id)
        for bot_id in (foreign.id, gone.id, new_id("bot")):
            with pytest.raises(NotFound):
                await store.create_conversation(TENANT, ConversationDraft(id=new_id("conv"), bot_id=bot_id))
        draft = ConversationDraft(id=new_id("conv"), bot_id=bot.id, entity=new_id("ent"))
        with pytest.raises(NotFound):
            await store.create_conversation(TENANT, draft)
        assert await listed(store, ConversationFilter()) == []

    async def test_a_key_makes_one_conversation(self, store: Store) -> None:
        """The same key again returns what it made, as it is now; with another body it is refused."""
        bot = await make_bot(store)

        async def create(body: str) -> Any:
            draft = ConversationDraft(id=new_id("conv"), bot_id=bot.id, title=body)
            return await store.create_conversation(TENANT, draft, once(body, "k"))

        first = await create("a")
        again = await create("a")
        assert (again.value, again.replayed) == (first.value, True)
        with pytest.raises(KeyReused):
            await create("b")

    async def test_an_edit_of_a_conversation_changes_what_it_names(self, store: Store) -> None:
        """Fields that are not named stay, None clears, metadata is merged one level deep, the version grows."""
        made = await make_conversation(store, title="a", external_id="b", metadata={"x": {"y": 1}, "z": 2})
        change = ConversationChange(external_id=None, metadata={"x": {"w": 1}, "z": None})
        edited = await store.update_conversation(TENANT, made.id, change, if_version=1)
        assert (edited.title, edited.external_id, edited.metadata) == ("a", None, {"x": {"w": 1}})
        assert edited.version == made.version + 1
        with pytest.raises(VersionConflict):
            await store.update_conversation(TENANT, made.id, ConversationChange(title="c"), if_version=1)
        assert await store.get_conversation(TENANT, made.id) == edited

    async def test_a_conversation_is_given_to_another_bot_while_nobody_has_spoken(self, store: Store) -> None:
        """It is then listed and answered as that bot's; once somebody has spoken it stays. What is no bot of the tenant's is not found."""
        made = await make_conversation(store)
        other, foreign, gone = await make_bot(store), await make_bot(store, tenant_id=OTHER), await make_bot(store)
        await store.delete_bot(TENANT, gone.id)
        for bot_id in (foreign.id, gone.id, new_id("bot")):
            with pytest.raises(NotFound):
                await store.update_conversation(TENANT, made.id, ConversationChange(bot_id=bot_id))
        given = await store.update_conversation(TENANT, made.id, ConversationChange(bot_id=other.id))
        assert (given.bot_id, given.version) == (other.id, made.version + 1)
        assert await store.get_conversation(TENANT, made.id) == given
        assert await listed(store, ConversationFilter(bot_id=made.bot_id)) == []
        assert await listed(store, ConversationFilter(bot_id=other.id)) == [made.id]
        assert (await running(store, made)).bot.id == other.id
        for bot_id in (made.bot_id, other.id):
            change = store.update_conversation(TENANT, made.id, ConversationChange(bot_id=bot_id))
            if bot_id == other.id:
                assert (await change).bot_id == other.id
            else:
                with pytest.raises(Conflict):
                    await change
        with pytest.raises(NotFound):
            await store.update_conversation(TENANT, made.id, ConversationChange(bot_id=foreign.id))

    async def test_a_conversation_is_answered_from_what_its_bot_of_now_knows(self, store: Store) -> None:
        """A process that remembers the bot of before does not go by it."""
        knowing, other = await make_bot(store), await make_bot(store)
        await known(store, knowing, "What only the first one knows.")
        made = await make_conversation(store, bot=knowing)
        question = Question(message_id=child_id("msg", made.id), parts=text("Hello?"))
        nowhere = Continue(question=question, parent_id=child_id("turn", made.id))
        with pytest.raises(InvalidInput):
            await store.begin_turn(TENANT, ask(made, opening=nowhere))
        await store.update_conversation(TENANT, made.id, ConversationChange(bot_id=other.id))
        claim = await running(store, made)
        assert (claim.bot.id, claim.index.revision) == (other.id, 0)

    async def test_a_turn_does_not_bump_the_version(self, store: Store) -> None:
        """The version grows with edits, status and head only."""
        made = await make_conversation(store)
        await exchange(store, made)
        assert (await store.get_conversation(TENANT, made.id)).version == made.version

    async def test_a_foreign_conversation_is_not_found(self, store: Store) -> None:
        """Another tenant's conversation answers like an unknown one, to every call."""
        made = await make_conversation(store)
        done = await exchange(store, made)
        for conversation_id in (made.id, new_id("conv")):
            for call in (
                store.get_conversation(OTHER, conversation_id),
                store.update_conversation(OTHER, conversation_id, ConversationChange(title="x")),
                store.end_conversation(OTHER, conversation_id, Ending()),
                store.set_status(OTHER, conversation_id, ConversationStatus.ARCHIVED),
                store.delete_conversation(OTHER, conversation_id),
                store.restore_conversation(OTHER, conversation_id),
                store.set_head(OTHER, conversation_id, done.turn.id),
                store.branches(OTHER, conversation_id),
                store.page_messages(OTHER, conversation_id, Window()),
                store.append_messages(OTHER, conversation_id, []),
            ):
                with pytest.raises(NotFound):
                    await call


class ListingConformance:
    """Listings of conversations."""

    @pytest.mark.parametrize("order", list(Order))
    @pytest.mark.parametrize("sort", list(ConversationSort))
    async def test_every_order_is_total(
        self, store: Store, clock: FakeClock, sort: ConversationSort, order: Order
    ) -> None:
        """Each sort, either way, reads the same with every page size, ties included; unrated ones come last."""
        bot = await make_bot(store)
        made = []
        for number in range(16):
            conversation = await make_conversation(store, bot=bot)
            if number % 3 == 0:
                await exchange(store, conversation)
            if number % 2 == 0:
                await store.end_conversation(TENANT, conversation.id, Ending(rating=number % 5 + 1))
            clock.advance(number % 2)
            made.append(await store.get_conversation(TENANT, conversation.id))
        found = await listed(store, ConversationFilter(sort=sort, order=order))
        field = {"created_at": "started_at"}.get(sort, str(sort))
        rated = [each for each in made if sort is not ConversationSort.RATING or each.rating is not None]
        unrated = [each for each in made if each not in rated]
        descending = order is Order.DESC
        places = {each.id: place for place, each in enumerate(made)}
        for group in (rated, unrated):
            group.sort(key=lambda each: (getattr(each, field) or 0, places[each.id]), reverse=descending)
        assert found == [each.id for each in rated + unrated]

    async def test_a_conversation_with_news_comes_first(self, store: Store, clock: FakeClock) -> None:
        """The default order is by last activity, newest first."""
        first, second = await make_conversation(store), await make_conversation(store)
        clock.advance(1)
        await exchange(store, first)
        assert await listed(store, ConversationFilter()) == [first.id, second.id]

    async def test_each_filter_finds_its_own(self, store: Store, clock: FakeClock) -> None:
        """A filter finds exactly the conversations for which every field of it holds."""
        bot, entity = await make_bot(store), EntityDraft(id=new_id("ent"), type=EntityType.LEAD)
        before = from_micros(clock.micros())
        await make_conversation(store)
        await make_conversation(store, tenant_id=OTHER, external_id="x", title="Straße", metadata={"n": 1})
        clock.advance(60)
        wanted = await make_conversation(
            store,
            bot=bot,
            entity=entity,
            external_id="x",
            kind=Kind.VISION,
            title="Die STRASSE %_",
            metadata={"n": 1, "b": True, "s": "ä", "q\"'": "v", "nothing": None, "f": 0.5},
        )
        await store.set_status(TENANT, wanted.id, ConversationStatus.ARCHIVED)
        now = from_micros(clock.micros())
        found: tuple[dict[str, Any], ...] = (
            {"bot_id": bot.id},
            {"status": ConversationStatus.ARCHIVED},
            {"entity_id": entity.id},
            {"entity_type": EntityType.LEAD},
            {"external_id": "x"},
            {"kind": Kind.VISION},
            {"created_after": now},
            {"metadata": {"n": "1", "b": "true", "s": "ä", "q\"'": "v", "f": "0.5"}},
            {"q": "strasse %"},
            {"bot_id": bot.id, "status": ConversationStatus.ARCHIVED, "created_after": now, "external_id": "x"},
        )
        for fields in found:
            for sort in ConversationSort:
                assert await listed(store, ConversationFilter(sort=sort, **fields)) == [wanted.id]
        missed: tuple[dict[str, Any], ...] = (
            {"bot_id": new_id("bot")},
            {"entity_id": new_id("ent")},
            {"created_before": before},
            {"metadata": {"n": "2"}},
            {"metadata": {"missing": "1"}},
            {"q": "Strasse_"},
            {"bot_id": bot.id, "status": ConversationStatus.ACTIVE},
        )
        for fields in missed:
            assert await listed(store, ConversationFilter(**fields)) == []

    @pytest.mark.parametrize("order", list(Order))
    @pytest.mark.parametrize("sort", list(ConversationSort))
    async def test_ratings_are_a_range(self, store: Store, sort: ConversationSort, order: Order) -> None:
        """A range of ratings lists those in it, both ends included, with every page size; without one end it is open there.

        One that is not rated is in no range.
        """
        bot = await make_bot(store)
        ratings: dict[str, int] = {}
        for number in range(14):
            conversation = await make_conversation(store, bot=bot)
            rating = number % 7 if number % 7 <= 5 else None
            if rating:
                await store.end_conversation(TENANT, conversation.id, Ending(rating=rating))
                ratings[conversation.id] = rating
        for least, most in ((4, None), (None, 2), (3, 3), (1, 5), (5, 1)):
            wanted = ConversationFilter(sort=sort, order=order, min_rating=least, max_rating=most, bot_id=bot.id)
            found = [ratings[str(each)] for each in await listed(store, wanted)]
            assert sorted(found) == sorted(each for each in ratings.values() if (least or 1) <= each <= (most or 5))
            if sort is ConversationSort.RATING:
                assert found == sorted(found, reverse=order is Order.DESC)

    async def test_times_are_half_open(self, store: Store, clock: FakeClock) -> None:
        """``created_after`` includes its moment, ``created_before`` does not."""
        made = []
        for _ in range(3):
            made.append(await make_conversation(store))
            clock.advance(1)
        moment = made[1].started_at
        assert await listed(store, ConversationFilter(created_after=moment, order=Order.ASC)) == [
            made[1].id,
            made[2].id,
        ]
        assert await listed(store, ConversationFilter(created_before=moment)) == [made[0].id]

    async def test_deleted_ones_are_listed_apart(self, store: Store) -> None:
        """``deleted`` lists the deleted ones that can still be restored, and only these."""
        kept, dropped, hidden = [await make_conversation(store) for _ in range(3)]
        await store.delete_conversation(TENANT, dropped.id)
        await store.delete_bot(TENANT, hidden.bot_id)
        assert await listed(store, ConversationFilter()) == [kept.id]
        assert await listed(store, ConversationFilter(deleted=True)) == [dropped.id]
        deleted = (await store.page_conversations(TENANT, ConversationFilter(deleted=True), Window())).data[0]
        assert deleted.deleted_at is not None

    async def test_a_page_has_a_way_on_only_where_there_is_more(self, store: Store) -> None:
        """The last page has no next, the first no previous."""
        for _ in range(4):
            await make_conversation(store)
        first = await store.page_conversations(TENANT, ConversationFilter(), Window(limit=2))
        assert (first.previous, first.next is None) == (None, False)
        last = await store.page_conversations(TENANT, ConversationFilter(), Window(limit=2, after=first.next))
        assert (last.next, last.previous is None) == (None, False)
        back = await store.page_conversations(TENANT, ConversationFilter(), Window(limit=2, before=last.previous))
        assert back.data == first.data
        assert back.previous is None
