"""The turn engine: begin, run, persist, emit, resume, stop, recover.

A turn is accepted in one transaction of the store; only then does anyone hear of it and is a model called. From there
on nobody needs to listen: the turn runs in a task of the engine, its words are written before they are shown, and
whoever wants them reads the turn's log. Several engines (processes) may work on one store: what they know of each other
is in the rows, a lease with a fence for each running turn.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass

import structlog

from palaver.background import forever
from palaver.clock import Clock, SystemClock
from palaver.conversation import InterruptReason, Turn
from palaver.errors import ShuttingDown, Unavailable
from palaver.events import Event
from palaver.feed import Feed
from palaver.ids import new_id
from palaver.models.base import ModelCatalog
from palaver.prices import PriceTable
from palaver.reader import EndedTurn, TurnReader
from palaver.stores.base import Feature, Store
from palaver.stores.orders import Begun, Claim, Finished, Missed, Recovered, TurnOrder, Watch
from palaver.ticker import Ticker
from palaver.worker import ALONE, Aid, Worker, Workshop

STOP_WAIT_SECONDS = 5.0
RECOVERED_AT_ONCE = 50
MISSED_SECONDS = 2.0
"""How long an answer of the store may take: what it gave us longer ago than this, and we don't know of, was missed."""
FLOOR_SECONDS = 0.5
"""How often a reader looks at a store that wakes it, in case that a wake-up was lost."""
_log = structlog.get_logger("palaver.turns")


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineLimits:
    """Times in seconds and sizes; the defaults are the contract's."""

    lease_seconds: float = 15.0
    tick_seconds: float = 0.025
    poll_seconds: float = 0.25
    sweep_seconds: float = 2.0
    drain_seconds: float = 8.0
    context_tokens: int = 8_000
    image_bytes: int = 20_000_000


class TurnEngine:
    """Runs turns in this process. ``start`` before the first call, ``close`` after the last."""

    def __init__(
        self,
        store: Store,
        models: ModelCatalog,
        *,
        aid: Aid = ALONE,
        clock: Clock | None = None,
        limits: EngineLimits | None = None,
        prices: PriceTable | None = None,
    ) -> None:
        self.owner = new_id("proc")
        self._told: list[Callable[[Claim, Finished], None]] = []
        self.limits = limits or EngineLimits()
        self._store = store
        self._feed = Feed()
        self._wakes = Feature.WAKEUPS in store.features
        self._reader = TurnReader(
            store, self._feed, poll_seconds=FLOOR_SECONDS if self._wakes else self.limits.poll_seconds
        )
        self._ticker = Ticker(store, self.limits.tick_seconds)
        self._shop = Workshop(
            store=store,
            models=models,
            aid=aid,
            clock=clock or SystemClock(),
            context_tokens=self.limits.context_tokens,
            image_bytes=self.limits.image_bytes,
            prices=prices or PriceTable({}),
            mark=self._ticker.mark,
            settled=self._ticker.settled,
            promote=lambda: None if self.is_draining else self.owner,
            doubt=self._doubt,
        )
        self._doubted_at = -math.inf
        self._passed: dict[str, float] = {}
        self._workers: dict[str, Worker] = {}
        self._beginning = 0
        self._loops: list[asyncio.Task[None]] = []
        self._closing = asyncio.Event()
        self._drained = asyncio.Event()
        self._group: asyncio.TaskGroup | None = None
        self._root: asyncio.Task[None] | None = None
        self.is_draining = False

    @property
    def running(self) -> int:
        """How many turns run in this process now."""
        return len(self._workers)

    async def start(self, *, recovers: bool = True) -> None:
        """Begin to work; if it ``recovers``, take over what a dead process left behind, now and from now on."""
        started = asyncio.Event()
        # The root of every task of the engine: it outlives the request that a turn came with.
        self._root = asyncio.create_task(self._live(started), name="palaver engine")
        await started.wait()
        if recovers:
            with suppress(Unavailable):
                await self.recover()
            self.do_forever("recovery", self.recover, pause_seconds=self.limits.sweep_seconds)

    async def _live(self, started: asyncio.Event) -> None:
        limits = self.limits
        async with asyncio.TaskGroup() as group:
            self._group = group
            self.do_forever("ticker", self._ticker.step, pause_seconds=0)
            self.do_forever("watch", self._watch, pause_seconds=limits.poll_seconds * 0.8)
            self.do_forever("leases", self._renew, pause_seconds=limits.lease_seconds / 3)
            if self._wakes:
                self.do_forever("wakeups", self._listen, pause_seconds=0)
            started.set()
            await self._closing.wait()
            for task in self._loops:
                task.cancel()

    async def drain(self) -> None:
        """Accept nothing more and end every turn of this process ``interrupted(shutdown)``, within ``drain_seconds``."""
        if self.is_draining:
            await self._drained.wait()
            return
        self.is_draining = True
        try:
            async with asyncio.timeout(self.limits.drain_seconds):
                with suppress(Unavailable):
                    for turn_id in await self._store.cancel_queued(self.owner, InterruptReason.SHUTDOWN):
                        self._feed.wake(turn_id)
                while self._workers or self._beginning:
                    await self._stop_all(InterruptReason.SHUTDOWN)
        except TimeoutError:
            _log.warning("drain_ran_out_of_time", turns=len(self._workers))
        finally:
            self._drained.set()

    async def _stop_all(self, reason: InterruptReason) -> None:
        workers = list(self._workers.values())
        for worker in workers:
            worker.stop(reason)
        for worker in workers:
            await worker.gone.wait()
        await asyncio.sleep(0 if workers else 0.005)  # a turn that is being accepted appears in a moment

    async def close(self) -> None:
        """Drain, then stop working."""
        await self.drain()
        self._closing.set()
        for worker in list(self._workers.values()):
            worker.lose()
        if self._root is not None:
            try:
                async with asyncio.timeout(1):
                    await asyncio.shield(self._root)
            except TimeoutError:
                while not self._root.done():  # redis-py can swallow a cancellation: then it is said again
                    for task in (*self._loops, self._root):
                        task.cancel()
                    await asyncio.wait((self._root,), timeout=1)

    async def begin(self, tenant_id: str, order: TurnOrder) -> Begun:
        """Accept a turn, and run it if it need not wait. See ``Store.begin_turn`` for what is raised.

        Raises:
            ShuttingDown: This process is draining; nothing was stored.
        """
        if self.is_draining:
            raise ShuttingDown("This server is stopping; send again.", retry_after_seconds=1)
        self._beginning += 1
        # A caller that is cancelled here (a client hung up) must not leave an accepted turn with nobody to run it.
        storing = asyncio.ensure_future(self._store.begin_turn(tenant_id, order))
        storing.add_done_callback(self._begun)
        return await asyncio.shield(storing)

    def _begun(self, storing: asyncio.Future[Begun]) -> None:
        """A begin was stored or refused. This is called before the caller, if it still waits, goes on."""
        self._beginning -= 1
        if storing.cancelled() or isinstance(storing.exception(), Unavailable):
            self._doubt()
            return
        if storing.exception() is not None:
            return
        begun = storing.result()
        if begun.superseded is not None and (worker := self._workers.get(begun.superseded)):
            worker.stop(InterruptReason.SUPERSEDED)
        if begun.claim is not None:
            self._spawn(begun.claim)

    def _spawn(self, claim: Claim) -> None:
        """Run a claimed turn. Its worker is known here before anyone can ask for it."""
        assert self._group is not None, "start() comes first"
        if claim.turn.id in self._passed:
            return  # an answer that was thought lost came late: the turn was adopted meanwhile
        worker = Worker(claim, self._feed.hold(claim.turn.id), self._shop)
        self._workers[claim.turn.id] = worker
        if self.is_draining:
            worker.stop(InterruptReason.SHUTDOWN)
        self._group.create_task(self._run(worker), name=f"turn {claim.turn.id}")

    async def _run(self, worker: Worker) -> None:
        try:
            await worker.run()
        finally:
            if worker.finished is None:
                self._pass(worker.turn_id)
            del self._workers[worker.turn_id]
            self._feed.let_go(worker.turn_id)
        if worker.finished is None:
            return
        for tell in self._told:
            tell(worker.claim, worker.finished)
        if worker.finished.promoted is not None:
            self._spawn(worker.finished.promoted)

    def tell_of_ends(self, tell: Callable[[Claim, Finished], None]) -> None:
        """Have somebody told of every turn that this process ends."""
        self._told.append(tell)

    def do_forever(self, name: str, step: Callable[[], Awaitable[object]], *, pause_seconds: float) -> None:
        """Do something again and again for as long as the engine works."""
        assert self._group is not None, "start() comes first"
        self._loops.append(self._group.create_task(forever(name, step, pause_seconds=pause_seconds), name=name))

    def follow(self, tenant_id: str, turn_id: str, *, after: int = 0) -> AsyncGenerator[Sequence[Event], None]:
        """Yield the events of a turn after number ``after``, in batches. See ``TurnReader.follow``."""
        return self._reader.follow(tenant_id, turn_id, after=after)

    async def wait(self, tenant_id: str, turn_id: str) -> EndedTurn:
        """Wait for the end of a turn."""
        worker = self._workers.get(turn_id)
        if worker is not None and worker.claim.tenant_id == tenant_id:
            await worker.gone.wait()
            if (finished := worker.finished) is not None:
                return EndedTurn(turn=finished.turn, question=worker.claim.question, answer=finished.answer)
        return await self._reader.wait(tenant_id, turn_id, begun=worker is not None)

    async def stop(self, tenant_id: str, turn_id: str) -> Turn:
        """Stop a turn and keep its text. Returns once it has ended, or as it is after five seconds."""
        turn = await self._store.request_stop(tenant_id, turn_id, InterruptReason.STOPPED)
        self._feed.wake(turn_id)
        if turn.status.is_terminal:
            return turn
        if worker := self._workers.get(turn_id):
            worker.stop(InterruptReason.STOPPED)
        with suppress(TimeoutError):
            async with asyncio.timeout(STOP_WAIT_SECONDS):
                return (await self.wait(tenant_id, turn_id)).turn
        return turn

    def forsake(
        self,
        *,
        conversation_id: str | None = None,
        turn_ids: Collection[str] = (),
        answer_ids: Collection[str] = (),
    ) -> None:
        """The store has ended these turns (or all open ones of the conversation): abort their models at once."""
        for worker in list(self._workers.values()):
            turn = worker.claim.turn
            if turn.conversation_id == conversation_id or turn.id in turn_ids or turn.message_id in answer_ids:
                worker.lose()
        for turn_id in turn_ids:
            self._feed.wake(turn_id)

    async def _watch(self) -> None:
        """Ask the store after turns that said nothing lately: were they asked to stop, are they still ours?"""
        stale_before = asyncio.get_running_loop().time() - self.limits.poll_seconds / 2
        quiet = [worker.claim for worker in self._workers.values() if worker.seen_at <= stale_before]
        if quiet:
            self._obey(await self._store.watch_turns(quiet))

    async def _listen(self) -> None:
        """Let those look at the store who read or run a turn that another process changed."""
        async with aclosing(self._store.wakeups()) as news:
            async for turn_ids in news:
                for turn_id in turn_ids:
                    self._feed.wake(turn_id)
                ours = [worker.claim for turn_id in turn_ids if (worker := self._workers.get(turn_id))]
                if ours:
                    self._obey(await self._store.watch_turns(ours))

    async def _renew(self) -> None:
        claims = [worker.claim for worker in self._workers.values()]
        if claims:
            self._obey(await self._store.renew_leases(claims, self.limits.lease_seconds))

    def _obey(self, watch: Watch) -> None:
        for turn_id in watch.stale:
            if worker := self._workers.get(turn_id):
                worker.lose()
        for turn_id, reason in watch.stopping.items():
            if worker := self._workers.get(turn_id):
                worker.stop(reason)

    async def recover(self) -> None:
        """End what dead processes left running, and run what they left waiting."""
        # First our own leases: when the machine slept or its clock was set, they are over, too, and yet we are alive.
        await self._renew()
        if not self.is_draining:
            await self.adopt()
        while not self.is_draining:
            self._beginning += 1
            recovering = asyncio.ensure_future(
                self._store.recover(self.owner, self.limits.lease_seconds, RECOVERED_AT_ONCE)
            )
            recovering.add_done_callback(self._recovered)
            found = await asyncio.shield(recovering)
            if len(found.ended) + len(found.claimed) < RECOVERED_AT_ONCE:
                return

    def _doubt(self) -> None:
        """An answer of the store was lost. What it would have told of is looked for until its lease is over."""
        self._doubted_at = asyncio.get_running_loop().time()

    async def adopt(self) -> None:
        """Run what the store gave us in an answer that never came."""
        limits = self.limits
        over = asyncio.get_running_loop().time() - limits.lease_seconds
        self._passed = {turn_id: at for turn_id, at in self._passed.items() if at > over}
        if self._doubted_at <= over:
            return
        missed = Missed(
            owner=self.owner,
            known=(*self._workers, *self._passed),
            after_seconds=min(MISSED_SECONDS, limits.lease_seconds / 4),
        )
        self._beginning += 1
        adopting = asyncio.ensure_future(self._store.adopt(missed, limits.lease_seconds, RECOVERED_AT_ONCE))
        adopting.add_done_callback(self._adopted)
        await asyncio.shield(adopting)

    def _adopted(self, adopting: asyncio.Future[Sequence[Claim]]) -> None:
        self._beginning -= 1
        if adopting.cancelled() or adopting.exception() is not None:
            return
        for claim in adopting.result():
            self._spawn(claim)
            self._pass(claim.turn.id)

    def _pass(self, turn_id: str) -> None:
        """This turn was run here, or is: until its lease is over it is not run again."""
        self._passed[turn_id] = asyncio.get_running_loop().time()

    def _recovered(self, recovering: asyncio.Future[Recovered]) -> None:
        """A recovery was stored or refused: what it claimed has to run, even if nobody waits for it any more."""
        self._beginning -= 1
        if recovering.cancelled() or isinstance(recovering.exception(), Unavailable):
            self._doubt()
            return
        if recovering.exception() is not None:
            return
        found = recovering.result()
        for claim in found.claimed:
            self._spawn(claim)
        for turn_id in found.ended:
            self._feed.wake(turn_id)
