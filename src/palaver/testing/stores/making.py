"""What the conformance tests make: bots, conversations, turns, in one line each."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Any, TypeVar

from palaver.bot import Bot
from palaver.conversation import Conversation, InterruptReason, Message, Part, Policy, TextPart, Turn, TurnStatus
from palaver.events import Event, text_delta
from palaver.ids import child_id, new_id
from palaver.page import Position, Slice, Window
from palaver.stores.base import Store
from palaver.stores.orders import (
    Begun,
    BotDraft,
    Claim,
    Continue,
    ConversationDraft,
    Delta,
    Finished,
    Once,
    Outcome,
    Question,
    TurnOrder,
)
from palaver.tenant import DEFAULT_TENANT

T = TypeVar("T")
TENANT = DEFAULT_TENANT
OTHER = "other"
OWNER = "worker-1"
LEASE_SECONDS = 15.0


def text(value: str) -> tuple[Part, ...]:
    """The parts of a message of plain text."""
    return (TextPart(text=value),)


def once(body: str = "", key: str | None = None) -> Once:
    """A key (a new one if none is given) and the fingerprint of a body."""
    return Once(key=key or new_id("key"), fingerprint=hashlib.sha256(body.encode()).digest())


async def make_bot(store: Store, *, tenant_id: str = TENANT, **fields: Any) -> Bot:
    """Create a bot; its name is new if none is given."""
    draft = {"name": new_id("name"), "model": "scripted:Hello.", **fields}
    return (await store.create_bot(tenant_id, BotDraft(id=new_id("bot"), **draft))).value


async def make_conversation(
    store: Store, *, tenant_id: str = TENANT, bot: Bot | None = None, **fields: Any
) -> Conversation:
    """Create a conversation, with a bot of its own if none is given."""
    owner = bot or await make_bot(store, tenant_id=tenant_id)
    draft = ConversationDraft(id=new_id("conv"), bot_id=owner.id, **fields)
    return (await store.create_conversation(tenant_id, draft)).value


def ask(conversation: Conversation, words: str = "Hello?", **fields: Any) -> TurnOrder:
    """A turn that asks something; ``fields`` are those of ``TurnOrder``, and ``parent_id``."""
    parent_id = fields.pop("parent_id", None)
    question = Question(message_id=child_id("msg", conversation.id), parts=text(words))
    given = {
        "opening": Continue(question=question, parent_id=parent_id),
        "once": once(words),
        "owner": OWNER,
        "lease_seconds": LEASE_SECONDS,
        **fields,
    }
    return TurnOrder(
        conversation_id=conversation.id,
        turn_id=child_id("turn", conversation.id),
        answer_id=child_id("msg", conversation.id),
        **given,
    )


async def begin(store: Store, conversation: Conversation, words: str = "Hello?", **fields: Any) -> Begun:
    """Begin a turn."""
    return await store.begin_turn(TENANT, ask(conversation, words, **fields))


async def running(store: Store, conversation: Conversation, words: str = "Hello?", **fields: Any) -> Claim:
    """Begin a turn that runs, and return the right to run it."""
    return claim_of(await begin(store, conversation, words, **fields))


async def waiting(store: Store, conversation: Conversation, words: str = "Next?", **fields: Any) -> Turn:
    """Begin a turn behind the one that runs."""
    turn = (await begin(store, conversation, words, **{"policy": Policy.QUEUE, **fields})).turn
    assert turn.status is TurnStatus.QUEUED
    return turn


def claim_of(made: Begun | Finished) -> Claim:
    """Return the claim that must be there."""
    claim = made.claim if isinstance(made, Begun) else made.promoted
    assert claim is not None
    return claim


def said(claim: Claim, *words: str, after: int = 0) -> Delta:
    """A tick that says these words, ``after`` other events of the log."""
    first = claim.next_seq + after
    events: Sequence[Event] = [text_delta(first + number, word) for number, word in enumerate(words)]
    return Delta(tenant_id=claim.tenant_id, turn_id=claim.turn.id, fence=claim.fence, events=events)


def completed(words: str, **fields: Any) -> Outcome:
    """A good end."""
    return Outcome(status=TurnStatus.COMPLETED, parts=text(words) if words else (), **fields)


def stopped(words: str = "") -> Outcome:
    """An end that was asked for."""
    parts = text(words) if words else ()
    return Outcome(status=TurnStatus.INTERRUPTED, reason=InterruptReason.STOPPED, parts=parts)


async def exchange(
    store: Store, conversation: Conversation, words: str = "Hello?", answer: str = "Hello.", **fields: Any
) -> Finished:
    """Ask, and have it answered."""
    claim = await running(store, conversation, words, **fields)
    return await store.finish_turn(claim, completed(answer), promote=None)


async def path_of(store: Store, conversation: Conversation, tenant_id: str = TENANT) -> list[str]:
    """Return the texts of the active path."""
    rows = await store.page_messages(tenant_id, conversation.id, Window(limit=200))
    return [message.text for message in rows.data]


def answer_id_of(turn: Turn) -> str:
    """Return the id of the answer that must be there."""
    assert turn.message_id is not None
    return turn.message_id


def question_id_of(turn: Turn) -> str:
    """Return the id of the question that must be there."""
    assert turn.user_message_id is not None
    return turn.user_message_id


def seqs(messages: Sequence[Message]) -> list[int]:
    """Return their places."""
    return [message.seq for message in messages]


async def walk(page: Callable[[Window], Awaitable[Slice[T]]], limit: int) -> list[T]:
    """Read a listing to its end, page by page."""
    found: list[T] = []
    after: Position | None = None
    while True:
        part = await page(Window(limit=limit, after=after))
        assert len(part.data) <= limit
        found.extend(part.data)
        if part.next is None:
            return found
        assert part.next != after, "a page leads to itself"
        after = part.next


async def walk_back(page: Callable[[Window], Awaitable[Slice[T]]], limit: int) -> list[T]:
    """Read a listing to its end, then back to its beginning; return what was met on the way back, in order."""
    position: Position | None = None
    part = await page(Window(limit=limit))
    while part.next is not None:
        assert part.next != position, "a page leads to itself"
        position = part.next
        part = await page(Window(limit=limit, after=position))
    found = list(part.data)
    while part.previous is not None:
        assert part.previous != position, "a page leads to itself"
        position = part.previous
        part = await page(Window(limit=limit, before=position))
        found[:0] = part.data
    return found


async def agree(page: Callable[[Window], Awaitable[Slice[T]]], name: Callable[[T], object]) -> list[object]:
    """Read a listing with pages of 1, 7 and 100, forth and back, and return what all of them say."""
    readings = [[name(each) for each in await way(page, limit)] for way in (walk, walk_back) for limit in (1, 7, 100)]
    assert all(reading == readings[0] for reading in readings)
    assert len(set(readings[0])) == len(readings[0])
    return readings[0]


async def purge_all(store: Store, *, older_than_seconds: float = 0, limit: int = 50) -> int:
    """Purge until nothing is left to purge; return in how many steps."""
    for steps in range(10_000):
        if not await store.purge(deleted_before_seconds=older_than_seconds, limit=limit):
            return steps
    raise AssertionError("the purge does not end")


MINUTE = timedelta(minutes=1)
