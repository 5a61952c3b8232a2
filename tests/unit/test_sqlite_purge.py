"""What was deleted is gone for good once it was purged: rows, words, bytes."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from palaver.attachment import Attachment
from palaver.clock import from_micros
from palaver.conversation import FilePart, TextPart
from palaver.document import citation_of
from palaver.events import Event, EventType, dumps
from palaver.ids import child_id, new_id
from palaver.jsonable import encode
from palaver.page import Window
from palaver.stores.knowledge_orders import ChunkQuery, Replacement, TrainingFilter
from palaver.stores.orders import Continue, ConversationDraft, Delta, Ending, EntityDraft, Question
from palaver.stores.sqlite import SqliteStore
from palaver.testing import FakeClock
from palaver.testing.stores.knowing import add, chunks_of, claimed, embedded, known, learned, publish, run
from palaver.testing.stores.knowing import found as found_chunks
from palaver.testing.stores.making import (
    OTHER,
    TENANT,
    answer_id_of,
    completed,
    exchange,
    make_bot,
    make_conversation,
    once,
    path_of,
    purge_all,
    running,
    said,
)
from palaver.testing.stores.messages import regenerate
from palaver.testing.stores.search import found
from palaver.testing.stores.world import furnish
from palaver.transfer import copy

CANARY = "xylophonecanary"
ORPHANS = """
SELECT count(*) FROM messages WHERE conversation_n NOT IN (SELECT n FROM conversations)
    OR turn_n NOT IN (SELECT n FROM turns)
UNION ALL SELECT count(*) FROM turns WHERE conversation_n NOT IN (SELECT n FROM conversations)
UNION ALL SELECT count(*) FROM turn_log WHERE place >> 24 NOT IN (SELECT n FROM turns)
UNION ALL SELECT count(*) FROM conversations WHERE bot_n NOT IN (SELECT n FROM bots)
UNION ALL SELECT count(*) FROM message_attachments WHERE message_n NOT IN (SELECT n FROM messages)
UNION ALL SELECT count(*) FROM attachments a WHERE NOT EXISTS
    (SELECT 1 FROM blobs b WHERE b.tenant_id = a.tenant_id AND b.sha256 = a.sha256)
UNION ALL SELECT count(*) FROM blobs b WHERE NOT EXISTS
    (SELECT 1 FROM attachments a WHERE a.tenant_id = b.tenant_id AND a.sha256 = b.sha256
     UNION ALL SELECT 1 FROM documents d WHERE d.tenant_id = b.tenant_id AND d.sha256 = b.sha256)
UNION ALL SELECT count(*) FROM messages_fts('scope : tdefault') WHERE rowid NOT IN (SELECT n FROM messages)
UNION ALL SELECT count(*) FROM once_keys WHERE resource_id NOT IN
    (SELECT id FROM bots UNION ALL SELECT id FROM entities UNION ALL SELECT id FROM conversations UNION ALL SELECT id FROM documents)
UNION ALL SELECT count(*) FROM documents WHERE bot_n NOT IN (SELECT n FROM bots)
UNION ALL SELECT count(*) FROM chunks WHERE document_n NOT IN (SELECT n FROM documents)
UNION ALL SELECT count(*) FROM chunks WHERE turn_n IS NOT NULL AND turn_n NOT IN (SELECT n FROM turns)
UNION ALL SELECT count(*) FROM chunks k JOIN documents d ON d.n = k.document_n
    WHERE d.ready_fence IS NOT k.fence AND d.status <> 'processing'
UNION ALL SELECT count(*) FROM leavings
UNION ALL SELECT count(*) FROM embeddings WHERE dropped = 1 OR bot_n NOT IN (SELECT n FROM bots)
UNION ALL SELECT count(*) FROM vectors x WHERE NOT EXISTS (SELECT 1 FROM chunks k JOIN documents d ON d.n = k.document_n
    JOIN embeddings e ON e.bot_n = d.bot_n WHERE x.place = (e.n << 32) + (k.n & 4294967295))
UNION ALL SELECT count(*) FROM words w WHERE NOT EXISTS (SELECT 1 FROM chunks_fts f WHERE chunks_fts MATCH '"' || w.word || '"'
    AND f.rowid >> 32 = w.bot_n)
UNION ALL SELECT count(*) FROM consulted WHERE turn_n NOT IN (SELECT n FROM turns)
    OR document_id NOT IN (SELECT id FROM documents)
"""


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def store(tmp_path: Path, clock: FakeClock) -> AsyncIterator[SqliteStore]:
    store = SqliteStore(tmp_path / "a.db", clock=clock)
    await store.open()
    yield store
    await store.close()


def _bytes_of(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.iterdir()).lower()


def _orphans(folder: Path) -> int:
    with sqlite3.connect(folder / "a.db") as connection:
        return sum(row[0] for row in connection.execute(ORPHANS))


async def _fill(store: SqliteStore, clock: FakeClock, word: str, *, turns: int) -> tuple[str, str, str]:
    """Make a bot, an entity and a conversation that hold the word wherever text can be."""
    bot = await make_bot(
        store, name=f"{word} bot", instructions=f"Say {word}b.", metadata={f"{word}c": f"{word}d"}, model=f"m:{word}e"
    )
    entity = EntityDraft(id=new_id("ent"), name=f"{word}f", email=f"{word}g@e.org", external_id=f"{word}h")
    draft = ConversationDraft(
        id=new_id("conv"), bot_id=bot.id, entity=entity, title=f"{word}i", metadata={f"{word}j": f"{word}k"}
    )
    conversation = (await store.create_conversation(TENANT, draft, once(word, key=f"{word}l"))).value
    content = (f"{word}m " * 2000).encode()
    attachment = Attachment(
        id=new_id("att"),
        name=f"{word}n.txt",
        media_type="text/plain",
        size_bytes=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        created_at=from_micros(clock.micros()),
    )
    await store.put_attachment(TENANT, attachment, content)
    part = FilePart(attachment_id=attachment.id, media_type="text/plain", name=f"{word}o.txt")
    for number in range(turns):
        parts = (TextPart(text=f"{word}p{number} what?"), *([part] if number == 0 else []))
        question = Question(message_id=child_id("msg", conversation.id), parts=parts)
        order = {
            "opening": Continue(question=question),
            "once": once(key=f"{word}q{number}"),
            "params": {"u": f"{word}r"},
        }
        claim = await running(store, conversation, **order)
        await store.append_deltas([said(claim, f"{word}s{number} ", "that.")])
        done = await store.finish_turn(claim, completed(f"{word}s{number} that."), promote=None)
        await store.rate_message(TENANT, answer_id_of(done.turn), 5, f"{word}t")
    await store.end_conversation(TENANT, conversation.id, Ending(feedback=f"{word}u"))
    return bot.id, entity.id, conversation.id


@pytest.mark.parametrize("turns", [1, 60])
async def test_a_purge_leaves_no_byte(store: SqliteStore, clock: FakeClock, tmp_path: Path, turns: int) -> None:
    """I12: after a purge no word of what was deleted is in the database, its log or its shared memory; the rest is."""
    bot_id, entity_id, _ = await _fill(store, clock, CANARY, turns=turns)
    kept = await _fill(store, clock, "keptword", turns=turns)
    await store.delete_bot(TENANT, bot_id)
    await store.delete_entity(TENANT, entity_id)
    assert CANARY.encode() in _bytes_of(tmp_path)
    await purge_all(store)
    assert CANARY.encode() not in _bytes_of(tmp_path)
    assert _orphans(tmp_path) == 0
    assert len(await found(store, "that")) == turns
    assert (await store.get_conversation(TENANT, kept[2])).message_count == 2 * turns


async def test_words_of_deleted_turns_are_gone_too(store: SqliteStore, tmp_path: Path) -> None:
    """I12: the text of a deleted turn leaves the files, also where its question stays for another branch."""
    conversation = await make_conversation(store)
    first = await exchange(store, conversation, "shared question", f"{CANARY} one")
    again = await regenerate(store, conversation, first.turn, "kept answer")
    await exchange(store, conversation, f"{CANARY} two", f"{CANARY} three")
    await store.delete_turn(TENANT, answer_id_of(first.turn))
    last = await exchange(store, conversation, "last", "one")
    second = await store.get_turn(TENANT, last.turn.parent_id or "")
    await store.delete_turn(TENANT, answer_id_of(second))
    await purge_all(store)
    assert CANARY.encode() not in _bytes_of(tmp_path)
    assert _orphans(tmp_path) == 0
    assert await path_of(store, conversation) == ["shared question", "kept answer", "last", "one"]
    await store.delete_turn(TENANT, answer_id_of(again))
    await purge_all(store)
    assert b"shared question" not in _bytes_of(tmp_path)


async def test_writes_go_on_between_the_steps_of_a_purge(store: SqliteStore, clock: FakeClock, tmp_path: Path) -> None:
    """I12: a purge is resumable work: turns that begin and end between its steps lose nothing and delay nothing."""
    bot_id, entity_id, _ = await _fill(store, clock, CANARY, turns=30)
    await store.delete_bot(TENANT, bot_id)
    await store.delete_entity(TENANT, entity_id)
    conversation, steps = await make_conversation(store), 0
    while await store.purge(deleted_before_seconds=0, limit=7):
        await exchange(store, conversation, f"step {steps}", "done")
        steps += 1
    assert steps > 10
    assert CANARY.encode() not in _bytes_of(tmp_path)
    assert len(await found(store, "step")) == steps
    assert _orphans(tmp_path) == 0


async def test_a_purge_that_was_cut_goes_on_after_the_next_open(tmp_path: Path, clock: FakeClock) -> None:
    """I12: what a purge has still to do is in the file, so any process finishes it."""
    store = SqliteStore(tmp_path / "a.db", clock=clock)
    await store.open()
    bot_id, entity_id, _ = await _fill(store, clock, CANARY, turns=20)
    await store.delete_bot(TENANT, bot_id)
    await store.delete_entity(TENANT, entity_id)
    more = True
    while more:
        more = bool(await store.purge(deleted_before_seconds=0, limit=20))
        await store.close()
        store = SqliteStore(tmp_path / "a.db", clock=clock)
        await store.open()
    assert CANARY.encode() not in _bytes_of(tmp_path)
    await store.close()


async def test_a_reader_only_delays_the_end_of_a_purge(tmp_path: Path, clock: FakeClock) -> None:
    """A purge does not claim to be done while another process still reads old pages from the log."""
    store = SqliteStore(tmp_path / "a.db", clock=clock, busy_seconds=0.05)
    await store.open()
    bot_id, entity_id, _ = await _fill(store, clock, CANARY, turns=3)
    reader = sqlite3.connect(tmp_path / "a.db", isolation_level=None)
    reader.execute("BEGIN")
    assert reader.execute("SELECT count(*) FROM messages").fetchone() == (6,)
    await store.delete_bot(TENANT, bot_id)
    await store.delete_entity(TENANT, entity_id)
    for _ in range(50):
        assert await store.purge(deleted_before_seconds=0, limit=50)
    reader.close()
    await purge_all(store)
    assert CANARY.encode() not in _bytes_of(tmp_path)
    await store.close()


async def test_nothing_of_another_tenant_is_purged(store: SqliteStore, clock: FakeClock, tmp_path: Path) -> None:
    """A purge of one tenant's things leaves the same bytes of another's."""
    for tenant_id in (TENANT, OTHER):
        content = b"the same bytes"
        attachment = Attachment(
            id=f"att_{tenant_id}",
            name="a",
            media_type="text/plain",
            size_bytes=len(content),
            sha256=hashlib.sha256(content).hexdigest(),
            created_at=from_micros(clock.micros()),
        )
        await store.put_attachment(tenant_id, attachment, content)
    conversation = await make_conversation(store)
    part = FilePart(attachment_id=f"att_{TENANT}", media_type="text/plain", name="a")
    question = Question(message_id=child_id("msg", conversation.id), parts=(part,))
    await exchange(store, conversation, opening=Continue(question=question))
    foreign = await make_conversation(store, tenant_id=OTHER)
    await store.delete_conversation(TENANT, conversation.id)
    await store.purge(deleted_before_seconds=0, limit=100)
    assert await store.get_conversation(OTHER, foreign.id) == foreign
    with sqlite3.connect(tmp_path / "a.db") as connection:
        assert connection.execute("SELECT tenant_id FROM blobs").fetchall() == [(OTHER,)]


async def test_a_copy_s_index_holds_what_a_purge_takes_out(tmp_path: Path) -> None:
    """Deleted messages are in the search index of a copy, too: what a purge takes out of it has to be there."""
    source, target = SqliteStore(tmp_path / "source.db"), SqliteStore(tmp_path / "target.db")
    for store in (source, target):
        await store.open()
    await furnish(source, FakeClock())
    await copy(source, target)
    for store in (source, target):
        await store.close()
    words = "SELECT rowid FROM messages_fts WHERE messages_fts MATCH 'tdefault' ORDER BY rowid"
    found = [sqlite3.connect(tmp_path / name).execute(words).fetchall() for name in ("source.db", "target.db")]
    assert found[0] == found[1]
    assert len(found[0]) > 20


async def _quoted(store: SqliteStore, bot_id: str, words: str) -> None:
    """Let an answer quote what these words find; its log says so."""
    hits = await store.search_chunks(TENANT, ChunkQuery(bot_id=bot_id, text=words, k=3))
    citations = tuple(citation_of(hit) for hit in hits)
    conversation = await make_conversation(store, bot=await store.get_bot(TENANT, bot_id))
    claim = await running(store, conversation)
    event = Event(claim.next_seq, EventType.RETRIEVAL_DONE, dumps({"citations": encode(citations)}))
    await store.append_deltas([Delta(tenant_id=TENANT, turn_id=claim.turn.id, fence=claim.fence, events=[event])])
    consulted = tuple(each.document_id for each in citations)
    await store.finish_turn(claim, completed("See there.", citations=citations, consulted=consulted), promote=None)


@pytest.mark.parametrize("count", [1, 300])
async def test_a_purged_document_leaves_no_byte(store: SqliteStore, tmp_path: Path, count: int) -> None:
    """I12: content, chunks, words, vectors and quotes of a document are in no file after its purge; the others' are."""
    bot = await make_bot(store)
    kept = await known(store, bot, *(f"kept words {number}" for number in range(20)), vectors=[(1, 2)] * 20)
    content = f"{CANARY} content".encode() * 500
    document = await add(
        store, bot, content, title=f"{CANARY} title", metadata={CANARY: CANARY}, url=f"https://{CANARY}"
    )
    claim = await claimed(store, document)
    for start in range(0, count, 100):
        texts = [f"{CANARY} {CANARY}{number} words" for number in range(start, min(count, start + 100))]
        vectors = embedded(*[(1.0, 2.0)] * len(texts))
        await store.put_chunks(claim, chunks_of(claim, *texts, after=start), vectors)
    await store.publish_document(claim)
    await _quoted(store, bot.id, CANARY)
    await store.delete_document(TENANT, document.id)
    assert CANARY.encode() in _bytes_of(tmp_path)
    await purge_all(store)
    assert CANARY.encode() not in _bytes_of(tmp_path)
    assert _orphans(tmp_path) == 0
    assert len(await found_chunks(store, bot, "words", k=50)) == 20
    assert (await store.get_document(TENANT, kept.id)) == kept


async def test_superseded_and_failed_versions_leave_no_byte(
    store: SqliteStore, clock: FakeClock, tmp_path: Path
) -> None:
    """What no version needs any more goes with the next purge, whatever its age; so does the content that was replaced."""
    bot = await make_bot(store)
    first = await add(store, bot, f"{CANARY}a".encode())
    await publish(store, first, f"{CANARY}b", vectors=[(1, 2)])
    changed = await store.replace_document(TENANT, first.id, Replacement(sha256="f" * 64), b"newer")
    claim = await claimed(store, changed)
    await store.put_chunks(claim, chunks_of(claim, f"{CANARY}c"))
    clock.advance(600)
    await publish(store, changed, "newer")
    await purge_all(store, older_than_seconds=3600)
    assert CANARY.encode() not in _bytes_of(tmp_path)
    assert _orphans(tmp_path) == 0
    assert await found_chunks(store, bot, "newer") == ["newer"]


async def test_a_purged_turn_takes_its_pair_out_of_the_files(
    store: SqliteStore, clock: FakeClock, tmp_path: Path
) -> None:
    """I12: what was trained on a deleted turn is gone with it; the rest of the run stays."""
    bot = await make_bot(store)
    talk = await make_conversation(store, bot=bot)
    doomed = (await exchange(store, talk, "why?", f"{CANARY} so")).turn
    await exchange(store, talk, "kept?", "kept answer")
    clock.advance(1)
    claim = await run(store, bot)
    pairs = (await store.page_untrained(TENANT, TrainingFilter(bot_id=bot.id), Window())).data
    await store.put_chunks(claim, learned(claim, pairs))
    await store.publish_document(claim)
    await store.delete_turn(TENANT, answer_id_of(doomed))
    await purge_all(store)
    assert CANARY.encode() not in _bytes_of(tmp_path)
    assert _orphans(tmp_path) == 0
    assert await found_chunks(store, bot, "kept") == ["kept?\nkept answer"]
