"""Copies: ``RecordRows``, by itself and as ``palaver.transfer`` uses it, from and to a SQLite store in memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from functools import partial

import pytest

from palaver.conversation import Conversation, Message, Role
from palaver.errors import Conflict, PalaverError
from palaver.ids import child_id, new_id
from palaver.page import Order, Window
from palaver.proof import sum_of
from palaver.retrieval.indexes import indexes_over
from palaver.stores.base import Feature, Store
from palaver.stores.knowledge_orders import ChunkQuery
from palaver.stores.orders import ConversationFilter, ConversationSort, EntityDraft, SearchQuery
from palaver.stores.records import (
    AttachmentRecord,
    BotRecord,
    ConversationRecord,
    DocumentRecord,
    EntityRecord,
    Inside,
    KeyRecord,
    MessageRecord,
    Record,
    Shelf,
    TenantRecord,
    TurnRecord,
)
from palaver.stores.sqlite import SqliteStore
from palaver.tenant import Tenant
from palaver.testing.clock import FakeClock
from palaver.testing.stores.everything import everything
from palaver.testing.stores.knowing import known, texts_of
from palaver.testing.stores.making import (
    OTHER,
    TENANT,
    exchange,
    make_bot,
    make_conversation,
    path_of,
    purge_all,
    walk,
)
from palaver.testing.stores.messages import appended
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


def moved(record: Record, chat: Conversation, said: Message, place: int) -> Record:
    """Return a record as if it belonged to the tenant of another conversation: all that it refers to is there."""
    match record:
        case KeyRecord():
            return replace(record, digest=b"d" * 32, place=place)
        case BotRecord(bot=bot):
            return replace(record, bot=replace(bot, name="Taken"), once=None, place=place)
        case EntityRecord():
            return replace(record, once=None, place=place)
        case AttachmentRecord():
            return replace(record, content=b"taken", once=None)
        case ConversationRecord(conversation=conversation):
            taken = replace(conversation, bot_id=chat.bot_id, entity=None, head_turn_id=None, title="Taken")
            return replace(record, conversation=taken, once=None, deletion=None, place=place)
        case TurnRecord(turn=turn):
            taken_turn = replace(turn, conversation_id=chat.id, parent_id=None, index=place)
            return replace(record, turn=taken_turn, once=None, place=place)
        case MessageRecord(message=message):
            here = replace(said, id=message.id, seq=place)
            return replace(record, message=here, place=place)
        case DocumentRecord(document=document):
            return replace(
                record, document=replace(document, bot_id=chat.bot_id), content=b"taken", once=None, place=place
            )
        case _:
            return record


def id_of(record: Record) -> str:
    """Return the id of what a record holds."""
    held = ("key", "bot", "entity", "attachment", "conversation", "turn", "message", "document")
    return next(str(getattr(record, name).id) for name in held if hasattr(record, name))


class Beside:
    """Gives another store on the same clock."""

    @pytest.fixture
    async def other(self, clock: FakeClock) -> AsyncIterator[Store]:
        """A SQLite store in memory, with nothing in it."""
        other = SqliteStore(":memory:", clock=clock)
        await other.open()
        yield other
        await other.close()


class RecordConformance(Beside):
    """Everything as it is."""

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

    async def test_what_is_made_after_a_copy_comes_behind_it(self, store: Store, other: Store) -> None:
        """Also where the records were put by many at once: their places are left to them."""
        for _ in range(24):
            await make_bot(other)
        bots = await all_records(other, TENANT, 100)
        await store.ensure_tenant(TENANT)
        for records in (bots[::-1], bots):
            await asyncio.gather(*(store.put_records(TENANT, [record]) for record in records))
        made = await make_bot(store)
        last = (await all_records(store, TENANT, 100))[-1]
        assert isinstance(last, BotRecord)
        assert last.bot.id == made.id
        assert len(await all_records(store, TENANT, 100)) == len(bots) + 1

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

    @pytest.mark.parametrize(
        "kind",
        [
            KeyRecord,
            BotRecord,
            EntityRecord,
            AttachmentRecord,
            ConversationRecord,
            TurnRecord,
            MessageRecord,
            DocumentRecord,
        ],
    )
    async def test_another_tenant_s_id_is_not_taken(self, store: Store, clock: FakeClock, kind: type[Record]) -> None:
        """A record with the id of what another tenant has changes nothing of it. It is refused, and nothing is written, or,
        where ids are the tenants' own, kept beside it: it is never dropped in silence."""
        await furnish(store, clock)
        chat = await make_conversation(store, tenant_id=OTHER)
        (said,) = (await store.append_messages(OTHER, chat.id, appended(chat, (Role.USER, "theirs")))).value
        ours, theirs = [await all_records(store, tenant_id, 100) for tenant_id in (TENANT, OTHER)]
        for number, record in enumerate(each for each in ours if isinstance(each, kind)):
            taken = moved(record, chat, said, 1_000_000 + number)
            try:
                await store.put_records(OTHER, [taken])
            except Conflict:
                assert await all_records(store, OTHER, 100) == theirs
            else:
                theirs = await all_records(store, OTHER, 100)
                assert id_of(record) in {id_of(each) for each in theirs if isinstance(each, kind)}
            assert await all_records(store, TENANT, 100) == ours

    async def test_what_belongs_to_another_tenant_is_not_referred_to(self, store: Store, clock: FakeClock) -> None:
        """A conversation with another's entity, a turn behind another's, a message in another's turn: refused, nothing is
        written; nor does a tenant's record stand for another tenant."""
        await furnish(store, clock)
        chat = await make_conversation(store, tenant_id=OTHER)
        lines = appended(chat, (Role.USER, "theirs"))
        (said,) = (await store.append_messages(OTHER, chat.id, lines)).value
        ours, theirs = [await all_records(store, tenant_id, 100) for tenant_id in (TENANT, OTHER)]
        talk = next(each for each in ours if isinstance(each, ConversationRecord) and each.conversation.entity)
        turn = next(each for each in ours if isinstance(each, TurnRecord))
        message = next(each for each in ours if isinstance(each, MessageRecord))
        strange: list[Record] = [TenantRecord(tenant=Tenant(id=TENANT, created_at=chat.started_at))]
        whose = moved(replace(talk, place=0), chat, said, 2_000_000)
        assert isinstance(whose, ConversationRecord)
        met = replace(whose.conversation, id=new_id("conv"), entity=talk.conversation.entity)
        strange.append(replace(whose, conversation=met))
        behind = replace(
            turn.turn, id=child_id("turn", chat.id), conversation_id=chat.id, parent_id=turn.turn.id, index=9
        )
        strange.append(replace(turn, turn=behind, once=None, place=2_000_000))
        within = replace(message.message, id=child_id("msg", chat.id), conversation_id=chat.id, seq=9)
        strange.append(replace(message, message=within, place=2_000_000))
        for record in strange:
            with pytest.raises(Conflict):
                await store.put_records(OTHER, [record])
        assert [await all_records(store, tenant_id, 100) for tenant_id in (TENANT, OTHER)] == [ours, theirs]

    async def test_what_has_no_place_gets_the_next_one(self, store: Store, other: Store) -> None:
        """Records from elsewhere come behind what is there, and before what is made later; put again they stay."""
        bot = await make_bot(other)
        chat = await make_conversation(other, bot=bot, entity=EntityDraft(id=new_id("ent"), external_id="who"))
        lines = appended(chat, (Role.USER, "Hello word"), (Role.ASSISTANT, "Hello"), (Role.USER, "word"))
        await other.append_messages(TENANT, chat.id, lines)
        early = await make_conversation(store)
        records = [
            replace(each, place=None)
            for each in await all_records(other, TENANT, 100)
            if isinstance(each, BotRecord | EntityRecord | ConversationRecord | TurnRecord | MessageRecord)
        ]
        shelved = [each for each in records if isinstance(each, BotRecord | EntityRecord)]
        last = [each for each in records if isinstance(each, ConversationRecord)]
        inside = [*(each for each in records if each not in shelved), *last]
        for _ in range(2):
            await store.put_records(TENANT, shelved)
            await store.put_records(TENANT, inside)
        late = await make_conversation(store)
        oldest_first = ConversationFilter(sort=ConversationSort.CREATED_AT, order=Order.ASC)
        listed = await store.page_conversations(TENANT, oldest_first, Window())
        assert [each.id for each in listed.data] == [early.id, chat.id, late.id]
        assert await path_of(store, chat) == ["Hello word", "Hello", "word"]
        assert await store.get_conversation(TENANT, chat.id) == await other.get_conversation(TENANT, chat.id)
        if Feature.MESSAGE_SEARCH in store.features:
            found = await store.search_messages(TENANT, SearchQuery(text="word"), Window())
            assert [each.text for each in found.data] == ["word", "Hello word"]
        await exchange(store, await store.get_conversation(TENANT, chat.id), "more")
        assert await path_of(store, chat) == ["Hello word", "Hello", "word", "more", "Hello."]

    async def test_attachments_are_listed_without_their_bytes(self, store: Store, clock: FakeClock) -> None:
        """The listing is light: the bytes are asked for one by one."""
        await furnish(store, clock)
        records = await walk(partial(store.page_records, Shelf.ATTACHMENTS, TENANT), 7)
        assert [record.content for record in records if isinstance(record, AttachmentRecord)] == [None, None]
        assert {record.used for record in records if isinstance(record, AttachmentRecord)} == {True, False}

    async def test_a_copied_passage_is_found_by_its_heading(self, store: Store, other: Store) -> None:
        """By the store itself, or by the index in memory over one that has no search by words."""
        bot = await make_bot(other)
        await known(other, bot, "Nothing of that kind.", "It opens at nine.")
        await copy(other, store)
        hits = await indexes_over(store, limit_bytes=1_000_000).words.search_chunks(
            TENANT, ChunkQuery(bot_id=bot.id, text="handbook", k=9)
        )
        assert texts_of(hits) == ["It opens at nine."]

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
