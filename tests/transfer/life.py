"""What may happen to a store, one thing after the other, as random numbers have it; and to its copies likewise."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from palaver.attachment import Attachment
from palaver.clock import from_micros
from palaver.conversation import ConversationStatus, ImagePart, InterruptReason, Policy, Role, TextPart, TurnStatus
from palaver.errors import PalaverError
from palaver.ids import child_id, new_id
from palaver.page import Window
from palaver.stores.base import Store
from palaver.stores.orders import (
    AppendedMessage,
    Begun,
    BotChange,
    BotDraft,
    Claim,
    Continue,
    ConversationDraft,
    EditQuestion,
    Ending,
    EntityDraft,
    Finished,
    Once,
    Outcome,
    Question,
    Recovered,
    Regenerate,
    TurnOrder,
)
from palaver.tenant import DEFAULT_TENANT
from palaver.testing import FakeClock
from palaver.testing.stores.making import LEASE_SECONDS, said, text
from palaver.testing.stores.tenants import a_key

TENANTS = (DEFAULT_TENANT, "other")
WORDS = ("Hello", "word", "\u2028😀é", "Hello again word", "'\"\\")

Step = Callable[[Store], Awaitable[Any]]


class Life:
    """Does the same, with the same ids, to every one of ``stores``, and asserts that they answer the same."""

    def __init__(self, clock: FakeClock, *stores: Store) -> None:
        self.clock = clock
        self.stores = list(stores)
        self._bots: list[tuple[str, str]] = []
        self._chats: list[tuple[str, str]] = []
        self._turns: list[tuple[str, str, str, str, str]] = []  # tenant, conversation, turn, question, answer
        self._claims: dict[str, tuple[Claim, int]] = {}
        self._uploads: list[tuple[str, str]] = []
        self._replays: list[Step] = []

    async def step(self, kind: int, number: int) -> None:
        """Do one of ``DEEDS``, to something that the number chooses."""
        deed = DEEDS[kind % len(DEEDS)]
        if deed in RARE and number % 5:
            return
        step = deed(self, number)
        if step is not None:
            await self._do(step)

    async def _do(self, step: Step) -> None:
        answers = [await _answer(step, store) for store in self.stores]
        for answer in answers[1:]:
            assert _known(answer) == _known(answers[0]), (_known(answer), _known(answers[0]))
        self._learn(answers[0])

    def _learn(self, answer: object) -> None:
        match answer:
            case Begun(claim=Claim() as claim) | Finished(promoted=Claim() as claim):
                self._claims[claim.turn.id] = (claim, 0)
            case Recovered(claimed=claimed):
                self._claims |= {claim.turn.id: (claim, 0) for claim in claimed}
            case _:
                pass

    def _keep(self, step: Step) -> Step:
        self._replays.append(step)
        return step

    def again(self, number: int) -> Step | None:
        """Something that was done with a key."""
        return self._replays[number % len(self._replays)] if self._replays else None

    def wait(self, number: int) -> None:
        """Time passes."""
        self.clock.advance((number % 4) ** 3)

    def create_bot(self, number: int) -> Step:
        tenant_id, bot_id = TENANTS[number % 5 == 4], new_id("bot")
        self._bots.append((tenant_id, bot_id))
        draft = BotDraft(
            id=bot_id,
            name=f"bot {number}",
            model="offline",
            idle_timeout_minutes=1 if number % 2 else None,
            widget={"allowed_origins": ["*"], "messages_per_day": number + 1} if number % 2 else None,
            metadata={"number": number / 7},
        )
        step: Step = lambda store: store.create_bot(tenant_id, draft, _once(bot_id) if number % 3 else None)  # noqa: E731
        return self._keep(step) if number % 3 else step

    def create_chat(self, number: int) -> Step | None:
        if not self._bots:
            return None
        tenant_id, bot_id = self._bots[number % len(self._bots)]
        chat_id = new_id("conv")
        self._chats.append((tenant_id, chat_id))
        person = EntityDraft(id=new_id("ent"), external_id=str(number % 3), name=WORDS[number % 5])
        draft = ConversationDraft(
            id=chat_id, bot_id=bot_id, entity=person if number % 2 else None, title=WORDS[number % 5]
        )
        return self._keep(lambda store: store.create_conversation(tenant_id, draft, _once(chat_id)))

    def _chat(self, number: int) -> tuple[str, str] | None:
        return self._chats[number % len(self._chats)] if self._chats else None

    def begin(self, number: int) -> Step | None:
        chosen = self._chat(number)
        if chosen is None:
            return None
        tenant_id, chat_id = chosen
        turn_id, answer_id = child_id("turn", chat_id), child_id("msg", chat_id)
        opening, question_id = self._opening(tenant_id, chat_id, number)
        self._turns.append((tenant_id, chat_id, turn_id, question_id, answer_id))
        order = TurnOrder(
            conversation_id=chat_id,
            turn_id=turn_id,
            answer_id=answer_id,
            opening=opening,
            once=_once(turn_id) if number % 4 else None,
            policy=list(Policy)[number % 3],
            params={"max_tokens": number} if number % 3 else {},
            owner="worker",
            lease_seconds=LEASE_SECONDS,
        )
        step: Step = lambda store: store.begin_turn(tenant_id, order)  # noqa: E731
        return self._keep(step) if order.once else step

    def _opening(self, tenant_id: str, chat_id: str, number: int) -> tuple[Continue | Regenerate | EditQuestion, str]:
        before = [turn for turn in self._turns if turn[1] == chat_id]
        question = Question(message_id=child_id("msg", chat_id), parts=self._parts(tenant_id, number))
        if not before or number % 4 > 2:
            return Continue(question=question), question.message_id
        _, _, turn_id, question_id, answer_id = before[number % len(before)]
        match number % 4:
            case 0:
                return Regenerate(answer_id=answer_id), question_id
            case 1:
                return EditQuestion(message_id=question_id, question=question), question.message_id
            case _:
                return Continue(question=question, parent_id=turn_id), question.message_id

    def _parts(self, tenant_id: str, number: int) -> tuple[Any, ...]:
        ours = [each for owner, each in self._uploads if owner == tenant_id]
        if not ours or number % 2:
            return text(WORDS[number % 5])
        return (TextPart(text=WORDS[number % 5]), ImagePart(attachment_id=ours[number % len(ours)], media_type="a/b"))

    def upload(self, number: int) -> Step:
        tenant_id, content = TENANTS[number % 5 == 4], b"x" * (number % 3)
        attachment = Attachment(
            id=new_id("att"),
            name=str(number),
            media_type="a/b",
            size_bytes=len(content),
            sha256=hashlib.sha256(content).hexdigest(),
            created_at=from_micros(self.clock.micros()),
        )
        self._uploads.append((tenant_id, attachment.id))
        return lambda store: store.put_attachment(tenant_id, attachment, content)

    def _claim(self, number: int) -> tuple[Claim, int] | None:
        return list(self._claims.values())[number % len(self._claims)] if self._claims else None

    def say(self, number: int) -> Step | None:
        chosen = self._claim(number)
        if chosen is None:
            return None
        claim, count = chosen
        self._claims[claim.turn.id] = (claim, count + 1)
        delta = said(claim, WORDS[number % 5], after=count)
        return lambda store: store.append_deltas([delta])

    def finish(self, number: int) -> Step | None:
        chosen = self._claim(number)
        if chosen is None:
            return None
        claim, _ = chosen
        del self._claims[claim.turn.id]
        reason = InterruptReason.STOPPED if number % 3 == 0 else None
        status = TurnStatus.INTERRUPTED if reason else TurnStatus.COMPLETED
        outcome = Outcome(status=status, reason=reason, parts=text(WORDS[number % 5]))
        return lambda store: store.finish_turn(claim, outcome, promote="worker" if number % 2 else None)

    def append(self, number: int) -> Step | None:
        chosen = self._chat(number)
        if chosen is None:
            return None
        tenant_id, chat_id = chosen
        turn_id, ids = child_id("turn", chat_id), [child_id("msg", chat_id) for _ in range(2)]
        roles = (Role.USER, Role.ASSISTANT)[: 1 + number % 2]
        lines = [
            AppendedMessage(message_id=each, turn_id=turn_id, role=role, parts=text(WORDS[number % 5]))
            for each, role in zip(ids, roles, strict=False)
        ]
        if len(lines) == 2:
            self._turns.append((tenant_id, chat_id, turn_id, *ids))
        return self._keep(lambda store: store.append_messages(tenant_id, chat_id, lines, _once(turn_id)))

    def _about_turn(
        self, number: int, do: Callable[[Store, tuple[str, str, str, str, str]], Awaitable[Any]]
    ) -> Step | None:
        if not self._turns:
            return None
        turn = self._turns[number % len(self._turns)]
        return lambda store: do(store, turn)

    def stop(self, number: int) -> Step | None:
        return self._about_turn(number, lambda store, t: store.request_stop(t[0], t[2], InterruptReason.STOPPED))

    def head(self, number: int) -> Step | None:
        return self._about_turn(number, lambda store, t: store.set_head(t[0], t[1], t[2]))

    def delete_answer(self, number: int) -> Step | None:
        return self._about_turn(number, lambda store, t: store.delete_turn(t[0], t[3 + number % 2]))

    def restore_answer(self, number: int) -> Step | None:
        return self._about_turn(number, lambda store, t: store.restore_turn(t[0], t[3 + number % 2]))

    def deleted(self, number: int) -> Step:
        """What can be restored, with its order."""
        tenant_id = TENANTS[number % 5 == 4]
        return lambda store: _listed(store, tenant_id)

    def rate(self, number: int) -> Step | None:
        rating = 1 + number % 5
        return self._about_turn(number, lambda store, t: store.rate_message(t[0], t[4], rating, WORDS[number % 5]))

    def _about_chat(self, number: int, do: Callable[[Store, str, str], Awaitable[Any]]) -> Step | None:
        chosen = self._chat(number)
        return None if chosen is None else lambda store: do(store, *chosen)

    def end(self, number: int) -> Step | None:
        ending = Ending(rating=1 + number % 5)
        return self._about_chat(number, lambda store, t, c: store.end_conversation(t, c, ending))

    def set_status(self, number: int) -> Step | None:
        status = list(ConversationStatus)[number % 3]
        return self._about_chat(number, lambda store, t, c: store.set_status(t, c, status))

    def delete_chat(self, number: int) -> Step | None:
        return self._about_chat(number, lambda store, t, c: store.delete_conversation(t, c))

    def restore_chat(self, number: int) -> Step | None:
        return self._about_chat(number, lambda store, t, c: store.restore_conversation(t, c))

    def _about_bot(self, number: int, do: Callable[[Store, str, str], Awaitable[Any]]) -> Step | None:
        if not self._bots:
            return None
        chosen = self._bots[number % len(self._bots)]
        return lambda store: do(store, *chosen)

    def delete_bot(self, number: int) -> Step | None:
        return self._about_bot(number, lambda store, t, b: store.delete_bot(t, b))

    def restore_bot(self, number: int) -> Step | None:
        return self._about_bot(number, lambda store, t, b: store.restore_bot(t, b))

    def edit_bot(self, number: int) -> Step | None:
        change = BotChange(idle_timeout_minutes=None if number % 2 else 1, metadata={"edit": number})
        return self._about_bot(number, lambda store, t, b: store.update_bot(t, b, change))

    def key(self, number: int) -> Step:
        draft = a_key(self.clock, tenant_id=TENANTS[number % 2])
        return lambda store: store.create_key(draft)

    def recover(self, number: int) -> Step:
        return lambda store: store.recover("worker", LEASE_SECONDS, 100)

    def end_idle(self, number: int) -> Step:
        return lambda store: store.end_idle(100)

    def expire(self, number: int) -> Step:
        return lambda store: store.expire_logs(older_than_seconds=number % 30, limit=100)

    def purge(self, number: int) -> Step:
        async def all_of_it(store: Store) -> None:
            while await store.purge(deleted_before_seconds=number % 30, limit=1 + number % 20):
                pass

        return all_of_it


DEEDS: Sequence[Callable[[Life, int], Step | None]] = (
    Life.create_bot,
    Life.create_chat,
    *(Life.begin,) * 6,
    *(Life.say,) * 4,
    *(Life.finish,) * 3,
    Life.append,
    *(Life.upload, Life.wait, Life.again, Life.stop, Life.head, Life.delete_answer, Life.rate),
    *(Life.delete_answer, Life.restore_answer, Life.restore_answer, Life.deleted),
    *(Life.end, Life.set_status, Life.delete_chat, Life.restore_chat),
    *(Life.delete_bot, Life.restore_bot, Life.edit_bot, Life.key),
    *(Life.recover, Life.end_idle, Life.expire, Life.purge),
)


RARE = frozenset({Life.end, Life.set_status, Life.delete_chat, Life.delete_bot, Life.purge, Life.upload, Life.key})
"""What would leave nothing to be done, or crowd out everything else."""


def _once(key: str) -> Once:
    return Once(key=key, fingerprint=hashlib.sha256(key.encode()).digest())


async def _listed(store: Store, tenant_id: str) -> Mapping[str, int]:
    page = await store.page_deleted_messages(tenant_id, Window(limit=100))
    return {message.id: at for at, message in enumerate(page.data)}


async def _answer(step: Step, store: Store) -> Any:
    try:
        return await step(store)
    except PalaverError as error:
        return error.code


def _known(answer: Any) -> Any:
    """An answer in which what has no order has none."""
    match answer:
        case Recovered():
            claimed = sorted(answer.claimed, key=lambda claim: claim.turn.id)
            return replace(answer, ended=tuple(sorted(answer.ended)), claimed=tuple(claimed))
        case tuple() | list() if all(isinstance(each, str) for each in answer):
            return sorted(answer)
        case _:
            return answer
