"""What a bot knows lies in many slots: wherever a process dies, a cache that follows the changes ends with the truth, and a
purge leaves nothing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial

import pytest

from palaver.bot import Bot
from palaver.conversation import Conversation
from palaver.document import Citation, Document, DocumentStatus
from palaver.errors import FenceLost, NotFound, StoreUnavailable
from palaver.events import Event, EventType, dumps
from palaver.jsonable import encode
from palaver.page import Window
from palaver.stores.knowledge_orders import DocumentFilter, Ingestion, Replacement, TrainingFilter
from palaver.stores.orders import Claim, Delta, Outcome
from palaver.stores.redis import RedisStore
from palaver.testing import FakeClock
from palaver.testing.stores.knowing import (
    EMBEDDING,
    add,
    chunks_of,
    claimed,
    embedded,
    known,
    learned,
    quote_of,
    run,
)
from palaver.testing.stores.making import (
    LEASE_SECONDS,
    TENANT,
    answer_id_of,
    completed,
    exchange,
    make_bot,
    make_conversation,
    purge_all,
    running,
    walk,
)
from servers.mortal import MortalStore, mortal, opened
from servers.redis import RedisServer

SWEEP_SECONDS = 30
ROUNDS_MAX = 200
STRIDES = {"purge": 13, "mark": 3, "unmark": 3}
"""A purge is many small steps, which are much alike; so is what comes before a mark and after it."""
SECRET = "the secret"
Cache = dict[str, int | None]


@pytest.fixture(params=["redis_server", "redis_cluster"])
def server(request: pytest.FixtureRequest) -> RedisServer:
    """One server, and a cluster, empty."""
    found: RedisServer = request.getfixturevalue(request.param)
    found.execute("FLUSHALL")
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A bot with a document that waits, one that is ready, one that was deleted, and an answer that quotes the ready one."""

    bot: Bot
    chat: Conversation
    ready: Document
    deleted: Document
    ingestion: Ingestion
    claim: Claim
    citation: Citation


async def set_the_scene(store: RedisStore) -> Scene:
    bot = await make_bot(store)
    chat = await make_conversation(store, bot=bot)
    ready = await known(store, bot, SECRET, "other", vectors=[(1, 0), (0, 1)])
    deleted = await known(store, bot, "deleted")
    await store.delete_document(TENANT, deleted.id)
    ingestion = await claimed(store, await add(store, bot))
    await store.put_chunks(ingestion, chunks_of(ingestion, "new"), embedded((1, 1)))
    return Scene(
        bot=bot,
        chat=chat,
        ready=ready,
        deleted=deleted,
        ingestion=ingestion,
        claim=await running(store, chat),
        citation=replace(await quote_of(store, bot, ready), rank=1),
    )


async def follow(store: RedisStore, bot: Bot, cache: Cache, after: int) -> int:
    """Bring a cache of ready versions up to date, three changes at a time; return the revision that it knows."""
    index = await store.bot_index(TENANT, bot.id)
    known_up_to = after
    while known_up_to < index.revision:
        changes = await store.index_changes(TENANT, bot.id, after=known_up_to, limit=3)
        cache.update((each.document_id, each.version) for each in changes)
        known_up_to = changes[-1].revision if changes else index.revision
    return index.revision


async def truth(store: RedisStore, bot: Bot) -> Mapping[str, int]:
    """Return the ready version of each document, by all lists of them, which must agree."""
    page = partial(store.page_documents, TENANT, DocumentFilter(bot_id=bot.id))
    documents = await walk(page, 2)
    for status in DocumentStatus:
        listed = await walk(partial(store.page_documents, TENANT, DocumentFilter(bot_id=bot.id, status=status)), 2)
        assert [each.id for each in listed] == [each.id for each in documents if each.status is status]
    for each in documents:
        assert await store.get_document(TENANT, each.id) == each
        chunks = await walk(partial(store.page_chunks, TENANT, each.id), 2)
        told = 0 if each.ready_version is None else each.chunk_count  # it counts what is being written, too
        assert len(chunks) == told
    return {each.id: each.ready_version for each in documents if each.ready_version is not None}


Step = Callable[[MortalStore, Scene], Awaitable[object]]
STEPS: Mapping[str, Step] = {
    "create": lambda store, scene: add(store, scene.bot),
    "put": lambda store, scene: store.put_chunks(scene.ingestion, chunks_of(scene.ingestion, "more", after=1)),
    "publish": lambda store, scene: store.publish_document(scene.ingestion),
    "replace": lambda store, scene: store.replace_document(
        TENANT, scene.ready.id, Replacement(metadata={"a": 1}), b"next"
    ),
    "delete": lambda store, scene: store.delete_document(TENANT, scene.ready.id),
    "restore": lambda store, scene: store.restore_document(TENANT, scene.deleted.id),
    "purge": lambda store, _: purge_all(store),
}


@pytest.mark.parametrize("doing", STEPS)
async def test_a_cache_that_follows_ends_with_the_truth(server: RedisServer, doing: str) -> None:
    """A process may die after any round trip of a step: it was done or not, and whoever follows the changes from any
    revision ends with what can be found once a recovery has come by."""
    clock = FakeClock()
    for rounds in range(0, ROUNDS_MAX, STRIDES.get(doing, 1)):
        async with opened(server.url(), clock) as store, mortal(server.url(), clock) as dying:
            scene = await set_the_scene(store)
            cache: Cache = {}
            revision = await follow(store, scene.bot, cache, 0)
            dying.dies_after(rounds)
            with suppress(StoreUnavailable):
                await STEPS[doing](dying, scene)
            early = dict(cache)
            await follow(store, scene.bot, early, revision)
            clock.advance(SWEEP_SECONDS)
            await store.recover("worker-2", LEASE_SECONDS, 100)
            found = await truth(store, scene.bot)
            for known_before, after in ((early, revision), (cache, revision), ({}, 0)):
                await follow(store, scene.bot, known_before, after)
                assert {key: version for key, version in known_before.items() if version is not None} == found
            if dying.is_alive:
                return
    raise AssertionError("the step does not end")


# What marks cost, and what becomes of them


async def pairs_of(store: RedisStore, bot: Bot) -> list[str]:
    """Return the answers that a run would use."""
    page = partial(store.page_untrained, TENANT, TrainingFilter(bot_id=bot.id))
    return [pair.answer.text for pair in await walk(page, 100)]


async def taught(store: RedisStore, bot: Bot) -> tuple[Ingestion, Sequence[str]]:
    """Let a run learn all there is; return also the conversations that it would mark."""
    claim = await run(store, bot)
    pairs = await walk(partial(store.page_untrained, TENANT, TrainingFilter(bot_id=bot.id)), 100)
    await store.put_chunks(claim, learned(claim, pairs))
    return claim, list(dict.fromkeys(pair.answer.conversation_id for pair in pairs))


async def trained(store: RedisStore, clock: FakeClock, bot: Bot) -> Document:
    """Do a run to its end."""
    clock.advance(1)
    claim, chats = await taught(store, bot)
    await store.mark_trained(claim, chats)
    clock.advance(1)
    return await store.publish_document(claim)


async def test_what_was_trained_before_is_not_read_again(server: RedisServer) -> None:
    """A page reads as many things where many conversations are marked as where none is; once they were taken back and trained
    again, one more: the run that does not count."""
    clock = FakeClock()
    async with opened(server.url(), clock) as store:
        bot = await make_bot(store)

        async def reads() -> int:
            server.execute("CONFIG", "RESETSTAT")
            assert await pairs_of(store, bot) == ["new"]
            calls: int = server.execute("INFO", "commandstats")["cmdstat_get"]["calls"]
            return calls

        new = await make_conversation(store, bot=bot)
        await exchange(store, new, "Why?", "new")
        alone = await reads()
        await store.delete_conversation(TENANT, new.id)
        for _ in range(30):
            await exchange(store, await make_conversation(store, bot=bot))
        document = await trained(store, clock, bot)
        await store.restore_conversation(TENANT, new.id)
        assert await reads() == alone
        await store.delete_conversation(TENANT, new.id)
        await store.delete_document(TENANT, document.id)
        await trained(store, clock, bot)
        await store.restore_conversation(TENANT, new.id)
        assert await reads() == alone + 1


@pytest.mark.parametrize("gone", ["first", "second"])
async def test_a_purge_in_the_middle_of_a_mark_loses_no_pair(server: RedisServer, gone: str) -> None:
    """Between any two round trips in which a conversation is marked, one of the runs that have its pairs may be taken back and
    purged: what that had is listed again, once."""
    clock = FakeClock()
    for rounds in range(ROUNDS_MAX):
        server.execute("FLUSHALL")
        async with opened(server.url(), clock) as store, mortal(server.url(), clock) as slow:
            bot = await make_bot(store)
            chat = await make_conversation(store, bot=bot)
            await exchange(store, chat, "Why?", "first")
            first = await trained(store, clock, bot)
            await exchange(store, chat, "Why?", "second")
            clock.advance(1)
            claim, _ = await taught(store, bot)
            doomed = first if gone == "first" else claim.document

            async def take_back(store: RedisStore = store, document_id: str = doomed.id) -> None:
                await store.delete_document(TENANT, document_id)
                await purge_all(store)

            slow.waits_after(rounds, take_back)
            with suppress(FenceLost):
                await slow.mark_trained(claim, [chat.id])
            if not slow.has_waited:
                return
            if gone == "first":
                await store.publish_document(claim)
            assert await pairs_of(store, bot) == [gone]
            assert doomed.id not in everything_in(server)
    raise AssertionError("the step does not end")


@pytest.mark.parametrize("doing", ["mark", "unmark"])
async def test_wherever_somebody_died_a_purged_run_gives_its_pairs_back(server: RedisServer, doing: str) -> None:
    """A mark or the purge of its run may be cut anywhere: in the end each pair is listed once, and none when it is trained anew."""
    clock = FakeClock()
    for rounds in range(0, ROUNDS_MAX, STRIDES[doing]):
        server.execute("FLUSHALL")
        async with opened(server.url(), clock) as store, mortal(server.url(), clock) as dying:
            bot = await make_bot(store)
            await exchange(store, await make_conversation(store, bot=bot), "Why?", "So.")
            clock.advance(1)
            claim, chats = await taught(store, bot)
            if doing == "mark":
                dying.dies_after(rounds)
            with suppress(StoreUnavailable):
                await dying.mark_trained(claim, chats)
            await store.delete_document(TENANT, claim.document.id)
            if doing == "unmark":
                dying.dies_after(rounds)
            with suppress(StoreUnavailable):
                await dying.purge(deleted_before_seconds=0, limit=2)  # its chunk and its mark
            clock.advance(SWEEP_SECONDS)
            await store.recover("worker-2", LEASE_SECONDS, 100)
            await purge_all(store)
            assert await pairs_of(store, bot) == ["So."]
            await trained(store, clock, bot)
            assert await pairs_of(store, bot) == []
            if dying.is_alive:
                return
    raise AssertionError("the step does not end")


# What a purge leaves


def everything_in(server: RedisServer) -> str:
    """Return all that the server keeps, as text, but for the marks of steps that are done: they go with the next one's."""
    reads = {
        b"string": lambda key: ("GET", key),
        b"hash": lambda key: ("HGETALL", key),
        b"zset": lambda key: ("ZRANGE", key, "0", "-1"),
        b"set": lambda key: ("SMEMBERS", key),
        b"stream": lambda key: ("XRANGE", key, "-", "+"),
    }
    keys = [key for key in server.execute("KEYS", "*") if not key.endswith(b":marks")]
    return str([(key, server.execute(*reads[server.execute("TYPE", key)](key))) for key in keys])


def ticks(scene: Scene) -> Delta:
    """What the log of the turn says: the secret was found, and is quoted."""
    quotes = dumps({"citations": [encode(scene.citation)]})
    first = scene.claim.next_seq
    events = (Event(first, EventType.RETRIEVAL_DONE, quotes), Event(first + 1, EventType.CITATIONS, quotes))
    return Delta(tenant_id=TENANT, turn_id=scene.claim.turn.id, fence=scene.claim.fence, events=events)


def the_end(scene: Scene) -> Outcome:
    """How the turn ends that quotes it."""
    return completed("It says so [1].", citations=(scene.citation,), consulted=(scene.ready.id,))


async def forget(store: RedisStore, scene: Scene) -> None:
    """Delete the document that has the secret, and purge it."""
    await store.delete_document(TENANT, scene.ready.id)
    await purge_all(store)


@pytest.mark.parametrize("doing", ["finish", "purge"])
async def test_a_purge_leaves_no_secret_wherever_somebody_died(server: RedisServer, doing: str) -> None:
    """The end of the turn that quotes it or the purge itself may be cut anywhere: the next purge leaves nothing of it."""
    clock = FakeClock()
    for rounds in range(0, ROUNDS_MAX, STRIDES.get(doing, 1)):
        server.execute("FLUSHALL")
        async with opened(server.url(), clock) as store, mortal(server.url(), clock) as dying:
            scene = await set_the_scene(store)
            await store.append_deltas([ticks(scene)])
            if doing == "purge":
                await store.finish_turn(scene.claim, the_end(scene), promote=None)
            assert SECRET in everything_in(server)
            dying.dies_after(rounds)
            with suppress(StoreUnavailable):
                if doing == "purge":
                    await forget(dying, scene)
                else:
                    await dying.finish_turn(scene.claim, the_end(scene), promote=None)
            clock.advance(SWEEP_SECONDS)
            await store.recover("worker-2", LEASE_SECONDS, 100)
            with suppress(NotFound):
                await store.delete_document(TENANT, scene.ready.id)
            await purge_all(store)
            assert SECRET not in everything_in(server)
            if dying.is_alive:
                return
    raise AssertionError("the step does not end")


async def test_a_purge_in_the_middle_of_an_end_leaves_no_secret(server: RedisServer) -> None:
    """A purge may come between any two round trips of the end of a turn that quotes the document: its quotes are empty."""
    clock = FakeClock()
    for rounds in range(ROUNDS_MAX):
        server.execute("FLUSHALL")
        async with opened(server.url(), clock) as store, mortal(server.url(), clock) as slow:
            scene = await set_the_scene(store)
            await store.append_deltas([ticks(scene)])
            slow.waits_after(rounds, partial(forget, store, scene))
            await slow.finish_turn(scene.claim, the_end(scene), promote=None)
            if not slow.has_waited:
                return
            await purge_all(store)
            assert SECRET not in everything_in(server)
            message = await store.get_message(TENANT, answer_id_of(scene.claim.turn))
            assert message.citations == (replace(scene.citation, title="", quote="", gone=True),)
    raise AssertionError("the step does not end")


async def test_a_purge_in_the_middle_of_a_run_leaves_no_pair(server: RedisServer) -> None:
    """A conversation may be purged between any two round trips in which its pairs are written: none of them is left."""
    clock = FakeClock()
    for rounds in range(ROUNDS_MAX):
        server.execute("FLUSHALL")
        async with opened(server.url(), clock) as store, mortal(server.url(), clock) as slow:
            bot = await make_bot(store)
            chats = [await make_conversation(store, bot=bot) for _ in range(2)]
            for chat, words in zip(chats, ("kept", SECRET), strict=True):
                await exchange(store, chat, "Why?", words)
            claim = await run(store, bot)
            pairs = (await store.page_untrained(TENANT, TrainingFilter(bot_id=bot.id), Window())).data
            chunks = learned(claim, pairs)

            async def forget_chat(store: RedisStore = store, chat_id: str = chats[1].id) -> None:
                await store.delete_conversation(TENANT, chat_id)
                await purge_all(store)

            slow.waits_after(rounds, forget_chat)
            await slow.put_chunks(claim, chunks)
            if not slow.has_waited:
                return
            document = await store.publish_document(claim)
            assert [each.text for each in (await store.page_chunks(TENANT, document.id, Window())).data] == [
                "Why?\nkept"
            ]
            assert SECRET not in everything_in(server)
            assert chats[1].id not in everything_in(server)
    raise AssertionError("the step does not end")


async def test_a_purge_leaves_no_key_of_a_bot(server: RedisServer) -> None:
    """When a bot is purged with all it knew, nothing names its documents any more."""
    clock = FakeClock()
    async with opened(server.url(), clock) as store:
        scene = await set_the_scene(store)
        await store.append_deltas([ticks(scene)])
        await store.finish_turn(scene.claim, the_end(scene), promote=None)
        claim = await run(store, scene.bot)
        await store.put_chunks(
            claim,
            learned(claim, (await store.page_untrained(TENANT, TrainingFilter(bot_id=scene.bot.id), Window())).data),
        )
        await store.publish_document(claim)
        await store.delete_bot(TENANT, scene.bot.id)
        await purge_all(store)
        left = everything_in(server)
        documents = (scene.ready, scene.deleted, scene.ingestion.document, claim.document)
        assert [each.id for each in documents if each.id in left] == []
        assert scene.bot.id not in left


async def test_vectors_that_were_hidden_when_another_embedding_came_go_too(server: RedisServer) -> None:
    """A document that is restored after another embedding serves loses the vectors that it came with, and gets new ones."""
    async with opened(server.url(), FakeClock()) as store:
        bot = await make_bot(store)
        document = await known(store, bot, "one", vectors=[(1, 0)])
        await store.delete_document(TENANT, document.id)
        assert await store.serve_embedding(TENANT, bot.id, "newer")
        await store.purge(deleted_before_seconds=3600, limit=10)
        await store.restore_document(TENANT, document.id)
        await store.purge(deleted_before_seconds=3600, limit=10)
        assert not (await store.page_vectors(TENANT, (document.id, 1), EMBEDDING, Window())).data
        (bare,) = (await store.unembedded_chunks(TENANT, bot.id, "newer", Window())).data
        assert bare.text == "one"
