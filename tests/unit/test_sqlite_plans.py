"""No query of the store reads more than it returns: the plans of all that it runs, as SQLite tells them."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from palaver.conversation import ConversationStatus, InterruptReason, Policy, TurnStatus
from palaver.document import ChunkKey, DocumentSource, DocumentStatus
from palaver.entity import EntityType
from palaver.ids import new_id
from palaver.page import Order, Position, Window
from palaver.stores.figures import UnfoundFilter
from palaver.stores.knowledge_orders import DocumentFilter, Replacement, TrainingFilter, Vector
from palaver.stores.orders import ConversationFilter, ConversationSort, Ending, EntityDraft, SearchQuery
from palaver.stores.queries import load_queries
from palaver.stores.sqlite import SqliteStore
from palaver.stores.sqlite.connection import Database
from palaver.stores.sqlite.listing import page_conversations
from palaver.stores.sqlite.search import search
from palaver.stores.sqlite.store import QUERIES
from palaver.stores.sqlite.transaction import Transaction
from palaver.testing import FakeClock
from palaver.testing.stores.documents import BROKEN
from palaver.testing.stores.knowing import (
    EMBEDDING,
    chunks_of,
    claimed,
    floats,
    found,
    known,
    learned,
    quote_of,
    run,
)
from palaver.testing.stores.making import (
    LEASE_SECONDS,
    TENANT,
    answer_id_of,
    begin,
    completed,
    exchange,
    make_bot,
    make_conversation,
    purge_all,
    question_id_of,
    running,
    said,
    waiting,
)
from palaver.testing.stores.messages import regenerate
from palaver.transfer import copy

# What may be walked from an end: pieces of the query itself, and indexes of the few rows that something is to be done about.
_PIECES = re.compile(
    r"SCAN (f|up|h|page|tenants|\(subquery-\d+\)|j|json_each|q|r|l|CONSTANT ROW|\d+ CONSTANT ROWS?)( |$)"
    r"|SCAN .* VIRTUAL TABLE INDEX|SCAN .*USING (COVERING )?INDEX (turns_running|turns_queued|bots_with_timeout|bots_to_sweep)"
    r"|SCAN .*USING (COVERING )?INDEX (documents_to_make|embeddings_to_purge)"
)


# The word index's own tables, the schema, and the few turns that wait in one conversation.
_SMALL = ("messages_fts_", "chunks_fts_", "words_fts_", "sqlite_master", "schema_info", "ORDER BY interrupting DESC")


class Plans:
    """Everything that a connection ran, and how."""

    def __init__(self) -> None:
        self.statements: set[str] = set()

    def note(self, sql: str) -> None:
        """Remember a statement."""
        if not any(word in sql for word in _SMALL) and sql.split(None, 1)[0] in ("SELECT", "WITH", "UPDATE", "DELETE"):
            self.statements.add(sql)

    def told(self, path: Path) -> Iterator[tuple[str, list[str]]]:
        """Each statement and the steps of its plan."""
        connection = Database(path=str(path)).connect()
        for sql in self.statements:
            yield sql, [step for *_, step in connection.execute(f"EXPLAIN QUERY PLAN {sql}")]
        connection.close()

    def faults(self, path: Path) -> Iterator[tuple[str, str]]:
        """Steps that scan a table or sort what they found."""
        for sql, steps in self.told(path):
            for step in steps:
                if (step.startswith("SCAN") and not _PIECES.match(step)) or "TEMP B-TREE" in step:
                    yield step, sql


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def path(tmp_path: Path, clock: FakeClock) -> Path:
    """A file with a little of everything."""
    store = SqliteStore(tmp_path / "a.db", clock=clock)
    await store.open()
    bot = await make_bot(store)
    for number in range(20):
        conversation = await make_conversation(
            store, bot=bot, entity=EntityDraft(id=new_id("ent"), external_id=f"{number}")
        )
        await exchange(store, conversation, "zebra", "lion")
    await store.close()
    return tmp_path / "a.db"


def _traced(path: Path, plans: Plans, look: Callable[[Transaction], Any]) -> Any:
    connection = Database(path=str(path)).connect_reader()
    connection.set_trace_callback(plans.note)
    try:
        return look(Transaction(connection, load_queries(QUERIES), 0))
    finally:
        connection.close()


_SORTS = {
    ConversationSort.LAST_ACTIVITY_AT: "conversations_by_activity",
    ConversationSort.STARTED_AT: "conversations_by_start",
    ConversationSort.CREATED_AT: "conversations_by_making",
    ConversationSort.MESSAGE_COUNT: "conversations_by_count",
    ConversationSort.RATING: "conversations_(best|worst)_first",
}
_FILTERS = {
    "bot_id": "conversations_of_bot",
    "entity_id": "conversations_of_entity",
    "external_id": "conversations_by_external_id",
    ConversationStatus.ACTIVE: "conversations_active",
    ConversationStatus.ENDED: "conversations_at_rest",
    ConversationStatus.ARCHIVED: "conversations_at_rest",
}


def _listed(path: Path, wanted: ConversationFilter, index: str) -> None:
    """The listing walks this index and no other, from either end and from the middle, and sorts nothing."""
    plans = Plans()
    middle: Position = (5,) if wanted.sort is ConversationSort.CREATED_AT else (5, 5)
    for window in (Window(), Window(after=middle), Window(before=middle)):
        _traced(path, plans, partial(page_conversations, tenant_id=TENANT, wanted=wanted, window=window))
    listings = [steps for sql, steps in plans.told(path) if "FROM conversations" in sql]
    assert len(listings) == 3
    for steps in listings:
        assert re.match(f"SEARCH c USING INDEX {index} ", steps[0]), steps
    assert list(plans.faults(path)) == []


@pytest.mark.parametrize("order", list(Order))
@pytest.mark.parametrize("sort", list(ConversationSort))
def test_each_order_of_conversations_is_an_index(path: Path, sort: ConversationSort, order: Order) -> None:
    """Every order is an index of its own, walked from the position."""
    _listed(path, ConversationFilter(sort=sort, order=order), _SORTS[sort])


@pytest.mark.parametrize("order", list(Order))
@pytest.mark.parametrize("name", _FILTERS)
def test_the_common_filters_are_indexes(path: Path, name: str, order: Order) -> None:
    """By bot, entity, external id or status the default order is an index of its own: a rare status is found at once."""
    if isinstance(name, ConversationStatus):
        wanted = ConversationFilter(status=name, order=order)
    else:
        with sqlite3.connect(path) as connection:
            table = {"bot_id": "bots", "entity_id": "entities", "external_id": "entities"}[name]
            (value,) = connection.execute(f"SELECT id FROM {table}").fetchone()
        wanted = ConversationFilter(order=order, **{name: value})
    _listed(path, wanted, _FILTERS[name])


def test_other_filters_walk_the_order_and_sort_nothing(path: Path) -> None:
    """A filter without an index of its own is a condition on the walk: the first page costs what it skips."""
    plans = Plans()
    for fields in ({"entity_type": EntityType.USER}, {"metadata": {"a": "b"}}, {"q": "zebra"}, {"q": "*"}):
        wanted = ConversationFilter(**fields)  # type: ignore[arg-type]
        _traced(path, plans, partial(page_conversations, tenant_id=TENANT, wanted=wanted, window=Window()))
    assert list(plans.faults(path)) == []


def test_a_search_walks_the_word_index(path: Path) -> None:
    """Search reads the index of words from the position on, and the messages that it found."""
    plans = Plans()
    for words in ("zebra", "zebra *", "*"):
        for window in (Window(), Window(after=(9,)), Window(before=(9,))):
            query = SearchQuery(text=words)
            _traced(path, plans, partial(search, tenant_id=TENANT, query=query, window=window))
    assert list(plans.faults(path)) == []


@pytest.fixture
def plans(monkeypatch: pytest.MonkeyPatch) -> Plans:
    """Everything that any connection runs from now on."""
    plans, connect = Plans(), Database.connect

    def traced(database: Database) -> sqlite3.Connection:
        connection = connect(database)
        connection.set_trace_callback(plans.note)
        return connection

    monkeypatch.setattr(Database, "connect", traced)
    return plans


async def test_the_life_of_a_conversation_scans_nothing(path: Path, clock: FakeClock, plans: Plans) -> None:
    """Turns of every kind, their logs, recovery, branches, pages, ends, deletes and purges find their rows by an index."""
    store = SqliteStore(path, clock=clock)
    await store.open()
    bot = await make_bot(store, idle_timeout_minutes=1)
    conversation = await make_conversation(store, bot=bot, entity=EntityDraft(id=new_id("ent"), external_id="x"))
    first = await exchange(store, conversation)
    await regenerate(store, conversation, first.turn, "again")
    claim = await running(store, conversation)
    await waiting(store, conversation)
    await begin(store, conversation, policy=Policy.INTERRUPT)
    await store.append_deltas([said(claim, "so far")])
    await store.watch_turns([claim])
    await store.renew_leases([claim], LEASE_SECONDS)
    await store.read_log(TENANT, claim.turn.id, after=0, limit=10)
    promoted = (await store.finish_turn(claim, completed("so far"), promote="w")).promoted
    assert promoted is not None
    await store.lineage(TENANT, promoted.turn.id, turns=5)
    clock.advance(LEASE_SECONDS + 1)
    await store.recover("w", LEASE_SECONDS, 10)
    await store.cancel_queued("w", InterruptReason.SHUTDOWN)
    for status in (None, *TurnStatus):
        await store.page_turns(TENANT, status, Window())
        await store.page_turns(None, TurnStatus.RUNNING, Window(after=(5,)))
    await store.tenant_of_turn(first.turn.id)
    for window in (Window(), Window(after=(5, 5)), Window(before=(5, 5))):
        await store.page_unfound(TENANT, UnfoundFilter(first=0, last=9), window)
        await store.page_unfound(TENANT, UnfoundFilter(first=0, last=9, bot_id=bot.id, model="m"), window)
    for order in Order:
        await store.page_messages(TENANT, conversation.id, Window(after=(3,)), order=order)
    await store.end_conversation(TENANT, conversation.id, Ending())
    await store.set_status(TENANT, conversation.id, ConversationStatus.ACTIVE)
    await store.set_head(TENANT, conversation.id, first.turn.id)
    await store.branches(TENANT, conversation.id)
    clock.advance(3600)
    await store.end_idle(10)
    await store.expire_logs(older_than_seconds=60, limit=10)
    for message_id in (answer_id_of(first.turn), question_id_of(first.turn)):
        await store.delete_turn(TENANT, message_id)
        for only in (None, conversation.id):
            for window in (Window(limit=1), Window(after=(9, 9)), Window(before=(9, 9))):
                await store.page_deleted_messages(TENANT, window, conversation_id=only)
        await store.restore_turn(TENANT, message_id)
    await store.delete_turn(TENANT, answer_id_of(first.turn))
    await store.page_bots(TENANT, Window(after=(9,)))
    await store.page_entities(TENANT, Window(after=(9,)))
    await store.page_keys(TENANT, Window(after=(9,)))
    await store.delete_conversation(TENANT, conversation.id)
    await store.restore_conversation(TENANT, conversation.id)
    await store.delete_bot(TENANT, bot.id)
    await store.restore_bot(TENANT, bot.id)
    assert conversation.entity is not None
    await store.delete_entity(TENANT, conversation.entity.id)
    await store.delete_bot(TENANT, bot.id)
    await purge_all(store)
    await store.close()
    assert len(plans.statements) > 100
    assert list(plans.faults(path)) == []


async def test_the_life_of_a_document_scans_nothing(path: Path, clock: FakeClock, plans: Plans) -> None:
    """Documents, chunks, vectors, runs, searches, deletes and purges find their rows by an index."""
    store = SqliteStore(path, clock=clock)
    await store.open()
    bot = await make_bot(store)
    documents = [await known(store, bot, f"zebra {n}", "lions roar", vectors=[(1, 0), (0, 1)]) for n in range(4)]
    for window in (Window(), Window(after=(9,)), Window(before=(9,))):
        for fields in ({}, {"status": DocumentStatus.READY}, {"source": DocumentSource.FILE}, {"deleted": True}):
            await store.page_documents(TENANT, DocumentFilter(bot_id=bot.id, **fields), window)  # type: ignore[arg-type]
        await store.page_chunks(TENANT, documents[0].id, window)
        await store.page_vectors(TENANT, (documents[0].id, 1), EMBEDDING, window)
    for words in ("zebra", "zebbra lions", "what is it?"):
        await found(store, bot, words)
        await found(store, bot, words, where={"a": "b"})
    await store.find_chunks(TENANT, bot.id, [ChunkKey(documents[0].id, 1, 0)])
    await store.index_changes(TENANT, bot.id, after=1, limit=2)
    await store.claim_embedding(TENANT, bot.id, "w", 1)
    window = Window(limit=5)
    while (page := await store.unembedded_chunks(TENANT, bot.id, "newer", window)).data:
        await store.put_vectors(TENANT, "newer", [Vector(chunk.key, floats(1)) for chunk in page.data])
        window = Window(limit=5, after=page.next)
    assert await store.serve_embedding(TENANT, bot.id, "newer")
    await store.replace_document(TENANT, documents[0].id, Replacement(sha256="0" * 64, metadata={}), b"new")
    claim = await claimed(store, documents[0])
    await store.renew_ingestions([claim], LEASE_SECONDS)
    await store.put_chunks(claim, chunks_of(claim, "broken"))
    await store.fail_document(claim, BROKEN)
    conversation = await make_conversation(store, bot=bot)
    turn = (await exchange(store, conversation)).turn
    clock.advance(1)
    training = await run(store, bot)
    pairs = (await store.page_untrained(TENANT, TrainingFilter(bot_id=bot.id), Window())).data
    await store.alike_fingerprints(TENANT, bot.id, ["0123456789abcdef"])
    await store.put_chunks(training, learned(training, pairs))
    await store.mark_trained(training, [conversation.id])
    await store.publish_document(training)
    quoting = await running(store, conversation)
    quote = await quote_of(store, bot, await store.get_document(TENANT, documents[1].id))
    end = completed("So.", citations=(quote,), consulted=(documents[1].id,))
    await store.finish_turn(quoting, end, promote=None)
    await store.delete_document(TENANT, documents[1].id)
    await store.get_message(TENANT, answer_id_of(quoting.turn))
    await store.delete_turn(TENANT, answer_id_of(turn))
    await purge_all(store)
    await store.delete_document(TENANT, training.document.id)
    await store.restore_document(TENANT, training.document.id)
    await store.delete_bot(TENANT, bot.id)
    await purge_all(store)
    await store.close()
    assert len(plans.statements) > 100
    assert list(plans.faults(path)) == []


async def test_a_copy_scans_nothing(path: Path, tmp_path: Path, plans: Plans, monkeypatch: pytest.MonkeyPatch) -> None:
    """A copy and its proof walk indexes from one page to the next, whatever they read."""
    monkeypatch.setattr("palaver.shelves.PAGE_ROWS", 3)
    source, target = SqliteStore(path), SqliteStore(tmp_path / "copy.db")
    for each in (source, target):
        await each.open()
    assert (await copy(source, target)).equal
    for each in (source, target):
        await each.close()
    for table in ("attachments", "api_keys", "turn_log", "messages"):
        assert any(f"FROM {table}" in sql or f"JOIN {table}" in sql for sql in plans.statements)
    assert list(plans.faults(path)) == []
