"""A store with something of everything in it, and what is done to it and to its copy afterwards."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

from palaver.attachment import Attachment
from palaver.bot import Bot
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
from palaver.document import Citation, Document, DocumentSource
from palaver.entity import EntityType
from palaver.events import Event, EventType, dumps
from palaver.ids import child_id, new_id
from palaver.jsonable import encode
from palaver.page import Window
from palaver.stores.base import Store
from palaver.stores.knowledge_orders import DocumentDraft, Replacement, TrainingFilter
from palaver.stores.orders import (
    BotChange,
    BotDraft,
    Claim,
    Continue,
    ConversationDraft,
    Delta,
    EditQuestion,
    Ending,
    EntityDraft,
    Once,
    Outcome,
    Question,
    Regenerate,
    TurnOrder,
)
from palaver.testing.clock import FakeClock
from palaver.testing.stores.documents import BROKEN
from palaver.testing.stores.knowing import (
    a_draft,
    add,
    chunks_of,
    claimed,
    embedded,
    known,
    learned,
    publish,
    quote_of,
    run,
)
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
    running,
    said,
    stopped,
    waiting,
)
from palaver.testing.stores.messages import appended, edit, regenerate
from palaver.testing.stores.tenants import a_key

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
    document_draft: DocumentDraft
    document_once: Once
    deleted_bot_id: str
    deleted_chat_id: str
    deleted_answer_id: str


async def furnish(store: Store, clock: FakeClock) -> World:
    """Put something of everything into a store."""
    await _keys(store, clock)
    bot_draft = BotDraft(
        id=new_id("bot"),
        name="Main",
        model="scripted:Hello.",
        metadata=AWKWARD,
        params={"temperature": 0.5},
        widget={"allowed_origins": ["https://shop.example"], "greeting": "Grüß Gott"},
    )
    bot_once, chat_once = once("bot"), once("chat")
    bot = (await store.create_bot(TENANT, bot_draft, bot_once)).value
    person_draft, person_once = EntityDraft(id=new_id("ent"), name="Ünï", email="a@example.com"), once("person")
    await store.create_entity(TENANT, person_draft, person_once)
    person = EntityDraft(id=new_id("ent"), type=EntityType.LEAD, external_id="lead-1", metadata=AWKWARD)
    chat_draft = ConversationDraft(id=new_id("conv"), bot_id=bot.id, entity=person, title="Über", metadata=AWKWARD)
    talk = (await store.create_conversation(TENANT, chat_draft, chat_once)).value
    clock.advance(60)
    order, deleted_answer_id = await _talk(store, clock, talk)
    opened = await make_conversation(store, bot=bot)
    claim = await _open(store, clock, opened)
    deleted_bot_id, deleted_chat_id = await _gone(store, clock)
    await _resting(store, clock)
    document_draft, document_once = await _knowledge(store, clock, bot)
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
        document_draft=document_draft,
        document_once=document_once,
        deleted_bot_id=deleted_bot_id,
        deleted_chat_id=deleted_chat_id,
        deleted_answer_id=deleted_answer_id,
    )


async def _keys(store: Store, clock: FakeClock) -> None:
    await store.ensure_tenant("between")
    clock.advance(5)
    for tenant_id in (TENANT, OTHER, TENANT):
        draft = a_key(clock, tenant_id=tenant_id)
        await store.create_key(draft)
    await store.touch_key(draft.key.id)
    await store.revoke_key(None, draft.key.id)


async def _talk(store: Store, clock: FakeClock, talk: Conversation) -> tuple[TurnOrder, str]:
    """Branches, an edit, a rating, a deleted answer whose question is shared, others before and behind which somebody went on,
    an attachment, a failure."""
    picture = await _upload(store, clock, b"\x89PNG\r\n\x1a\npicture")
    await _upload(store, clock, b"never sent")
    parts = (TextPart(text="Hello word, what is this?"), ImagePart(attachment_id=picture.id, media_type="image/png"))
    question = Question(message_id=child_id("msg", talk.id), parts=parts)
    order = ask(talk, opening=Continue(question=question), params={"temperature": 1, "metadata": {"ticket": "ü 17"}})
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
    clock.advance(1)
    await store.delete_turn(TENANT, answer_id_of(failed.turn))
    middle = (await exchange(store, talk, "Hello middle", "word")).turn
    last = (await exchange(store, talk, "Hello last", "word")).turn
    for each in (middle, last):
        clock.advance(1)
        await store.delete_turn(TENANT, answer_id_of(each))
    return order, answer_id_of(middle)


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
    return (await store.put_attachment(TENANT, attachment, content, once(key=f"of {content!r}"))).value


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


async def _knowledge(store: Store, clock: FakeClock, bot: Bot) -> tuple[DocumentDraft, Once]:
    """Documents in every state, some with vectors, one that is quoted; a run; those of a deleted bot and another tenant."""
    draft, key = a_draft(bot, b"first", metadata=AWKWARD, url="https://example.com", title="Ünï"), once("document")
    first = (await store.create_document(TENANT, draft, b"first", key)).value
    await publish(store, first, "Hello word", "word \u2028 two", vectors=[(1, 0), (0.5, 0.25)])
    await known(store, bot, *(f"many {number}" for number in range(9)), metadata={"a": "b"})
    replaced = await known(store, bot, "old")
    await store.replace_document(TENANT, replaced.id, Replacement(metadata={"c": 1}), b"newer")
    failed = await claimed(store, await add(store, bot))
    await store.fail_document(failed, BROKEN)
    deleted, foreign = await known(store, bot, "deleted", vectors=[(0, 1)]), await make_bot(store, tenant_id=OTHER)
    await store.delete_document(TENANT, deleted.id)
    await known(store, foreign, "theirs", tenant_id=OTHER)
    clock.advance(1)
    claim = await run(store, bot)
    pairs = (await store.page_untrained(TENANT, TrainingFilter(bot_id=bot.id), Window())).data
    await store.put_chunks(claim, learned(claim, pairs[:3]))
    await store.publish_document(claim)
    await _quoted(store, bot, first)
    gone = await make_bot(store)
    await known(store, gone, "gone with its bot")
    await store.delete_bot(TENANT, gone.id)
    await add(store, bot, b"first", source=DocumentSource.TEXT)
    return draft, key


async def _quoted(store: Store, bot: Bot, document: Document) -> None:
    """An answer that quotes a document, which its log says, too."""
    claim = await running(store, await make_conversation(store, bot=bot))
    quote = await quote_of(store, bot, await store.get_document(TENANT, document.id))
    event = Event(claim.next_seq, EventType.CITATIONS, dumps({"citations": [encode(quote)]}))
    await store.append_deltas(
        [Delta(tenant_id=TENANT, turn_id=claim.turn.id, fence=claim.fence, events=[event])],
    )
    end = completed("Hello quote", citations=(quote,), consulted=(document.id,))
    await store.finish_turn(claim, end, promote=None)


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
        lambda store: store.restore_turn(TENANT, world.deleted_answer_id),
        lambda store: store.restore_turn(TENANT, world.order.answer_id),
        lambda store: store.create_document(TENANT, world.document_draft, b"first", world.document_once),
        lambda store: store.replace_document(TENANT, world.document_draft.id, Replacement(title="later"), None),
        lambda store: _made_ready(store),
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


async def _made_ready(store: Store) -> object:
    claims = await store.claim_documents("worker-2", LEASE_SECONDS, 10)
    for claim in claims:
        await store.put_chunks(claim, chunks_of(claim, "Hello later"), embedded((1, 0)))
    return [await store.publish_document(claim) for claim in claims]
