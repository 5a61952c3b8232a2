"""Copies: ``RecordRows``, by itself and as ``palaver.transfer`` uses it, from and to a SQLite store in memory."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import pytest

from palaver.attachment import Attachment
from palaver.clock import from_micros
from palaver.conversation import (
    ContextUse,
    Conversation,
    ConversationStatus,
    ImagePart,
    InterruptReason,
    ReasoningPart,
    Role,
    TextPart,
    TurnError,
    TurnStatus,
    Usage,
)
from palaver.document import Citation
from palaver.entity import EntityType
from palaver.errors import Conflict, PalaverError
from palaver.ids import child_id, new_id
from palaver.page import Window
from palaver.proof import sum_of
from palaver.stores.base import Store
from palaver.stores.orders import (
    BotChange,
    BotDraft,
    Claim,
    Continue,
    ConversationDraft,
    EditQuestion,
    Ending,
    EntityDraft,
    Once,
    Outcome,
    Question,
    Regenerate,
    TurnOrder,
)
from palaver.stores.records import AttachmentRecord, BotRecord, ConversationRecord, Inside, Record, Shelf, TurnRecord
from palaver.stores.sqlite import SqliteStore
from palaver.testing.clock import FakeClock
from palaver.testing.stores.everything import everything
from palaver.testing.stores.making import (
    LEASE_SECONDS,
    OTHER,
    OWNER,
    TENANT,
    answer_id_of,
    ask,
    claim_of,
    completed,
    exchange,
    make_bot,
    make_conversation,
    once,
    purge_all,
    running,
    said,
    stopped,
    waiting,
    walk,
)
from palaver.testing.stores.messages import appended, edit, regenerate
from palaver.testing.stores.tenants import a_key
from palaver.transfer import copy

AWKWARD = {
    "z": 1.5,
    "a": [None, True, {"deep": "\u2028 😀 \\ ' \" é"}],
    "big": 2**53 + 1,
    "": "",
    "whole": 3.0,
    "tiny": 1e-9,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """A store with something of everything in it, and what was sent to make some of it."""

    talk: Conversation
    open: Conversation
    claim: Claim
    bot_draft: BotDraft
    bot_once: Once
    chat_draft: ConversationDraft
    chat_once: Once
    person_draft: EntityDraft
    person_once: Once
    order: TurnOrder
    deleted_bot_id: str
    deleted_chat_id: str


async def furnish(store: Store, clock: FakeClock) -> World:
    """Put something of everything into a store."""
    await _keys(store, clock)
    bot_draft = BotDraft(
        id=new_id("bot"), name="Main", model="scripted:Hello.", metadata=AWKWARD, params={"temperature": 0.5}
    )
    bot_once, chat_once = once("bot"), once("chat")
    bot = (await store.create_bot(TENANT, bot_draft, bot_once)).value
    person_draft, person_once = EntityDraft(id=new_id("ent"), name="Ünï", email="a@example.com"), once("person")
    await store.create_entity(TENANT, person_draft, person_once)
    person = EntityDraft(id=new_id("ent"), type=EntityType.LEAD, external_id="lead-1", metadata=AWKWARD)
    chat_draft = ConversationDraft(id=new_id("conv"), bot_id=bot.id, entity=person, title="Über", metadata=AWKWARD)
    talk = (await store.create_conversation(TENANT, chat_draft, chat_once)).value
    clock.advance(60)
    order = await _talk(store, clock, talk)
    opened = await make_conversation(store, bot=bot)
    claim = await _open(store, clock, opened)
    deleted_bot_id, deleted_chat_id = await _gone(store, clock)
    await _resting(store, clock)
    return World(
        talk=talk,
        open=opened,
        claim=claim,
        bot_draft=bot_draft,
        bot_once=bot_once,
        chat_draft=chat_draft,
        chat_once=chat_once,
        person_draft=person_draft,
        person_once=person_once,
        order=order,
        deleted_bot_id=deleted_bot_id,
        deleted_chat_id=deleted_chat_id,
    )


async def _keys(store: Store, clock: FakeClock) -> None:
    await store.ensure_tenant("between")
    clock.advance(5)
    for tenant_id in (TENANT, OTHER, TENANT):
        draft = a_key(clock, tenant_id=tenant_id)
        await store.create_key(draft)
    await store.touch_key(draft.key.id)
    await store.revoke_key(None, draft.key.id)


async def _talk(store: Store, clock: FakeClock, talk: Conversation) -> TurnOrder:
    """Branches, an edit, a rating, a deleted answer whose question is shared, an attachment, a failure."""
    picture = await _upload(store, clock, b"picture")
    await _upload(store, clock, b"never sent")
    parts = (TextPart(text="Hello word, what is this?"), ImagePart(attachment_id=picture.id, media_type="image/png"))
    question = Question(message_id=child_id("msg", talk.id), parts=parts)
    order = ask(talk, opening=Continue(question=question), params={"temperature": 1})
    claim = claim_of(await store.begin_turn(TENANT, order))
    await store.append_deltas([said(claim, "Hello ", "word.")])
    first = (await store.finish_turn(claim, _rich(clock), promote=None)).turn
    clock.advance(5)
    again = await regenerate(store, talk, first, "Another word.")
    await exchange(store, talk, "And word?", "Hello 😀")
    await edit(store, talk, first, "Hello edit", "word")
    await store.set_head(TENANT, talk.id, again.id)
    await store.rate_message(TENANT, answer_id_of(first), 4, "fine")
    shared = (await exchange(store, talk, "Shared word?", "one")).turn
    await regenerate(store, talk, shared, "two")
    await store.delete_turn(TENANT, answer_id_of(shared))
    failed = await running(store, talk, "Hello failure")
    error = TurnError(code="provider_error", message="The model's server failed.")
    await store.finish_turn(failed, Outcome(status=TurnStatus.FAILED, error=error), promote=None)
    return order


def _rich(clock: FakeClock) -> Outcome:
    quote = "word \u2028"
    citation = Citation(
        document_id="doc_1", version=2, title="Handbook", quote=quote, start=3, end=9, score=0.75, rank=1
    )
    return Outcome(
        status=TurnStatus.COMPLETED,
        parts=(ReasoningPart(text="hm"), TextPart(text="Hello word.")),
        citations=(citation,),
        usage=Usage(input_tokens=12, output_tokens=3, cost_micro=40),
        context=ContextUse(history_messages=0, chunks=1, tokens=20),
        first_token_at=from_micros(clock.micros()),
    )


async def _upload(store: Store, clock: FakeClock, content: bytes) -> Attachment:
    attachment = Attachment(
        id=new_id("att"),
        name="a file",
        media_type="image/png",
        size_bytes=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        created_at=from_micros(clock.micros()),
    )
    return await store.put_attachment(TENANT, attachment, content)


async def _open(store: Store, clock: FakeClock, opened: Conversation) -> Claim:
    """A turn that runs and was asked to stop, one that waits, one that was stopped before."""
    done = await running(store, opened, "Hello first")
    await store.append_deltas([said(done, "so ")])
    await store.finish_turn(done, stopped("so "), promote=None)
    clock.advance(1)
    claim = await running(store, opened, "Hello second", params={"max_tokens": 7})
    await store.append_deltas([said(claim, "running ", "word")])
    await waiting(store, opened, "Hello third", params={"max_tokens": 8})
    await store.request_stop(TENANT, claim.turn.id, InterruptReason.STOPPED)
    return claim


async def _gone(store: Store, clock: FakeClock) -> tuple[str, str]:
    """A deleted bot with conversations, one of which was deleted before; a deleted conversation of a bot that is there."""
    doomed = await make_bot(store)
    early, late = await make_conversation(store, bot=doomed), await make_conversation(store, bot=doomed)
    for each in (early, late):
        await exchange(store, each, "Hello deleted word")
    await store.delete_conversation(TENANT, early.id)
    clock.advance(5)
    await store.delete_bot(TENANT, doomed.id)
    chat = await make_conversation(store)
    await exchange(store, chat)
    await store.delete_conversation(TENANT, chat.id)
    return doomed.id, chat.id


async def _resting(store: Store, clock: FakeClock) -> None:
    """An ended and an archived conversation, one without turns, an appended one, some of another tenant."""
    idling = await make_bot(store, idle_timeout_minutes=5)
    ended, archived, idle = [await make_conversation(store, bot=idling) for _ in range(3)]
    await exchange(store, ended, "Hello ended")
    await store.end_conversation(TENANT, ended.id, Ending(rating=2, feedback="meh"))
    await store.set_status(TENANT, archived.id, ConversationStatus.ARCHIVED)
    lines = appended(
        idle, (Role.USER, "Hello word"), (Role.ASSISTANT, "Hello"), (Role.ASSISTANT, "word"), (Role.USER, "Hello?")
    )
    await store.append_messages(TENANT, idle.id, lines, Once(key="append", fingerprint=b"f" * 32))
    foreign = await make_conversation(store, tenant_id=OTHER, title="theirs")
    await store.begin_turn(OTHER, ask(foreign, "Hello word"))
    clock.advance(1)
    await make_conversation(store)


Step = Callable[[Store], Awaitable[object]]


def later(world: World) -> Sequence[Step]:
    """What is done to a store and its copy afterwards, with the same ids."""
    bot, chat, reused = new_id("bot"), new_id("conv"), replace(world.bot_once, fingerprint=b"x" * 32)
    continued = ask(world.talk, "Hello later word")
    question = Question(message_id=child_id("msg", world.talk.id), parts=(TextPart(text="Hello edit"),))
    edited = ask(world.talk, opening=EditQuestion(message_id=question_id_of_order(world.order), question=question))
    again = ask(world.talk, opening=Regenerate(answer_id=world.order.answer_id))
    appending = appended(world.talk, (Role.USER, "Hello append"))
    change = BotChange(idle_timeout_minutes=1, metadata={"deep": None})
    return (
        lambda store: store.create_bot(TENANT, world.bot_draft, world.bot_once),
        lambda store: store.create_bot(TENANT, world.bot_draft, reused),
        lambda store: store.create_bot(TENANT, BotDraft(id=bot, name="New", model="offline")),
        lambda store: store.create_bot(TENANT, BotDraft(id=new_id("bot"), name="Main", model="offline")),
        lambda store: store.create_conversation(TENANT, world.chat_draft, world.chat_once),
        lambda store: store.create_conversation(TENANT, ConversationDraft(id=chat, bot_id=bot, title="later")),
        lambda store: store.create_entity(TENANT, world.person_draft, world.person_once),
        lambda store: store.begin_turn(TENANT, world.order),
        lambda store: store.begin_turn(TENANT, ask(world.open)),
        lambda store: store.append_deltas([said(world.claim, " more", after=2)]),
        lambda store: _ended(store, world.claim, stopped("running word more")),
        lambda store: _finished(store, continued),
        lambda store: _finished(store, edited),
        lambda store: _finished(store, again),
        lambda store: store.append_messages(TENANT, world.talk.id, appending, Once(key="later", fingerprint=b"l" * 32)),
        lambda store: store.append_messages(TENANT, world.talk.id, appending, Once(key="later", fingerprint=b"l" * 32)),
        lambda store: store.set_head(TENANT, world.talk.id, world.order.turn_id),
        lambda store: store.delete_turn(TENANT, world.order.answer_id),
        lambda store: store.update_bot(TENANT, world.bot_draft.id, change),
        lambda store: store.restore_bot(TENANT, world.deleted_bot_id),
        lambda store: store.restore_conversation(TENANT, world.deleted_chat_id),
        lambda store: store.delete_conversation(TENANT, world.deleted_chat_id),
        lambda store: _recovered(store),
        lambda store: store.end_idle(100),
    )


def question_id_of_order(order: TurnOrder) -> str:
    """Return the id of the question that a turn asks."""
    assert isinstance(order.opening, Continue)
    return order.opening.question.message_id


async def _ended(store: Store, claim: Claim, outcome: Outcome) -> object:
    finished = await store.finish_turn(claim, outcome, promote=OWNER)
    promoted = claim_of(finished)
    return replace(finished, promoted=None), promoted.turn, dict(promoted.params), promoted.history


async def _finished(store: Store, order: TurnOrder) -> object:
    begun = await store.begin_turn(TENANT, order)
    return begun, await store.finish_turn(claim_of(begun), completed("Hello word"), promote=None)


async def _recovered(store: Store) -> object:
    done = await store.recover("worker-2", LEASE_SECONDS, 100)
    return set(done.ended), {claim.turn.id for claim in done.claimed}


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


_LEASES_END = 22
"""The step before which the leases run out, and conversations fall idle."""
