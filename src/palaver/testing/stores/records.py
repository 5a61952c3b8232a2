"""Copies: ``RecordRows``, by itself and as ``palaver.transfer`` uses it, from and to a SQLite store in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from functools import partial

import pytest

from palaver.errors import Conflict, PalaverError
from palaver.ids import child_id
from palaver.page import Window
from palaver.proof import sum_of
from palaver.stores.base import Store
from palaver.stores.records import (
    AttachmentRecord,
    BotRecord,
    ConversationRecord,
    DocumentRecord,
    Inside,
    Record,
    Shelf,
    TurnRecord,
)
from palaver.stores.sqlite import SqliteStore
from palaver.testing.clock import FakeClock
from palaver.testing.stores.everything import everything
from palaver.testing.stores.making import (
    OTHER,
    TENANT,
    purge_all,
    walk,
)
from palaver.testing.stores.world import Step, furnish, later
from palaver.transfer import copy


async def outcome(step: Step, store: Store) -> object:
    """Return what a step returns, or which error it raises."""
    try:
        return await step(store)
    except PalaverError as error:
        return error.code


async def all_records(store: Store, tenant_id: str, limit: int) -> list[Record]:
    """Read all records of a tenant, but for itself, with pages of one size."""
    found: list[Record] = []
    for shelf in Shelf:
        found += await walk(partial(store.page_records, shelf, tenant_id), limit)
    for record in list(found):
        if isinstance(record, ConversationRecord):
            for inside in Inside:
                found += await walk(partial(store.page_inside, inside, tenant_id, record.conversation.id), limit)
        if isinstance(record, DocumentRecord):
            found += await walk(partial(store.page_chunk_records, tenant_id, record.document.id), limit)
    return found


async def agree_on_everything(one: Store, other: Store) -> None:
    """Assert that all that both can be asked is answered the same."""
    ours, theirs = await everything(one), await everything(other)
    for asked in ours.keys() & theirs.keys():
        assert ours[asked] == theirs[asked], asked


class RecordConformance:
    """Everything as it is."""

    @pytest.fixture
    async def other(self, clock: FakeClock) -> AsyncIterator[Store]:
        """Another store on the same clock."""
        other = SqliteStore(":memory:", clock=clock)
        await other.open()
        yield other
        await other.close()

    @pytest.mark.parametrize("way", ["from", "to"])
    async def test_a_copy_is_what_it_is_a_copy_of(self, store: Store, other: Store, clock: FakeClock, way: str) -> None:
        """Everything that can be asked of the one is answered the same by the other."""
        source, target = (store, other) if way == "from" else (other, store)
        await furnish(source, clock)
        proof = await copy(source, target)
        assert proof.equal, [(each.tenant_id, each.differing) for each in proof.tenants]
        await agree_on_everything(source, target)
        assert await target.secret() == await source.secret()

    @pytest.mark.parametrize("way", ["from", "to"])
    async def test_a_copy_goes_on_like_its_source(self, store: Store, other: Store, clock: FakeClock, way: str) -> None:
        """Old keys are replays, running turns keep their lease, what was deleted can be restored, lists go on."""
        source, target = (store, other) if way == "from" else (other, store)
        world = await furnish(source, clock)
        await copy(source, target)
        for number, step in enumerate(later(world)):
            if number == _LEASES_END:
                clock.advance(600)
            assert await outcome(step, target) == await outcome(step, source), f"step {number}"
        await agree_on_everything(source, target)
        for each in (source, target):
            await each.delete_conversation(TENANT, world.talk.id)
            await each.delete_document(TENANT, world.document_draft.id)
            await purge_all(each)
            await each.expire_logs(older_than_seconds=0, limit=100)
        await agree_on_everything(source, target)
        for tenant_id in (TENANT, OTHER):
            left = [sum_of(await all_records(each, tenant_id, 100)) for each in (source, target)]
            assert left[0] == left[1]

    async def test_records_are_read_with_pages_of_every_size(self, store: Store, clock: FakeClock) -> None:
        """With pages of 1, 7 and 100 the same records are read, each once, parents before what refers to them."""
        await furnish(store, clock)
        for tenant_id in (TENANT, OTHER):
            readings = [await all_records(store, tenant_id, limit) for limit in (1, 7, 100)]
            assert readings[0] == readings[1] == readings[2]
            turns = [record.turn for record in readings[0] if isinstance(record, TurnRecord)]
            seen: set[str | None] = {None}
            for turn in turns:
                assert turn.parent_id in seen
                seen.add(turn.id)

    async def test_what_is_there_stays(self, store: Store, other: Store, clock: FakeClock) -> None:
        """To put records again changes nothing, but for a conversation's, which replaces what is there."""
        world = await furnish(store, clock)
        await copy(store, other)
        records = await all_records(store, TENANT, 100)
        chat = next(
            each for each in records if isinstance(each, ConversationRecord) and each.conversation.id == world.talk.id
        )
        bot = next(each for each in records if isinstance(each, BotRecord) and each.bot.id == world.bot_draft.id)
        before = sum_of(await all_records(other, TENANT, 100))
        await other.put_records(TENANT, [chat])
        await other.put_records(TENANT, [replace(bot, bot=replace(bot.bot, name="Other"))])
        assert sum_of(await all_records(other, TENANT, 100)) == before
        await other.put_records(TENANT, [replace(chat, conversation=replace(chat.conversation, title="Other"))])
        assert (await other.get_conversation(TENANT, world.talk.id)).title == "Other"

    async def test_a_record_needs_what_it_refers_to(self, store: Store, other: Store, clock: FakeClock) -> None:
        """A conversation whose bot is not there, and a turn whose conversation is not, are refused; nothing is written."""
        world = await furnish(other, clock)
        records = await all_records(other, TENANT, 100)
        chat = next(
            each for each in records if isinstance(each, ConversationRecord) and each.conversation.id == world.talk.id
        )
        turn = next(each for each in records if isinstance(each, TurnRecord))
        for record in (chat, turn):
            with pytest.raises(Conflict):
                await store.put_records(TENANT, [record])
        assert await all_records(store, TENANT, 100) == []

    async def test_another_tenant_s_records_are_not_listed(self, store: Store, clock: FakeClock) -> None:
        """A tenant's shelves hold its own; of a foreign or unknown conversation there is nothing inside."""
        world = await furnish(store, clock)
        ours, theirs = [await all_records(store, tenant_id, 100) for tenant_id in (TENANT, OTHER)]
        assert ours
        assert theirs
        assert not {repr(each) for each in ours} & {repr(each) for each in theirs}
        assert await all_records(store, "unheard-of", 100) == []
        for inside in Inside:
            for tenant_id, conversation_id in ((OTHER, world.talk.id), (TENANT, child_id("conv", world.talk.id))):
                assert not (await store.page_inside(inside, tenant_id, conversation_id, Window())).data

    async def test_attachments_are_listed_without_their_bytes(self, store: Store, clock: FakeClock) -> None:
        """The listing is light: the bytes are asked for one by one."""
        await furnish(store, clock)
        records = await walk(partial(store.page_records, Shelf.ATTACHMENTS, TENANT), 7)
        assert [record.content for record in records if isinstance(record, AttachmentRecord)] == [None, None]
        assert {record.used for record in records if isinstance(record, AttachmentRecord)} == {True, False}

    async def test_notes_are_kept(self, store: Store) -> None:
        """A note is there until another one takes its place."""
        assert await store.note("copy") is None
        await store.set_note("copy", "ünï")
        await store.set_note("other", "x")
        await store.set_note("copy", "two")
        assert (await store.note("copy"), await store.note("other")) == ("two", "x")

    async def test_a_secret_is_taken_over(self, store: Store) -> None:
        """From then on it is the store's own."""
        await store.set_secret(b"s" * 32)
        assert await store.secret() == b"s" * 32


_LEASES_END = 25
"""The step before which the leases run out, and conversations fall idle."""
