"""Bots and entities: ``BotRows``."""

from __future__ import annotations

import asyncio
from dataclasses import fields
from typing import Any

import pytest

from palaver.clock import from_micros
from palaver.conversation import InterruptReason, TurnStatus
from palaver.entity import EntityType
from palaver.errors import KeyReused, NameTaken, NotFound, VersionConflict
from palaver.ids import new_id
from palaver.page import Window
from palaver.stores.base import Store
from palaver.stores.orders import BotChange, BotDraft, EntityChange, EntityDraft
from palaver.testing.clock import FakeClock
from palaver.testing.stores.making import (
    OTHER,
    TENANT,
    agree,
    exchange,
    make_bot,
    make_conversation,
    once,
    path_of,
    purge_all,
    running,
    said,
    waiting,
)

METADATA: dict[str, Any] = {"a": 1, "b": {"c": [True, None, "ä\u2028"]}, "__class__": "plain data", "$where": 0.5}


class BotConformance:
    """Bots."""

    async def test_a_bot_comes_back_as_it_was_made(self, store: Store, clock: FakeClock) -> None:
        """Every field of a draft is kept; times are the store's."""
        draft = BotDraft(
            id=new_id("bot"),
            name="Helper",
            model="groq:x",
            instructions="Be kind.\n",
            params={"temperature": 0.25, "stop": ["\n"]},
            retrieval={"top": 3},
            idle_timeout_minutes=5,
            widget={"allowed_origins": ["https://shop.example"], "messages_per_day": 7},
            metadata=METADATA,
        )
        bot = (await store.create_bot(TENANT, draft)).value
        for field in fields(draft):
            assert getattr(bot, field.name) == getattr(draft, field.name)
        assert (bot.created_at, bot.updated_at, bot.version) == (from_micros(clock.micros()),) * 2 + (1,)
        assert await store.get_bot(TENANT, bot.id) == bot
        assert await store.find_bot(TENANT, "Helper") == bot

    async def test_a_name_is_unique_in_its_tenant(self, store: Store) -> None:
        """A second bot of the same name is refused, another tenant's is not."""
        await make_bot(store, name="Helper")
        with pytest.raises(NameTaken):
            await make_bot(store, name="Helper")
        await make_bot(store, tenant_id=OTHER, name="Helper")

    async def test_a_key_makes_one_bot(self, store: Store) -> None:
        """The same key again returns what it made; with another body it is refused and nothing is made."""
        first = await store.create_bot(TENANT, BotDraft(id=new_id("bot"), name="a", model="m"), once("a", "k"))
        again = await store.create_bot(TENANT, BotDraft(id=new_id("bot"), name="a", model="m"), once("a", "k"))
        assert (again.value, first.replayed, again.replayed) == (first.value, False, True)
        with pytest.raises(KeyReused):
            await store.create_bot(TENANT, BotDraft(id=new_id("bot"), name="b", model="m"), once("b", "k"))
        assert await store.find_bot(TENANT, "b") is None
        foreign = await store.create_bot(OTHER, BotDraft(id=new_id("bot"), name="a", model="m"), once("x", "k"))
        assert not foreign.replayed

    async def test_a_hundred_creates_with_one_key_are_one(self, store: Store) -> None:
        """Parallel creates with one key make one bot."""
        drafts = [BotDraft(id=new_id("bot"), name="a", model="m") for _ in range(100)]
        made = await asyncio.gather(*(store.create_bot(TENANT, draft, once("a", "k")) for draft in drafts))
        assert len({each.value.id for each in made}) == 1
        assert sum(not each.replayed for each in made) == 1

    async def test_bots_are_listed_newest_first(self, store: Store) -> None:
        """All bots of the tenant, the deleted ones apart, whatever the size of the pages."""
        bots = [await make_bot(store) for _ in range(9)]
        await make_bot(store, tenant_id=OTHER)
        gone = [bots.pop(3), bots.pop(5)]
        for bot in gone:
            await store.delete_bot(TENANT, bot.id)
        live = await agree(lambda window: store.page_bots(TENANT, window), lambda bot: bot.id)
        assert live == [bot.id for bot in reversed(bots)]
        deleted = await agree(lambda window: store.page_bots(TENANT, window, deleted=True), lambda bot: bot.id)
        assert deleted == [bot.id for bot in reversed(gone)]

    async def test_an_edit_of_a_bot_changes_what_it_names(self, store: Store, clock: FakeClock) -> None:
        """Fields that are not named stay; metadata is merged one level deep and None removes a key."""
        widget = {"allowed_origins": ["*"]}
        bot = await make_bot(
            store, instructions="old", idle_timeout_minutes=5, widget=widget, metadata={"a": 1, "b": {"c": 2}, "d": 3}
        )
        clock.advance(1)
        change = BotChange(instructions="new", idle_timeout_minutes=None, metadata={"b": {"e": 4}, "d": None, "f": 5})
        edited = await store.update_bot(TENANT, bot.id, change)
        assert (edited.instructions, edited.idle_timeout_minutes, edited.name) == ("new", None, bot.name)
        assert edited.widget == widget
        assert edited.metadata == {"a": 1, "b": {"e": 4}, "f": 5}
        assert (edited.version, edited.updated_at) == (2, from_micros(clock.micros()))
        assert await store.get_bot(TENANT, bot.id) == edited
        closed = await store.update_bot(TENANT, bot.id, BotChange(widget=None))
        assert (closed.widget, closed.instructions) == (None, "new")

    async def test_a_stale_edit_is_refused(self, store: Store) -> None:
        """An edit or a delete of an older version is a conflict and changes nothing."""
        bot = await make_bot(store)
        edited = await store.update_bot(TENANT, bot.id, BotChange(model="a"), if_version=1)
        with pytest.raises(VersionConflict):
            await store.update_bot(TENANT, bot.id, BotChange(model="b"), if_version=1)
        with pytest.raises(VersionConflict):
            await store.delete_bot(TENANT, bot.id, if_version=1)
        assert await store.get_bot(TENANT, bot.id) == edited

    async def test_an_edit_can_t_take_a_name(self, store: Store) -> None:
        """A name that another bot has is refused; its own is not."""
        bot = await make_bot(store, name="a")
        await make_bot(store, name="b")
        with pytest.raises(NameTaken):
            await store.update_bot(TENANT, bot.id, BotChange(name="b"))
        assert (await store.update_bot(TENANT, bot.id, BotChange(name="a"))).name == "a"

    async def test_a_foreign_bot_is_not_found(self, store: Store) -> None:
        """Another tenant's bot answers like an unknown one."""
        bot = await make_bot(store)
        for bot_id in (bot.id, new_id("bot")):
            for call in (
                store.get_bot(OTHER, bot_id),
                store.update_bot(OTHER, bot_id, BotChange(model="x")),
                store.delete_bot(OTHER, bot_id),
                store.restore_bot(OTHER, bot_id),
            ):
                with pytest.raises(NotFound):
                    await call
        assert await store.find_bot(OTHER, bot.name) is None
        assert await store.get_bot(TENANT, bot.id) == bot

    async def test_a_delete_hides_all_that_is_under_a_bot(self, store: Store) -> None:
        """A deleted bot, its conversations, turns and messages are not found; its open turns have ended ``deleted``."""
        bot = await make_bot(store)
        conversation = await make_conversation(store, bot=bot)
        done = await exchange(store, conversation)
        claim = await running(store, conversation)
        await store.append_deltas([said(claim, "so far")])
        queued = await waiting(store, conversation)
        assert set(await store.delete_bot(TENANT, bot.id)) == {claim.turn.id, queued.id}
        assert (await store.watch_turns([claim])).stale == {claim.turn.id}
        for call in (
            store.get_bot(TENANT, bot.id),
            store.get_conversation(TENANT, conversation.id),
            store.get_turn(TENANT, done.turn.id),
            store.get_message(TENANT, done.turn.message_id or ""),
            store.page_messages(TENANT, conversation.id, Window()),
            store.restore_conversation(TENANT, conversation.id),
            store.update_bot(TENANT, bot.id, BotChange(model="x")),
        ):
            with pytest.raises(NotFound):
                await call

    async def test_a_restore_brings_back_what_the_delete_hid(self, store: Store) -> None:
        """A restored bot has the conversations that its delete hid, not those that were deleted before."""
        bot = await make_bot(store)
        kept, dropped = await make_conversation(store, bot=bot), await make_conversation(store, bot=bot)
        claim = await running(store, kept)
        await store.append_deltas([said(claim, "so far")])
        await store.delete_conversation(TENANT, dropped.id)
        await store.delete_bot(TENANT, bot.id)
        assert await store.restore_bot(TENANT, bot.id) == bot
        assert await path_of(store, kept) == ["Hello?", "so far"]
        turn = await store.get_turn(TENANT, claim.turn.id)
        assert (turn.status, turn.reason) == (TurnStatus.INTERRUPTED, InterruptReason.DELETED)
        with pytest.raises(NotFound):
            await store.get_conversation(TENANT, dropped.id)
        assert (await store.restore_conversation(TENANT, dropped.id)).id == dropped.id

    async def test_a_deleted_name_is_free(self, store: Store) -> None:
        """The name of a deleted bot can be used again; then the deleted one can't come back."""
        bot = await make_bot(store, name="Helper")
        await store.delete_bot(TENANT, bot.id)
        assert await store.find_bot(TENANT, "Helper") is None
        second = await make_bot(store, name="Helper")
        with pytest.raises(NameTaken):
            await store.restore_bot(TENANT, bot.id)
        await store.delete_bot(TENANT, second.id)
        assert (await store.restore_bot(TENANT, bot.id)).id == bot.id

    async def test_a_purged_bot_can_t_be_restored(self, store: Store) -> None:
        """Once purged, a bot is not found."""
        bot = await make_bot(store)
        await store.delete_bot(TENANT, bot.id)
        await purge_all(store)
        with pytest.raises(NotFound):
            await store.restore_bot(TENANT, bot.id)


class EntityConformance:
    """Entities."""

    async def test_an_entity_comes_back_as_it_was_made(self, store: Store) -> None:
        """Every field of a draft is kept."""
        draft = EntityDraft(
            id=new_id("ent"), type=EntityType.LEAD, external_id="x/1", name="Zoë", email="z@e.org", metadata=METADATA
        )
        entity = (await store.create_entity(TENANT, draft)).value
        for name in ("id", "type", "external_id", "name", "email", "metadata"):
            assert getattr(entity, name) == getattr(draft, name)
        assert await store.get_entity(TENANT, entity.id) == entity

    async def test_an_external_id_is_unique_by_type(self, store: Store) -> None:
        """A second entity of a type with that external id is refused; of another type or tenant it is not."""
        await store.create_entity(TENANT, EntityDraft(id=new_id("ent"), external_id="x"))
        with pytest.raises(NameTaken):
            await store.create_entity(TENANT, EntityDraft(id=new_id("ent"), external_id="x"))
        lead = EntityDraft(id=new_id("ent"), external_id="x", type=EntityType.LEAD)
        await store.create_entity(TENANT, lead)
        await store.create_entity(OTHER, EntityDraft(id=new_id("ent"), external_id="x"))
        with pytest.raises(NameTaken):
            await store.update_entity(TENANT, lead.id, EntityChange(type=EntityType.USER))

    async def test_a_key_makes_one_entity(self, store: Store) -> None:
        """The same key again returns what it made; with another body it is refused."""
        first = await store.create_entity(TENANT, EntityDraft(id=new_id("ent")), once("a", "k"))
        again = await store.create_entity(TENANT, EntityDraft(id=new_id("ent")), once("a", "k"))
        assert (again.value, again.replayed) == (first.value, True)
        with pytest.raises(KeyReused):
            await store.create_entity(TENANT, EntityDraft(id=new_id("ent")), once("b", "k"))

    async def test_entities_are_listed_newest_first(self, store: Store) -> None:
        """All entities of the tenant, whatever the size of the pages."""
        drafts = [EntityDraft(id=new_id("ent")) for _ in range(9)]
        for draft in drafts:
            await store.create_entity(TENANT, draft)
        await store.create_entity(OTHER, EntityDraft(id=new_id("ent")))
        found = await agree(lambda window: store.page_entities(TENANT, window), lambda entity: entity.id)
        assert found == [draft.id for draft in reversed(drafts)]

    async def test_an_edit_of_an_entity_changes_what_it_names(self, store: Store) -> None:
        """Fields that are not named stay, the version grows, a stale edit is refused."""
        entity = (await store.create_entity(TENANT, EntityDraft(id=new_id("ent"), name="a", email="b"))).value
        edited = await store.update_entity(TENANT, entity.id, EntityChange(email=None, metadata={"x": 1}), if_version=1)
        assert (edited.name, edited.email, edited.metadata, edited.version) == ("a", None, {"x": 1}, 2)
        with pytest.raises(VersionConflict):
            await store.update_entity(TENANT, entity.id, EntityChange(name="c"), if_version=1)
        assert await store.get_entity(TENANT, entity.id) == edited

    async def test_conversations_outlive_their_entity(self, store: Store) -> None:
        """A forgotten entity is not found; its conversations stay, with no entity."""
        draft = EntityDraft(id=new_id("ent"))
        conversation = await make_conversation(store, entity=draft)
        await exchange(store, conversation)
        with pytest.raises(VersionConflict):
            await store.delete_entity(TENANT, draft.id, if_version=7)
        await store.delete_entity(TENANT, draft.id)
        with pytest.raises(NotFound):
            await store.get_entity(TENANT, draft.id)
        assert (await store.get_conversation(TENANT, conversation.id)).entity is None
        assert await path_of(store, conversation) == ["Hello?", "Hello."]

    async def test_a_foreign_entity_is_not_found(self, store: Store) -> None:
        """Another tenant's entity answers like an unknown one."""
        draft = EntityDraft(id=new_id("ent"))
        await store.create_entity(TENANT, draft)
        for entity_id in (draft.id, new_id("ent")):
            for call in (
                store.get_entity(OTHER, entity_id),
                store.update_entity(OTHER, entity_id, EntityChange(name="x")),
                store.delete_entity(OTHER, entity_id),
            ):
                with pytest.raises(NotFound):
                    await call
