"""Documents and their way into the index: ``DocumentRows``."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from palaver.clock import from_micros
from palaver.document import DocumentError, DocumentSource, DocumentStatus
from palaver.errors import FenceLost, KeyReused, NotFound
from palaver.ids import new_id
from palaver.page import Window
from palaver.stores.base import Store
from palaver.stores.knowledge_orders import ATTEMPTS_MAX, CHUNKS_AT_ONCE, DocumentFilter, Replacement
from palaver.testing.clock import FakeClock
from palaver.testing.stores.bots import METADATA
from palaver.testing.stores.knowing import (
    EMBEDDING,
    a_draft,
    add,
    chunks_of,
    claimed,
    embedded,
    floats,
    known,
    publish,
    run,
    sha256_of,
)
from palaver.testing.stores.making import LEASE_SECONDS, OTHER, OWNER, TENANT, agree, make_bot, once, purge_all

BROKEN = DocumentError(code="file_unreadable", message="This file can't be read.")


async def chunk_texts(store: Store, document_id: str, version: int | None = None) -> list[str]:
    """Return what the chunks of a version say."""
    page = await store.page_chunks(TENANT, document_id, Window(limit=200), version=version)
    return [chunk.text for chunk in page.data]


class DocumentConformance:
    """Documents: create, read, list, replace, delete, restore, purge."""

    async def test_a_document_comes_back_as_it_was_made(self, store: Store, clock: FakeClock) -> None:
        """Every field of a draft is kept; it waits for somebody to make it ready; its content is what was given."""
        bot = await make_bot(store)
        content = bytes(range(256)) * 500
        draft = a_draft(
            bot,
            content,
            title="Ünï \U0001f600",
            source=DocumentSource.URL,
            url="https://example.com/a",
            metadata=METADATA,
        )
        document = (await store.create_document(TENANT, draft, content)).value
        for name in ("id", "bot_id", "title", "source", "media_type", "url", "sha256", "metadata"):
            assert getattr(document, name) == getattr(draft, name)
        assert (document.status, document.version, document.size_bytes) == (DocumentStatus.PENDING, 1, len(content))
        assert (document.ready_version, document.ready_at, document.chunk_count, document.error) == (
            None,
            None,
            0,
            None,
        )
        assert document.created_at == document.updated_at == from_micros(clock.micros())
        assert await store.get_document(TENANT, document.id) == document
        assert await store.get_content(TENANT, document.id) == (document, content)

    async def test_a_key_makes_one_document(self, store: Store) -> None:
        """The same key again returns what it made; with another body it is refused and nothing is made."""
        bot = await make_bot(store)
        first = await store.create_document(TENANT, a_draft(bot, b"a"), b"a", once("a", "k"))
        again = await store.create_document(TENANT, a_draft(bot, b"a"), b"a", once("a", "k"))
        assert (again.value, first.replayed, again.replayed) == (first.value, False, True)
        with pytest.raises(KeyReused):
            await store.create_document(TENANT, a_draft(bot, b"b"), b"b", once("b", "k"))
        assert len((await store.page_documents(TENANT, DocumentFilter(bot_id=bot.id), Window())).data) == 1

    async def test_what_a_key_made_is_found_by_it(self, store: Store) -> None:
        """Nothing before it made something, in another tenant or once it is purged; with another body it is refused."""
        bot = await make_bot(store)
        assert await store.find_made_document(TENANT, once("a", "k")) is None
        made = (await store.create_document(TENANT, a_draft(bot, b"a"), b"a", once("a", "k"))).value
        assert await store.find_made_document(TENANT, once("a", "k")) == made
        assert await store.find_made_document(OTHER, once("a", "k")) is None
        with pytest.raises(KeyReused):
            await store.find_made_document(TENANT, once("b", "k"))
        await store.delete_document(TENANT, made.id)
        with pytest.raises(NotFound):
            await store.find_made_document(TENANT, once("a", "k"))
        await purge_all(store)
        assert await store.find_made_document(TENANT, once("a", "k")) is None

    async def test_parallel_creates_with_one_key_are_one(self, store: Store) -> None:
        """Parallel creates with one key make one document."""
        bot = await make_bot(store)
        drafts = [a_draft(bot, b"a") for _ in range(20)]
        made = await asyncio.gather(*(store.create_document(TENANT, each, b"a", once("a", "k")) for each in drafts))
        assert len({each.value.id for each in made}) == 1

    async def test_a_foreign_document_is_not_found(self, store: Store) -> None:
        """Another tenant's document, an unknown one and one of a bot that isn't there answer alike."""
        bot = await make_bot(store)
        document = await known(store, bot, "secret")
        for document_id in (document.id, new_id("doc")):
            for call in (
                store.get_document(OTHER, document_id),
                store.get_content(OTHER, document_id),
                store.replace_document(OTHER, document_id, Replacement(title="mine"), None),
                store.delete_document(OTHER, document_id),
                store.restore_document(OTHER, document_id),
                store.page_chunks(OTHER, document_id, Window()),
            ):
                with pytest.raises(NotFound):
                    await call
        with pytest.raises(NotFound):
            await store.create_document(OTHER, a_draft(bot), b"")
        with pytest.raises(NotFound):
            await store.page_documents(OTHER, DocumentFilter(bot_id=bot.id), Window())
        assert await store.record_content(OTHER, document.id) is None
        assert await store.get_document(TENANT, document.id) == document

    async def test_documents_are_listed_newest_first(self, store: Store) -> None:
        """All of a bot that fit the filter, the deleted ones apart, whatever the size of the pages."""
        bot, other = await make_bot(store), await make_bot(store)
        ready = [await known(store, bot, f"text {number}") for number in range(4)]
        pending = [await add(store, bot, source=DocumentSource.TEXT) for _ in range(5)]
        await add(store, other)
        gone = [ready.pop(1), pending.pop(2)]
        for document in gone:
            await store.delete_document(TENANT, document.id)

        async def listed(**fields: object) -> list[object]:
            wanted = DocumentFilter(bot_id=bot.id, **fields)  # type: ignore[arg-type]
            return await agree(lambda window: store.page_documents(TENANT, wanted, window), lambda each: each.id)

        ids = [document.id for document in reversed([*ready, *pending])]
        assert await listed() == ids
        assert await listed(status=DocumentStatus.READY) == [document.id for document in reversed(ready)]
        assert await listed(source=DocumentSource.TEXT) == [document.id for document in reversed(pending)]
        assert await listed(source=DocumentSource.TEXT, status=DocumentStatus.READY) == []
        assert await listed(deleted=True) == [document.id for document in reversed(gone)]

    async def test_a_replacement_is_the_next_version(self, store: Store, clock: FakeClock) -> None:
        """What it names changes; it waits to be made ready, and until it is the version before answers on."""
        bot = await make_bot(store)
        document = await known(store, bot, "one", title="Old", metadata={"a": 1})
        clock.advance(5)
        change = Replacement(title="New", media_type="text/html", sha256=sha256_of(b"two"), metadata={"b": 2})
        changed = await store.replace_document(TENANT, document.id, change, b"two")
        assert (changed.title, changed.media_type, changed.sha256) == ("New", "text/html", change.sha256)
        assert (changed.metadata, changed.size_bytes, changed.version) == ({"b": 2}, 3, 2)
        assert (changed.status, changed.ready_version, changed.chunk_count) == (DocumentStatus.PENDING, 1, 1)
        assert (changed.updated_at, changed.ready_at) == (from_micros(clock.micros()), document.ready_at)
        assert await store.get_content(TENANT, document.id) == (changed, b"two")
        assert await chunk_texts(store, document.id) == ["one"]
        assert (await publish(store, changed, "two")).ready_version == 2
        assert await chunk_texts(store, document.id) == ["two"]
        assert await chunk_texts(store, document.id, version=1) == []

    async def test_a_replacement_that_names_nothing_makes_it_anew(self, store: Store) -> None:
        """Without new content the next version has that of the one before, and all else stays."""
        bot = await make_bot(store)
        document = await add(store, bot, b"content", metadata={"a": 1})
        failed = await store.fail_document(await claimed(store, document), BROKEN)
        changed = await store.replace_document(TENANT, document.id, Replacement(), None)
        assert changed == replace(failed, version=2, status=DocumentStatus.PENDING, error=None)
        assert await store.get_content(TENANT, document.id) == (changed, b"content")

    async def test_a_replacement_says_where_it_came_from(self, store: Store) -> None:
        """A source that is given takes the address with it; without one both stay."""
        document = await add(store, await make_bot(store), b"one")
        page = Replacement(source=DocumentSource.URL, url="https://example.com/a", sha256=sha256_of(b"two"))
        changed = await store.replace_document(TENANT, document.id, page, b"two")
        assert (changed.source, changed.url) == (DocumentSource.URL, "https://example.com/a")
        anew = await store.replace_document(TENANT, document.id, Replacement(title="New"), None)
        assert (anew.source, anew.url) == (changed.source, changed.url)
        text = Replacement(source=DocumentSource.TEXT, sha256=sha256_of(b"three"))
        assert (await store.replace_document(TENANT, document.id, text, b"three")).url is None

    async def test_one_content_can_be_many_documents(self, store: Store) -> None:
        """Documents and attachments with the same bytes don't take each other's away."""
        bot = await make_bot(store)
        first, second = await add(store, bot, b"same"), await add(store, bot, b"same")
        await store.replace_document(TENANT, first.id, Replacement(sha256=sha256_of(b"other")), b"other")
        assert (await store.get_content(TENANT, second.id))[1] == b"same"
        await store.delete_document(TENANT, first.id)
        await purge_all(store)
        assert (await store.get_content(TENANT, second.id))[1] == b"same"

    async def test_a_deleted_document_is_not_found_until_it_is_restored(self, store: Store) -> None:
        """Neither it nor its chunks are; restored it is what it was; to restore what is there changes nothing."""
        bot = await make_bot(store)
        document = await known(store, bot, "one", "two")
        await store.delete_document(TENANT, document.id)
        for call in (
            store.get_document(TENANT, document.id),
            store.get_content(TENANT, document.id),
            store.replace_document(TENANT, document.id, Replacement(), None),
            store.delete_document(TENANT, document.id),
            store.page_chunks(TENANT, document.id, Window()),
        ):
            with pytest.raises(NotFound):
                await call
        (listed,) = (await store.page_documents(TENANT, DocumentFilter(bot_id=bot.id, deleted=True), Window())).data
        assert listed.deleted_at is not None
        assert replace(listed, deleted_at=None) == document
        assert await store.restore_document(TENANT, document.id) == document
        assert await store.restore_document(TENANT, document.id) == document
        assert await chunk_texts(store, document.id) == ["one", "two"]

    async def test_the_documents_of_a_deleted_bot_are_hidden_with_it(self, store: Store) -> None:
        """They are not found, nobody is given them to make ready, and they come back with their bot."""
        bot = await make_bot(store)
        document, waiting = await known(store, bot, "one"), await add(store, bot)
        await store.delete_bot(TENANT, bot.id)
        assert list(await store.claim_documents(OWNER, LEASE_SECONDS, 10)) == []
        for call in (
            store.get_document(TENANT, document.id),
            store.restore_document(TENANT, document.id),
            store.page_chunks(TENANT, document.id, Window()),
            store.page_documents(TENANT, DocumentFilter(bot_id=bot.id), Window()),
        ):
            with pytest.raises(NotFound):
                await call
        await store.restore_bot(TENANT, bot.id)
        assert await store.get_document(TENANT, document.id) == document
        assert (await claimed(store, waiting)).document.id == waiting.id

    async def test_a_purged_document_is_gone(self, store: Store, clock: FakeClock) -> None:
        """A purge takes what was deleted long ago, with its content and chunks; its key is free; others stay."""
        bot = await make_bot(store)
        draft = a_draft(bot, b"old")
        old = (await store.create_document(TENANT, draft, b"old", once("a", "k"))).value
        await publish(store, old, "old")
        young, live = [await known(store, bot, text) for text in ("young", "live")]
        await store.delete_document(TENANT, old.id)
        clock.advance(60)
        await store.delete_document(TENANT, young.id)
        clock.advance(60)
        await purge_all(store, older_than_seconds=90, limit=2)
        with pytest.raises(NotFound):
            await store.restore_document(TENANT, old.id)
        assert await store.record_content(TENANT, old.id) is None
        assert not (await store.page_chunk_records(TENANT, old.id, Window())).data
        assert (await store.restore_document(TENANT, young.id)).id == young.id
        assert await chunk_texts(store, young.id) == ["young"]
        assert await chunk_texts(store, live.id) == ["live"]
        assert not (await store.create_document(TENANT, draft, b"old", once("a", "k"))).replayed

    async def test_a_purge_of_a_bot_takes_its_documents(self, store: Store) -> None:
        """Nothing of them is left."""
        bot = await make_bot(store)
        document = await known(store, bot, *"abcdefgh")
        await store.delete_bot(TENANT, bot.id)
        assert await purge_all(store, limit=3) > 3
        assert await store.record_content(TENANT, document.id) is None
        assert not (await store.page_chunk_records(TENANT, document.id, Window())).data
        with pytest.raises(NotFound):
            await store.restore_bot(TENANT, bot.id)


class IngestionConformance:
    """Claims, and what is written under them."""

    async def test_a_claim_makes_a_document_ready(self, store: Store, clock: FakeClock) -> None:
        """Who claims a pending document writes its chunks and publishes it; nobody else is given it meanwhile."""
        bot = await make_bot(store)
        document = await add(store, bot)
        claim = await claimed(store, document)
        assert (claim.tenant_id, claim.bot) == (TENANT, bot)
        assert claim.document == await store.get_document(TENANT, document.id)
        assert claim.document.status is DocumentStatus.PROCESSING
        assert list(await store.claim_documents("worker-2", LEASE_SECONDS, 10)) == []
        await store.put_chunks(claim, chunks_of(claim, "one", "two"))
        await store.put_chunks(claim, chunks_of(claim, "three", after=2))
        assert await chunk_texts(store, document.id) == []
        assert await chunk_texts(store, document.id, version=1) == []
        clock.advance(1)
        ready = await store.publish_document(claim, title="Found", metadata={"pages": 3})
        assert (ready.status, ready.title, ready.chunk_count) == (DocumentStatus.READY, "Found", 3)
        assert ready.metadata == {"pages": 3}
        assert (ready.ready_version, ready.ready_at) == (1, from_micros(clock.micros()))
        assert await store.get_document(TENANT, document.id) == ready
        assert await chunk_texts(store, document.id) == ["one", "two", "three"]
        assert list(await store.claim_documents(OWNER, LEASE_SECONDS, 10)) == []

    async def test_as_many_are_claimed_as_asked_for(self, store: Store) -> None:
        """Up to ``limit`` documents of all tenants, each once, also when many ask at once."""
        bot, foreign = await make_bot(store), await make_bot(store, tenant_id=OTHER)
        made = {(await add(store, bot)).id for _ in range(4)}
        made.add((await add(store, foreign, tenant_id=OTHER)).id)
        assert len(await store.claim_documents(OWNER, LEASE_SECONDS, 2)) == 2
        rounds = await asyncio.gather(*(store.claim_documents(f"w{n}", LEASE_SECONDS, 2) for n in range(4)))
        claims = [claim for batch in rounds for claim in batch]
        assert len(claims) == len({claim.document.id for claim in claims}) == 3
        assert {claim.document.id for claim in claims} < made
        assert all(claim.tenant_id == (OTHER if claim.bot.id == foreign.id else TENANT) for claim in claims)

    async def test_the_same_chunks_again_change_nothing(self, store: Store) -> None:
        """A batch that was written before is written once."""
        bot = await make_bot(store)
        claim = await claimed(store, await add(store, bot))
        chunks = chunks_of(claim, "one", "two")
        for _ in range(2):
            await store.put_chunks(claim, chunks, embedded((1, 0), (0, 1)))
        assert (await store.publish_document(claim)).chunk_count == 2
        assert list((await store.page_chunks(TENANT, claim.document.id, Window())).data) == chunks

    async def test_what_is_written_of_a_first_version_is_counted(self, store: Store, clock: FakeClock) -> None:
        """While it is made ready, the document tells how many chunks are written so far: of this claim, and the same ones once. Where
        a version is ready, its count stays."""
        bot = await make_bot(store)
        document = await add(store, bot)

        async def count() -> int:
            return (await store.get_document(TENANT, document.id)).chunk_count

        claim = await claimed(store, document)
        for _ in range(2):
            await store.put_chunks(claim, chunks_of(claim, "one", "two"))
            assert await count() == 2
        await store.put_chunks(claim, chunks_of(claim, "three", after=2))
        assert await count() == 3
        assert (await store.give_document_back(claim)).chunk_count == await count() == 0
        claim = await claimed(store, document)
        await store.put_chunks(claim, chunks_of(claim, "one", "two"))
        clock.advance(LEASE_SECONDS + 1)
        claim = await claimed(store, document)
        assert claim.document.chunk_count == await count() == 0
        await store.put_chunks(claim, chunks_of(claim, "one"))
        assert (await store.fail_document(claim, BROKEN)).chunk_count == await count() == 0
        await publish(store, await store.replace_document(TENANT, document.id, Replacement(), None), "one")
        claim = await claimed(store, await store.replace_document(TENANT, document.id, Replacement(), None))
        await store.put_chunks(claim, chunks_of(claim, "one", "two", "three"))
        assert await count() == 1

    async def test_a_large_batch_is_kept(self, store: Store) -> None:
        """``CHUNKS_AT_ONCE`` chunks with vectors fit into one call."""
        bot = await make_bot(store)
        claim = await claimed(store, await add(store, bot))
        texts = [f"text {number}" for number in range(CHUNKS_AT_ONCE)]
        await store.put_chunks(claim, chunks_of(claim, *texts), embedded(*[(1.0, float(n)) for n in range(len(texts))]))
        await store.publish_document(claim)
        pages = await agree(
            lambda window: store.page_chunks(TENANT, claim.document.id, window),
            lambda chunk: (chunk.ordinal, chunk.text),
        )
        assert pages == list(enumerate(texts))

    async def test_a_lease_that_ran_out_is_taken_over(self, store: Store, clock: FakeClock) -> None:
        """The next claim starts from nothing; the one before can write no more, and is told so when it renews."""
        bot = await make_bot(store)
        document = await add(store, bot)
        first = await claimed(store, document)
        await store.put_chunks(first, chunks_of(first, "one", "two", "three"), embedded((1, 0), (0, 1), (1, 1)))
        assert await store.renew_ingestions([first], LEASE_SECONDS) == frozenset()
        clock.advance(LEASE_SECONDS + 1)
        second = await claimed(store, document, "worker-2")
        assert second.fence != first.fence
        assert await store.renew_ingestions([first, second], LEASE_SECONDS) == {document.id}
        for call in (
            store.put_chunks(first, chunks_of(first, "late")),
            store.publish_document(first),
            store.fail_document(first, BROKEN),
        ):
            with pytest.raises(FenceLost):
                await call
        await store.put_chunks(second, chunks_of(second, "new"))
        assert (await store.publish_document(second)).chunk_count == 1
        assert await chunk_texts(store, document.id) == ["new"]
        assert not (await store.page_vectors(TENANT, (document.id, 1), EMBEDDING, Window())).data

    async def test_a_renewed_lease_is_longer(self, store: Store, clock: FakeClock) -> None:
        """A claim that is renewed in time is nobody else's."""
        bot = await make_bot(store)
        claim = await claimed(store, await add(store, bot))
        for _ in range(3):
            clock.advance(LEASE_SECONDS - 1)
            assert await store.renew_ingestions([claim], LEASE_SECONDS) == frozenset()
            assert list(await store.claim_documents("worker-2", LEASE_SECONDS, 10)) == []
        await store.publish_document(claim)

    async def test_what_kills_its_worker_again_and_again_fails(self, store: Store, clock: FakeClock) -> None:
        """After ``ATTEMPTS_MAX`` claims a version is given up; a replacement of it is tried anew."""
        bot = await make_bot(store)
        document = await add(store, bot)
        for _ in range(ATTEMPTS_MAX):
            await claimed(store, document)
            clock.advance(LEASE_SECONDS + 1)
        assert list(await store.claim_documents(OWNER, LEASE_SECONDS, 10)) == []
        failed = await store.get_document(TENANT, document.id)
        assert failed.status is DocumentStatus.FAILED
        assert failed.error is not None
        assert failed.error.code == "ingestion_crashed"
        changed = await store.replace_document(TENANT, document.id, Replacement(), None)
        assert (await claimed(store, changed)).document.version == 2

    async def test_what_is_given_back_was_never_claimed(self, store: Store, clock: FakeClock) -> None:
        """The document waits for anybody at once, as often as that happens, with nothing of what was written; whoever gave it
        back has lost it. What was tried before in vain still counts."""
        bot = await make_bot(store)
        document = await known(store, bot, "one")
        waiting = await store.replace_document(TENANT, document.id, Replacement(), None)
        await claimed(store, waiting)
        clock.advance(LEASE_SECONDS + 1)
        for number in range(ATTEMPTS_MAX):
            claim = await claimed(store, waiting)
            await store.put_chunks(claim, chunks_of(claim, "two", f"half {number}"), embedded((1, 0), (0, 1)))
            assert await store.give_document_back(claim) == waiting == await store.get_document(TENANT, document.id)
            for call in (
                store.put_chunks(claim, chunks_of(claim, "late")),
                store.publish_document(claim),
                store.give_document_back(claim),
            ):
                with pytest.raises(FenceLost):
                    await call
        assert await chunk_texts(store, document.id) == ["one"]
        for _ in range(ATTEMPTS_MAX - 1):
            claim = await claimed(store, waiting)
            await store.put_chunks(claim, chunks_of(claim, "two"))
            clock.advance(LEASE_SECONDS + 1)
        assert list(await store.claim_documents(OWNER, LEASE_SECONDS, 10)) == []
        assert (await store.get_document(TENANT, document.id)).status is DocumentStatus.FAILED

    async def test_a_version_that_was_given_back_becomes_ready(self, store: Store) -> None:
        """With the chunks and vectors of the claim that published it, and no others."""
        bot = await make_bot(store)
        document = await add(store, bot)
        claim = await claimed(store, document)
        await store.put_chunks(claim, chunks_of(claim, "old", "older"), embedded((1, 0), (0, 1)))
        await store.give_document_back(claim)
        await publish(store, document, "new", vectors=[(1, 1)])
        assert await chunk_texts(store, document.id) == ["new"]
        vectors = (await store.page_vectors(TENANT, (document.id, 1), EMBEDDING, Window())).data
        assert [vector.vector for vector in vectors] == [floats(1, 1)]

    async def test_a_failure_leaves_nothing_but_its_reason(self, store: Store) -> None:
        """What was written for the version is gone; the ready one answers on."""
        bot = await make_bot(store)
        document = await known(store, bot, "one")
        changed = await store.replace_document(TENANT, document.id, Replacement(), None)
        claim = await claimed(store, changed)
        await store.put_chunks(claim, chunks_of(claim, "broken"))
        failed = await store.fail_document(claim, BROKEN)
        assert (failed.status, failed.error, failed.ready_version) == (DocumentStatus.FAILED, BROKEN, 1)
        assert (failed.chunk_count, failed.ready_at) == (1, document.ready_at)
        assert await store.get_document(TENANT, document.id) == failed
        assert await chunk_texts(store, document.id) == ["one"]
        with pytest.raises(FenceLost):
            await store.put_chunks(claim, chunks_of(claim, "more"))
        assert list(await store.claim_documents(OWNER, LEASE_SECONDS, 10)) == []

    async def test_a_replacement_or_a_delete_ends_a_claim(self, store: Store) -> None:
        """Whoever was making the version before ready writes nothing more."""
        bot = await make_bot(store)
        replaced, deleted = await add(store, bot), await add(store, bot)
        claims = {each.document.id: each for each in await store.claim_documents(OWNER, LEASE_SECONDS, 10)}
        await store.replace_document(TENANT, replaced.id, Replacement(), None)
        await store.delete_document(TENANT, deleted.id)
        assert await store.renew_ingestions(list(claims.values()), LEASE_SECONDS) == {replaced.id, deleted.id}
        for claim in claims.values():
            for call in (
                store.put_chunks(claim, chunks_of(claim, "late")),
                store.publish_document(claim),
                store.fail_document(claim, BROKEN),
            ):
                with pytest.raises(FenceLost):
                    await call
        assert (await claimed(store, replaced)).document.version == 2
        await store.restore_document(TENANT, deleted.id)
        assert (await claimed(store, deleted)).document.id == deleted.id

    async def test_a_claim_of_a_deleted_bot_is_over(self, store: Store) -> None:
        """Nothing is written for a bot that is deleted."""
        bot = await make_bot(store)
        claim = await claimed(store, await add(store, bot))
        await store.delete_bot(TENANT, bot.id)
        with pytest.raises(FenceLost):
            await store.put_chunks(claim, chunks_of(claim, "late"))
        with pytest.raises(FenceLost):
            await store.publish_document(claim)

    async def test_training_documents_are_not_claimed(self, store: Store, clock: FakeClock) -> None:
        """Who has begun a run carries it out; nobody takes it over."""
        bot = await make_bot(store)
        claim = await run(store, bot)
        clock.advance(LEASE_SECONDS + 1)
        assert list(await store.claim_documents(OWNER, LEASE_SECONDS, 10)) == []
        assert await store.renew_ingestions([claim], LEASE_SECONDS) == {claim.document.id}
