"""The engine, the hub and the store against ``book.py``: whatever is done in whatever order, they agree."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from engine.book import OPEN, QUEUE_CAP, Asked, Book, Line
from engine.gate import Gate, Gates
from engine.told import but_for_parents
from palaver.config import Limits, Settings
from palaver.errors import ModelError, PalaverError
from palaver.events import Event
from palaver.fold import fold
from palaver.hub import HubRoot
from palaver.hub.equipment import Equipment
from palaver.results import Accepted
from palaver.stores.base import Store
from palaver.stores.open import store_for
from palaver.testing import FakeClock
from palaver.turns import EngineLimits, TurnEngine
from servers.postgres import PostgresServer, name_of
from servers.redis import RedisServer

T = TypeVar("T")
CONVERSATIONS = 2
EXAMPLES = 100
LEASE_SECONDS = 15.0
LIMITS = EngineLimits(lease_seconds=LEASE_SECONDS, tick_seconds=0.0, poll_seconds=0.02, sweep_seconds=0.02)

any_number = st.integers(min_value=0, max_value=30)
policies = st.sampled_from(["reject", "queue", "interrupt"])
pieces = st.text(
    alphabet=st.characters(blacklist_categories=["Cs"], blacklist_characters="\x00"), min_size=1, max_size=6
)


class Machine(RuleBasedStateMachine):
    """One store, one engine at a time, two conversations each with a model of its own."""

    def __init__(self, url: str, empty: Callable[[], object]) -> None:
        super().__init__()
        self.url = url
        empty()
        self.runner = asyncio.Runner()
        self.clock = FakeClock()
        self.numbers = itertools.count(1)
        self.told: dict[str, list[Event]] = {}
        self.prompted: dict[str, int] = {}
        self.inherited: set[str] = set()
        self.run(self._open())

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Do it on the machine's loop, and never wait for ever."""
        return self.runner.run(_in_time(work))

    async def _open(self) -> None:
        self.gates = {f"gate{number}": Gate() for number in range(CONVERSATIONS)}
        self.store: Store = store_for(self.url, clock=self.clock)
        await self.store.open()
        await self._start_engine()
        self.books: list[Book] = []
        for name in self.gates:
            bot = await self.hub.bots.create(name=name, model=name, params={"context_tokens": 1_000_000})
            self.books.append(Book((await self.hub.conversations.create(bot.id)).id))

    async def _start_engine(self) -> None:
        self.catalog: Any = Gates(self.gates)
        self.engine = TurnEngine(self.store, self.catalog, clock=self.clock, limits=LIMITS)
        await self.engine.start()
        config = Settings(store=":memory:", limits=Limits(queue_cap=QUEUE_CAP))
        parts = replace(Equipment.on(self.store, config, AsyncExitStack()), engine=self.engine, models=self.catalog)
        self.hub = HubRoot(config, self.store, parts, b"s" * 32).for_tenant("default")

    def teardown(self) -> None:
        self.run(self._close())
        self.runner.close()

    async def _close(self) -> None:
        await self.engine.close()
        for book in self.books:
            if not book.deleted:
                for line in book.present():
                    status = (await self.hub.turns.get(line.id)).status
                    waits_for_the_next = status == "queued" and line.id in self.inherited
                    assert status.is_terminal or waits_for_the_next, "I6: a drain ends what this engine accepted"
                    if waits_for_the_next:
                        continue  # its stream has no end yet
                    if line.id in self.told:
                        told, later = self.told[line.id], await self._after(line.id, 0)
                        assert but_for_parents(told) == but_for_parents(later), "I8: a stream reads the same later"
        await self.store.close()

    def gate_of(self, book: Book) -> Gate:
        """The model that this conversation's bot asks."""
        return self.gates[f"gate{self.books.index(book)}"]

    async def settle(self, book: Book) -> None:
        """Wait until the model was called for what should run, and left for what should not."""
        gate, wanted = self.gate_of(book), int(book.running is not None)
        await gate.until(lambda: len(gate.calls) == book.starts and gate.open_calls == wanted)
        for line in book.lines.values():
            if line.status not in OPEN and not line.gone and not book.deleted and line.id not in self.told:
                await self.hub.turns.wait(line.id)

    async def refused(self, work: Awaitable[object]) -> str | None:
        """The code of the error, or None."""
        try:
            await work
        except PalaverError as error:
            return error.code
        return None

    # Beginning a turn

    async def begin(
        self, book: Book, key: str, body: tuple[object, ...], policy: str, send: Callable[[], Awaitable[Accepted]]
    ) -> Accepted | None:
        """Begin a turn as the book says it should go; return it if it is a new one."""
        wanted = book.refusal(key, body, policy)
        if wanted not in (None, "replayed"):
            assert await self.refused(send()) == wanted
            return None
        accepted = await send()
        assert accepted.replayed == (wanted == "replayed")
        if accepted.replayed:
            assert accepted.turn.id == book.keys[key].turn_id, "I2: the same key is the same turn"
            return None
        return accepted

    def entered(
        self, book: Book, accepted: Accepted, asked: Asked | None, parent: str | None, would: str | None
    ) -> Line:
        """Write a new turn into the book."""
        assert accepted.user_message is not None
        turn, first = accepted.turn, book.next_seq
        if asked is None:
            asked = Asked(accepted.user_message.id, turn.id, accepted.user_message.text, first)
            first += 1
        assert (accepted.user_message.seq, accepted.user_message.text) == (asked.seq, asked.text)
        assert turn.index == len(book.lines) + 1
        assert turn.parent_id == parent
        assert turn.message_id is not None
        return Line(turn.id, turn.index, parent, would, asked, turn.message_id, first, "running")

    @rule(number=any_number, policy=policies)
    def send(self, number: int, policy: str) -> None:
        """A send to the head of the active path."""
        book = self.books[number % CONVERSATIONS]
        self.run(self._send(book, f"k{next(self.numbers)}", f"question {next(self.numbers)}", None, policy))

    @rule(number=any_number, policy=policies)
    def send_beside(self, number: int, policy: str) -> None:
        """A send to any turn of the past."""
        book = self.books[number % CONVERSATIONS]
        ends = [line.id for line in book.present() if line.status not in OPEN]
        if ends:
            parent = ends[number % len(ends)]
            self.run(self._send(book, f"k{next(self.numbers)}", f"question {next(self.numbers)}", parent, policy))

    @precondition(lambda self: any(book.keys for book in self.books))
    @rule(number=any_number, policy=policies, other_body=st.booleans())
    def send_again(self, number: int, policy: str, other_body: bool) -> None:
        """A send with a key that was used, with the same body or another."""
        book = self.books[number % CONVERSATIONS]
        used = [each for each, entry in book.keys.items() if not book.lines[entry.turn_id].gone]
        if not used:
            return
        key, text, parent = used[number % len(used)], f"question {next(self.numbers)}", None
        body = book.keys[key].body
        if not other_body and body[0] == "send":
            _, text, parent, policy = body  # type: ignore[assignment]
        self.run(self._send(book, key, text, parent, policy))

    async def _send(self, book: Book, key: str, text: str, parent: str | None, policy: str) -> None:
        options: Any = {"key": key, "policy": policy} | ({"parent_id": parent} if parent else {})
        body = ("send", text, parent, policy)
        accepted = await self.begin(book, key, body, policy, lambda: self.hub.messages.start(book.id, text, **options))
        if accepted is not None:
            parent = parent or book.head
            line = self.entered(book, accepted, None, parent, book.would_continue(parent))
            book.begin(line, key, body, policy)
        await self.settle(book)

    @rule(number=any_number, policy=policies)
    def regenerate(self, number: int, policy: str) -> None:
        """The same question is answered again, beside."""
        book = self.books[number % CONVERSATIONS]
        ended = [line for line in book.present() if line.status not in OPEN]
        if ended and not book.deleted:
            self.run(self._regenerate(book, ended[number % len(ended)], policy))

    async def _regenerate(self, book: Book, line: Line, policy: str) -> None:
        key = f"k{next(self.numbers)}"
        body = ("regenerate", line.id)
        accepted = await self.begin(
            book, key, body, policy, lambda: self.hub.messages.start_regenerate(line.answer_id, key=key, policy=policy)
        )
        if accepted is not None:
            book.begin(self.entered(book, accepted, line.asked, line.parent, line.would), key, body, policy)
        await self.settle(book)

    @rule(number=any_number, policy=policies)
    def edit(self, number: int, policy: str) -> None:
        """A changed question is asked beside the old one."""
        book = self.books[number % CONVERSATIONS]
        own = [line for line in book.present() if line.status not in OPEN and line.asked.turn_id == line.id]
        if own and not book.deleted:
            self.run(self._edit(book, own[number % len(own)], policy))

    async def _edit(self, book: Book, line: Line, policy: str) -> None:
        key, text = f"k{next(self.numbers)}", f"edited {next(self.numbers)}"
        body = ("edit", line.id, text)
        accepted = await self.begin(
            book, key, body, policy, lambda: self.hub.messages.start_edit(line.asked.id, text, key=key, policy=policy)
        )
        if accepted is not None:
            book.begin(self.entered(book, accepted, None, line.parent, line.would), key, body, policy)
        await self.settle(book)

    # While it runs

    def running(self) -> list[Book]:
        """The conversations in which a turn runs."""
        return [book for book in self.books if book.running is not None]

    @precondition(lambda self: self.running())
    @rule(number=any_number, texts=st.lists(pieces, min_size=1, max_size=4))
    def say(self, number: int, texts: list[str]) -> None:
        """The model says some pieces, one after the other; whoever follows sees each once it is stored."""
        book = self.running()[number % len(self.running())]
        line = book.lines[str(book.running)]
        for text in texts:
            self.gate_of(book).say(text)
            line.text += text
            self.run(self._heard(line))

    async def _heard(self, line: Line) -> None:
        heard = ""
        events = self.hub.turns.events(line.id)
        async for event in events:
            heard += event.text
            if heard == line.text:
                break
        await events.aclose()
        message = await self.store.get_message("default", line.answer_id)
        assert message.text == heard, "what is emitted was persisted first"

    @precondition(lambda self: self.running())
    @rule(number=any_number)
    def finish(self, number: int) -> None:
        """The model says its end marker."""
        book = self.running()[number % len(self.running())]
        line = book.lines[str(book.running)]
        self.gate_of(book).end()
        book.end(line, *(("completed",) if line.text else ("failed", (), "empty_answer")))
        book.next_turn()
        self.run(self.settle(book))

    @precondition(lambda self: self.running())
    @rule(number=any_number, interrupts=st.booleans())
    def break_off(self, number: int, interrupts: bool) -> None:
        """The model's server fails, or leaves in mid-answer."""
        book = self.running()[number % len(self.running())]
        line = book.lines[str(book.running)]
        code = "disconnected_by_model" if interrupts else "provider_error"
        self.gate_of(book).fail(ModelError(code=code, interrupts=interrupts))
        if interrupts:
            book.end(line, "interrupted", (code,))
        else:
            book.end(line, "failed", (), code)
        book.next_turn()
        self.run(self.settle(book))

    @rule(number=any_number)
    def stop(self, number: int) -> None:
        """Any turn is stopped: a running one keeps its text, a queued one is cancelled, an ended one stays as it is."""
        book = self.books[number % CONVERSATIONS]
        lines = book.present()
        if lines and not book.deleted:
            self.run(self._stop(book, lines[number % len(lines)]))

    async def _stop(self, book: Book, line: Line) -> None:
        before = await self.hub.turns.get(line.id)
        turn = await self.hub.turns.stop(line.id)
        if line.status not in OPEN:
            assert turn == before, "a terminal state never changes"
            return
        book.end(line, "interrupted", ("stopped",) if line.status == "running" else ("cancelled",))
        assert turn.status == "interrupted"
        book.next_turn()
        await self.settle(book)

    # The conversation

    @rule(
        number=any_number, how=st.sampled_from(["end", "archive", "reopen", "reopen", "delete", "restore", "restore"])
    )
    def change(self, number: int, how: str) -> None:
        """A conversation ends, is archived, opened again, deleted, restored; open turns end with it."""
        self.run(self._change(self.books[number % CONVERSATIONS], how))

    async def _change(self, book: Book, how: str) -> None:
        code = await self.refused(getattr(self.hub.conversations, how)(book.id))
        if how == "restore":
            if code is None:
                book.deleted = False
            return
        assert code == ("not_found" if book.deleted else None)
        if book.deleted:
            return
        book.deleted = how == "delete"
        if how != "reopen":
            book.end_open("deleted" if how == "delete" else "ended")
        if how in ("archive", "reopen") or (how == "end" and book.status == "active"):
            book.status = {"archive": "archived", "reopen": "active", "end": "ended"}[how]
        await self.settle(book)

    @rule(number=any_number)
    def switch(self, number: int) -> None:
        """The active path is made to end at any turn."""
        book = self.books[number % CONVERSATIONS]
        lines = book.present()
        if not lines or book.deleted:
            return
        line = lines[number % len(lines)]
        code = self.run(self.refused(self.hub.conversations.switch(book.id, line.id)))
        assert code == ("turn_in_progress" if book.running or book.queue else None)
        if code is None and book.head != line.id:
            book.head, book.lost = line.id, None

    @rule(number=any_number, through_answer=st.booleans())
    def delete_turn(self, number: int, through_answer: bool) -> None:
        """A turn is deleted by its question or its answer; its children hang on its parent."""
        book = self.books[number % CONVERSATIONS]
        lines = book.present()
        if lines and not book.deleted:
            line = lines[number % len(lines)]
            doomed = [line] if through_answer else book.asking(line)
            self.run(self._delete_turn(book, doomed, line.answer_id if through_answer else line.asked.id))

    async def _delete_turn(self, book: Book, doomed: list[Line], message_id: str) -> None:
        self.clock.advance(0.001)  # each deletion at a time of its own
        await self.hub.messages.delete(message_id)
        book.delete(doomed)
        for line in doomed:
            assert await self.refused(self.hub.turns.get(line.id)) == "not_found"
        book.next_turn()
        await self.settle(book)

    @precondition(lambda self: any(book.gone() for book in self.books))
    @rule(number=any_number, through_answer=st.booleans())
    def restore_turn(self, number: int, through_answer: bool) -> None:
        """What a deletion took is brought back by a question or an answer of it; a question that is there stays."""
        books = [book for book in self.books if book.gone() and not book.deleted]
        if books:
            book = books[number % len(books)]
            line = book.gone()[number % len(book.gone())]
            self.run(self._restore_turn(book, line, through_answer=through_answer))

    async def _restore_turn(self, book: Book, line: Line, *, through_answer: bool) -> None:
        back = await self.hub.messages.restore(line.answer_id if through_answer else line.asked.id)
        assert back.text == (line.text if through_answer else line.asked.text)
        if through_answer:
            book.restore(line.deletion)
        elif not book.asking(line):
            book.restore(max(each.deletion for each in book.gone() if each.asked.id == line.asked.id))
        await self.settle(book)

    @precondition(lambda self: self.running())
    @rule()
    def crash(self) -> None:
        """The process dies; when its leases are over, the next one ends what ran and runs what waited."""
        self.run(self._crash())

    async def _crash(self) -> None:
        doomed = {task for task in asyncio.all_tasks() if task is not asyncio.current_task()}
        while doomed:  # a driver may swallow a cancellation; a death is not swallowed
            for task in doomed:
                task.cancel()
            _, doomed = await asyncio.wait(doomed, timeout=0.5)
        await self._lose_connections()
        self.clock.advance(LEASE_SECONDS + 1)
        await self._start_engine()
        for book in self.books:
            self.inherited.update(book.queue)
            if book.running is not None:
                book.end(book.lines[book.running], "interrupted", ("server_restart",))
            book.next_turn()
            await self.settle(book)

    async def _lose_connections(self) -> None:
        """What was on its way to the store comes before the end; a process that died has no connections."""
        await self.store.ensure_tenant("default")
        if self.url != ":memory:":
            await self.store.close()
            self.store = store_for(self.url, clock=self.clock)
            await self.store.open()

    # What must always hold

    @invariant()
    def agrees(self) -> None:
        """Every read says what the book says."""
        if hasattr(self, "books"):
            self.run(self._agrees())

    async def _agrees(self) -> None:
        for book in self.books:
            if book.deleted:
                assert await self.refused(self.hub.conversations.get(book.id)) == "not_found"
                continue
            await self._check_conversation(book)
            for line in book.present():
                await self._check_turn(book, line)

    async def _check_conversation(self, book: Book) -> None:
        conversation = await self.hub.conversations.get(book.id)
        assert (conversation.status, conversation.head_turn_id) == (book.status, book.head)
        assert conversation.running_turn_id == book.running
        assert (conversation.turn_count, conversation.message_count) == (len(book.present()), book.message_count())
        for limit in (1, 7, 100):
            read = [(each.seq, str(each.role), each.text) for each in await self._history(book.id, limit)]
            assert read == book.history(), f"I4: the active path by pages of {limit}"
        calls = self.gate_of(book).calls
        if book.running is not None and len(calls) > self.prompted.get(book.id, 0):
            self.prompted[book.id] = len(calls)
            prompt = calls[-1].prompt
            assert [each.text for each in prompt.messages] == book.prompt_of(book.lines[book.running])

    async def _history(self, conversation_id: str, limit: int) -> Sequence[Any]:
        page = await self.hub.messages.list(conversation_id, limit=limit)
        found = list(page.data)
        while page.next is not None:
            page = await self.hub.messages.list(conversation_id, limit=limit, after=page.next)
            found.extend(page.data)
        return found

    async def _check_turn(self, book: Book, line: Line) -> None:
        turn = await self.hub.turns.get(line.id)
        assert turn.status == line.status, "I6"
        assert turn.reason is None if not line.reasons else turn.reason in line.reasons
        assert (turn.error.code if turn.error else None) == line.error or line.status == "interrupted"
        if line.status in OPEN or line.id in self.told:
            return
        self.told[line.id] = await self._checked_stream(line)

    async def _checked_stream(self, line: Line) -> list[Event]:
        events = [event async for event in self.hub.turns.events(line.id)]
        assert [event.seq for event in events] == list(range(1, len(events) + 1))
        reply = await self.hub.turns.wait(line.id)
        assert fold(events) == (reply.turn, reply.message), "I10: the stream tells what is stored"
        assert reply.text == line.text, "stopped, failed or crashed: the text that was said is kept"
        for after in range(1, len(events)):
            assert await self._after(line.id, after) == events[after:], "I8: from any event on"
        return events

    async def _after(self, turn_id: str, after: int) -> list[Event]:
        return [event async for event in self.hub.turns.events(turn_id, after=after)]


async def _in_time(work: Coroutine[Any, Any, T]) -> T:
    async with asyncio.timeout(20):
        return await work


def _play(url: str, empty: Callable[[], object]) -> None:
    options = settings(
        max_examples=EXAMPLES, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
    )
    run_state_machine_as_test(lambda: Machine(url, empty), settings=options)


@pytest.mark.slow
def test_sqlite_does_what_the_book_says() -> None:
    """Whatever is done in whatever order, the engine on SQLite agrees with the book."""
    _play(":memory:", lambda: None)


@pytest.mark.slow
@pytest.mark.no_cover  # it runs the lines that the one above ran, and those of a store are its conformance's to cover
def test_postgres_does_what_the_book_says(postgres_server: PostgresServer, postgres_url: str) -> None:
    """The engine on PostgreSQL agrees with the same book."""
    _play(postgres_url, lambda: postgres_server.empty(name_of(postgres_url)))


@pytest.mark.slow
@pytest.mark.no_cover
@pytest.mark.parametrize("kind", ["a cluster", "one server"])
def test_redis_does_what_the_book_says(kind: str, redis_server: RedisServer, redis_cluster: RedisServer) -> None:
    """The engine on Redis, and on Redis Cluster, agrees with the same book."""
    server = redis_server if kind == "one server" else redis_cluster
    _play(server.url(), lambda: server.execute("FLUSHALL"))
