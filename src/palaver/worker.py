"""Runs one turn: gives the model its context, gathers what it says, ends the turn.

The worker only gathers; the ticker writes what it gathered, together with the ticks of all other turns, and announces
it then. A worker owns its turn as long as its fence holds. It ends in one of three ways: it finishes the turn itself
(whatever the outcome), it finds that the turn is no longer its own and writes nothing more, or the process dies and
another one ends the turn.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import structlog

from palaver.album import Album
from palaver.clock import Clock, from_micros
from palaver.context import Window, images_of, search_text
from palaver.conversation import (
    ContextUse,
    InterruptReason,
    ReasoningPart,
    TextPart,
    TurnError,
    TurnStatus,
    Usage,
    Utterance,
)
from palaver.document import Citation, Hit, citation_of
from palaver.errors import FenceLost, ModelError, NotFound, PalaverError, Unavailable
from palaver.events import Event, citations, ending, reasoning_delta, retrieval_done, text_delta
from palaver.feed import LiveTurn
from palaver.fold import Draft
from palaver.models.base import ChatModel, ModelCatalog, Prompt, ReasoningSaid, Said, TextSaid, TokensCounted, can_see
from palaver.prices import PriceTable
from palaver.stores.base import Store
from palaver.stores.orders import HISTORY_TURNS, Claim, Delta, Finished, Outcome
from palaver.text import paragraphs
from palaver.titles import MakeTitle, is_answered, untitled

EVENT_CODE_POINTS = 16_000
"""The most text one event carries: 64 KiB of UTF-8 at four bytes a character."""
LINEAGE_TURNS_MAX = 160
TOKENS_MAX = 2**53
_RETRY_SECONDS_MAX = 2.0

_log = structlog.get_logger("palaver.turn")
_Spoken = type[TextPart] | type[ReasoningPart]
_PART: Mapping[type, _Spoken] = {TextSaid: TextPart, ReasoningSaid: ReasoningPart}
_DELTA: Mapping[_Spoken, Callable[[int, str], Event]] = {TextPart: text_delta, ReasoningPart: reasoning_delta}


Find = Callable[[Claim, str], Awaitable[Sequence[Hit]]]
"""Finds chunks of a claim's bot for a text, best first."""


async def find_nothing(_claim: Claim, _text: str) -> Sequence[Hit]:
    """The ``Find`` of an engine without retrieval."""
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Aid:
    """What is done for a turn besides calling its model: passages are found before, and a title is made with its end."""

    find: Find = find_nothing
    make_title: MakeTitle = untitled


ALONE = Aid()


@dataclass(frozen=True, slots=True, kw_only=True)
class Workshop:
    """What every worker of an engine shares."""

    store: Store
    models: ModelCatalog
    aid: Aid
    clock: Clock
    context_tokens: int
    image_bytes: int
    prices: PriceTable
    mark: Callable[[Worker], None]
    """Tells the ticker that this worker has something to write."""
    settled: Callable[[Worker], Awaitable[None]]
    """Waits until the ticker has nothing of this worker's in its hands."""
    promote: Callable[[], str | None]
    """The owner for the next queued turn; None while draining."""
    doubt: Callable[[], None]
    """Tells the engine that an answer of the store was lost: what it would have said may have been done."""


def _sane(count: int) -> int:
    """A count as every store can keep it: what a provider says is data."""
    return min(max(count, 0), TOKENS_MAX)


class Worker:
    """One running turn of this process. ``run`` is its life.

    Attributes:
        gone: Set when that life is over.
        finished: The end that it wrote; None where it wrote none, because the turn was no longer its own.
        seen_at: When the store last said that the turn is its own, in seconds of the loop's clock.
    """

    def __init__(self, claim: Claim, live: LiveTurn, shop: Workshop) -> None:
        self.claim = claim
        self.finished: Finished | None = None
        self.gone = asyncio.Event()
        self.seen_at = 0.0
        self._live = live
        live.is_local = True
        self._shop = shop
        self._draft = Draft()
        self._pending: list[tuple[_Spoken, str]] = []
        self._untold: tuple[Citation, ...] = ()
        self._unwritten: list[Event] = []
        self._next_seq = claim.next_seq
        self._usage = Usage()
        self._context: ContextUse | None = None
        self._first_token_at: datetime | None = None
        self._interrupt: InterruptReason | None = None
        self._is_lost = False
        self._is_heard = False
        self._has_spoken = False
        self._talking: asyncio.Task[Outcome] | None = None

    @property
    def turn_id(self) -> str:
        """The turn it runs."""
        return self.claim.turn.id

    @property
    def is_urgent(self) -> bool:
        """Whether no word of it was written yet: the first ones do not wait for the tick."""
        return not self._is_heard

    def stop(self, reason: InterruptReason) -> None:
        """Abort the model and end the turn with its text so far; the first reason stays."""
        if self._interrupt is None:
            self._interrupt = reason
        self._hang_up()

    def lose(self) -> None:
        """The turn is no longer this worker's: abort the model and write nothing more."""
        self._is_lost = True
        self._hang_up()

    def hand_back(self, delta: Delta) -> None:
        """A tick was refused by the store: readers are cut, the turn is ended with its text once the store is back."""
        self._unwritten.extend(delta.events)
        self._live.cut()
        self.stop(InterruptReason.STORE_UNAVAILABLE)

    def _hang_up(self) -> None:
        if self._talking is not None:
            self._talking.cancel()

    def take_tick(self) -> Delta | None:
        """Return what was said since the last tick, numbered; the ticker writes it or hands it back.

        What was said last goes with the end of the turn, in one transaction; so does all that comes behind a tick that
        was handed back.
        """
        if self._has_spoken or self._is_lost or self._unwritten:
            return None
        if not self._pending and not self._untold:
            return None
        pending, self._pending = self._pending, []
        events = self._events_of(pending)
        return Delta(tenant_id=self.claim.tenant_id, turn_id=self.claim.turn.id, fence=self.claim.fence, events=events)

    def _events_of(self, pending: Sequence[tuple[_Spoken, str]]) -> Sequence[Event]:
        """Number what was said; what was found for it comes first, once."""
        events: list[Event] = []
        if self._untold:
            events.append(retrieval_done(self._next_seq, self._untold))
            self._untold = ()
        self._is_heard = self._is_heard or bool(pending)
        if len(pending) == 1 and len(pending[0][1]) <= EVENT_CODE_POINTS:
            kind, text = pending[0]
            events.append(_DELTA[kind](self._next_seq + len(events), text))
        else:
            draft = Draft()
            for kind, text in pending:
                draft.add(kind, text)
            for part in draft.parts():
                assert isinstance(part, TextPart | ReasoningPart)
                for start in range(0, len(part.text), EVENT_CODE_POINTS):
                    piece = part.text[start : start + EVENT_CODE_POINTS]
                    events.append(_DELTA[type(part)](self._next_seq + len(events), piece))
        self._next_seq += len(events)
        return events

    def published(self, events: Sequence[Event]) -> None:
        """A tick is written: readers may see it."""
        self._live.publish(events)

    async def run(self) -> None:
        """Live: talk to the model, then end the turn. Raises nothing but the cancellation of the engine."""
        try:
            outcome = await self._converse()
            if not self._is_lost:
                await self._finish(outcome)
        except FenceLost:
            self._is_lost = True
        except Exception:  # noqa: BLE001
            # Its end can't be written, by a fault of ours: the lease runs out, and recovery ends it with its text.
            _log.exception("turn_has_no_end", turn_id=self.turn_id)
        finally:
            self._live.is_local = False
            self._live.mend()
            self._live.wake()
            self.gone.set()

    async def _converse(self) -> Outcome:
        """Talk to the model in a task of its own, so that a stop cancels the talk and nothing else."""
        if self._interrupt is None and not self._is_lost:
            async with asyncio.TaskGroup() as group:
                self._talking = group.create_task(self._talk())
            if not self._talking.cancelled():
                return self._talking.result()
        return self._interrupted(self._interrupt or InterruptReason.SHUTDOWN)

    async def _talk(self) -> Outcome:
        # One of the three places that catch everything (with ``run``): a fault in one turn stops no other.
        try:
            await self._listen()
        except ModelError as error:
            return self._outcome_of(error)
        except Unavailable:
            return self._interrupted(InterruptReason.STORE_UNAVAILABLE)
        except PalaverError as error:
            return self._failed(TurnError(code=error.code, message=error.message))
        except Exception:  # noqa: BLE001
            _log.exception("turn_broke", turn_id=self.turn_id)
            return self._failed(TurnError(code="internal", message="The turn broke; the log of the server says why."))
        finally:
            self._has_spoken = True
        return self._outcome(TurnStatus.COMPLETED)

    async def _listen(self) -> None:
        model = self._shop.models.find(self.claim.turn.model)
        prompt = await self._prompt(model)
        async with model.stream(prompt) as stream:
            async for said in stream:
                self._hear(said)

    def _hear(self, said: Said) -> None:
        if self._interrupt is not None or self._is_lost:
            raise asyncio.CancelledError  # a model that swallowed the first one is not listened to any more
        match said:
            case TextSaid() | ReasoningSaid() if said.text:
                if self._first_token_at is None:
                    self._first_token_at = from_micros(self._shop.clock.micros())
                part = _PART[type(said)]
                self._draft.add(part, said.text)
                self._pending.append((part, said.text))
                self._shop.mark(self)
            case TokensCounted():
                self._usage = Usage(input_tokens=_sane(said.input_tokens), output_tokens=_sane(said.output_tokens))
            case _:
                pass

    async def _prompt(self, model: ChatModel) -> Prompt:
        bot = self.claim.bot
        params = {**bot.params, **self.claim.params}
        sees = can_see(model, params)
        images = images_of(self.claim.question.parts) if self.claim.question else ()
        if images and not sees:  # the bot was changed since the question was accepted
            raise ModelError("The model of this bot can't be given images.", code="model_has_no_vision")
        params.pop("metadata", None)
        instructions = paragraphs(bot.instructions, params.pop("instructions", ""))
        window = Window(
            instructions=instructions,
            question=self.claim.question.text if self.claim.question else "",
            budget_tokens=params.pop("context_tokens", self._shop.context_tokens),
            images=images,
            sees=sees,
        )
        history: Sequence[Utterance] = self.claim.history
        self._tell_found(window.take_passages(await self._find(history)))
        asked = HISTORY_TURNS
        while True:
            window.take(history)
            if window.is_full or len({said.turn_id for said in history}) < asked:
                break
            asked = min(asked * 2, LINEAGE_TURNS_MAX)
            history = await self._before(history[-1].turn_id, asked)
        self._context = window.use()
        album = Album(self._shop.store, self.claim.tenant_id, self._shop.image_bytes)
        messages = await album.messages(window.lines())
        return Prompt(instructions=instructions, messages=messages, passages=window.passages(), params=params)

    async def _find(self, history: Sequence[Utterance]) -> Sequence[Hit]:
        question = self.claim.question
        if not self.claim.index.revision or question is None or not question.text:
            return ()
        return await self._shop.aid.find(self.claim, search_text(question.text, history))

    def _tell_found(self, hits: Sequence[Hit]) -> None:
        if hits:
            self._untold = self._draft.found = tuple(map(citation_of, hits))
            self._shop.mark(self)

    async def _before(self, turn_id: str, turns: int) -> Sequence[Utterance]:
        try:
            return await self._shop.store.lineage(self.claim.tenant_id, turn_id, turns=turns)
        except NotFound:  # it was deleted while we read: what was read before it is what there is
            return ()

    def _outcome_of(self, error: ModelError) -> Outcome:
        if error.provider_text:
            _log.warning("provider_said", turn_id=self.turn_id, code=error.code, text=error.provider_text)
        shown = TurnError(code=error.code, message=error.message)
        if error.interrupts:
            return self._interrupted(InterruptReason(error.code), shown)
        return self._failed(shown)

    def _interrupted(self, reason: InterruptReason, error: TurnError | None = None) -> Outcome:
        return self._outcome(TurnStatus.INTERRUPTED, reason=reason, error=error)

    def _failed(self, error: TurnError) -> Outcome:
        return self._outcome(TurnStatus.FAILED, error=error)

    def _outcome(
        self, status: TurnStatus, *, reason: InterruptReason | None = None, error: TurnError | None = None
    ) -> Outcome:
        return Outcome(
            status=status,
            reason=reason,
            error=error,
            usage=self._priced(),
            context=self._context,
            first_token_at=self._first_token_at,
        )

    def _priced(self) -> Usage:
        today = from_micros(self._shop.clock.micros()).date()
        return replace(self._usage, cost_micro=self._shop.prices.cost_micro(self.claim.turn.model, today, self._usage))

    async def _finish(self, outcome: Outcome) -> None:
        """Write the end, again and again while the store is down, until it is written or the turn is not ours."""
        await self._shop.settled(self)
        pending, self._pending = self._pending, []
        behind = self._next_seq - 1 if self._next_seq > self.claim.next_seq else None
        events = [*self._unwritten, *self._events_of(pending)]
        if cited := self._draft.citations:
            events.append(citations(self._next_seq, cited))
            self._next_seq += 1
        parts = self._draft.parts()
        outcome = replace(
            outcome,
            parts=parts,
            citations=cited,
            title=self._shop.aid.make_title(self.claim) if is_answered(outcome.status, parts) else None,
            consulted=tuple(dict.fromkeys(each.document_id for each in self._draft.found)),
            events=events,
            behind=behind,
        )
        finished = await self._write(outcome, [*self._live.recent, *events])
        if self._live.is_read:
            last = ending(finished.last_seq, finished.turn, finished.answer)
            self._live.publish([*events, last])
        self.finished = finished

    async def _write(self, outcome: Outcome, recent: Sequence[Event]) -> Finished:
        """Write the end. A database that crashed may have lost the last ticks: then ``recent`` goes with it."""
        pause = 0.05
        if self._unwritten:
            outcome = replace(outcome, events=recent, behind=None)
        while True:
            try:
                return await self._shop.store.finish_turn(self.claim, outcome, promote=self._shop.promote())
            except Unavailable:
                self._shop.doubt()
                outcome = replace(outcome, events=recent, behind=None)
                self._live.cut()
                await asyncio.sleep(pause)
                pause = min(pause * 2, _RETRY_SECONDS_MAX)
