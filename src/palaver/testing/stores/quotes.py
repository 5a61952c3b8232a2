"""Citations that outlive their documents: what messages and logs say once a document is deleted, and once it is purged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pytest

from palaver.bot import Bot
from palaver.conversation import Conversation
from palaver.document import Citation, Document
from palaver.events import Event, EventType, dumps
from palaver.jsonable import encode
from palaver.page import Window
from palaver.stores.base import Feature, Store
from palaver.stores.orders import Claim, Delta, SearchQuery
from palaver.testing.clock import FakeClock
from palaver.testing.stores.knowing import known, quote_of
from palaver.testing.stores.making import (
    LEASE_SECONDS,
    OWNER,
    TENANT,
    answer_id_of,
    completed,
    make_bot,
    make_conversation,
    purge_all,
    running,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cited:
    """Two documents of a bot, and what an answer quotes of them."""

    bot: Bot
    conversation: Conversation
    documents: Sequence[Document]
    citations: tuple[Citation, ...]

    @property
    def ids(self) -> tuple[str, ...]:
        """Of the documents."""
        return tuple(document.id for document in self.documents)

    def ticks(self, claim: Claim) -> Delta:
        """What the log of a turn says of them: both were found, the first is quoted."""
        found, quoted = encode(self.citations), encode(self.citations[:1])
        events = (
            Event(claim.next_seq, EventType.RETRIEVAL_DONE, dumps({"citations": found, "k": 2})),
            Event(claim.next_seq + 1, EventType.CITATIONS, dumps({"citations": quoted})),
        )
        return Delta(tenant_id=TENANT, turn_id=claim.turn.id, fence=claim.fence, events=events)


def emptied(citation: Citation) -> Citation:
    """What is left of a citation after the purge of its document."""
    return replace(citation, title="", quote="", gone=True)


class QuoteConformance:
    """``gone``, and what a purge empties."""

    @pytest.fixture
    async def cited(self, store: Store) -> Cited:
        """Two documents that can be quoted."""
        bot = await make_bot(store)
        documents = [await known(store, bot, f"secret {name}", title=f"title {name}") for name in ("one", "two")]
        quotes = [await quote_of(store, bot, document) for document in documents]
        return Cited(
            bot=bot,
            conversation=await make_conversation(store, bot=bot),
            documents=documents,
            citations=tuple(replace(each, rank=rank, score=0.5) for rank, each in enumerate(quotes, 1)),
        )

    async def _answer(self, store: Store, cited: Cited) -> Claim:
        claim = await running(store, cited.conversation)
        await store.append_deltas([cited.ticks(claim)])
        outcome = completed("It says so [1].", citations=cited.citations[:1], consulted=cited.ids)
        finished = await store.finish_turn(claim, outcome, promote=None)
        assert finished.answer is not None
        assert finished.answer.citations == cited.citations[:1]
        return claim

    async def _read(self, store: Store, cited: Cited, claim: Claim) -> list[tuple[Citation, ...]]:
        """Return the citations of the answer as all methods say them that read messages."""
        message_id = answer_id_of(claim.turn)
        page = await store.page_messages(TENANT, cited.conversation.id, Window())
        messages = [message for message in page.data if message.id == message_id]
        messages.append(await store.get_message(TENANT, message_id))
        messages.append(await store.rate_message(TENANT, message_id, 5, None))
        if Feature.MESSAGE_SEARCH in store.features:
            messages += (await store.search_messages(TENANT, SearchQuery(text="says"), Window())).data
        assert len({message.id for message in messages}) == 1
        return [message.citations for message in messages]

    async def _log(self, store: Store, claim: Claim) -> str:
        log = await store.read_log(TENANT, claim.turn.id, after=0, limit=100)
        return "".join(event.json for event in log.events)

    async def test_a_citation_says_that_its_document_is_gone(self, store: Store, cited: Cited) -> None:
        """A message that is read says so from the delete on, until it is restored; what was quoted stays, and the log."""
        claim = await self._answer(store, cited)
        given = cited.citations[:1]
        log = await store.read_log(TENANT, claim.turn.id, after=0, limit=100)
        assert all(each == given for each in await self._read(store, cited, claim))
        await store.delete_document(TENANT, cited.ids[1])
        assert all(each == given for each in await self._read(store, cited, claim))
        await store.delete_document(TENANT, cited.ids[0])
        gone = (replace(given[0], gone=True),)
        assert all(each == gone for each in await self._read(store, cited, claim))
        later = await store.read_log(TENANT, claim.turn.id, after=0, limit=100)
        assert later.events == log.events
        await store.restore_document(TENANT, cited.ids[0])
        assert all(each == given for each in await self._read(store, cited, claim))

    async def test_a_running_answer_says_so_too(self, store: Store, cited: Cited) -> None:
        """What its log cites is told like what a message cites."""
        claim = await running(store, cited.conversation)
        await store.append_deltas([cited.ticks(claim)])
        await store.delete_document(TENANT, cited.ids[0])
        message = await store.get_message(TENANT, answer_id_of(claim.turn))
        assert message.citations == (replace(cited.citations[0], gone=True),)

    async def test_a_purge_empties_what_was_quoted(self, store: Store, cited: Cited) -> None:
        """Titles and quotes of the document are gone from messages and logs; all else stays as it was given."""
        claim = await self._answer(store, cited)
        await store.delete_document(TENANT, cited.ids[0])
        await purge_all(store, limit=1)
        assert all(each == (emptied(cited.citations[0]),) for each in await self._read(store, cited, claim))
        log = await store.read_log(TENANT, claim.turn.id, after=0, limit=100)
        assert log.answer is not None
        assert log.answer.citations == (emptied(cited.citations[0]),)
        assert [event.data for event in log.events] == [
            {"citations": [encode(emptied(cited.citations[0])), encode(cited.citations[1])], "k": 2},
            {"citations": [encode(emptied(cited.citations[0]))]},
        ]
        assert "secret two" in await self._log(store, claim)

    async def test_a_purge_empties_what_was_found_but_not_quoted(self, store: Store, cited: Cited) -> None:
        """The log names it, so it is emptied there."""
        claim = await self._answer(store, cited)
        await store.delete_document(TENANT, cited.ids[1])
        await purge_all(store)
        assert "secret two" not in await self._log(store, claim)
        assert "secret one" in await self._log(store, claim)
        assert all(each == cited.citations[:1] for each in await self._read(store, cited, claim))

    async def test_a_turn_that_ended_without_its_worker_is_emptied(
        self, store: Store, clock: FakeClock, cited: Cited
    ) -> None:
        """What it had consulted is known by its log."""
        claim = await running(store, cited.conversation)
        await store.append_deltas([cited.ticks(claim)])
        clock.advance(LEASE_SECONDS + 1)
        await store.recover(OWNER, LEASE_SECONDS, 10)
        for document_id in cited.ids:
            await store.delete_document(TENANT, document_id)
        await purge_all(store)
        message = await store.get_message(TENANT, answer_id_of(claim.turn))
        assert message.citations == (emptied(cited.citations[0]),)
        assert "secret" not in await self._log(store, claim)

    async def test_a_turn_that_ends_after_the_purge_is_emptied(self, store: Store, cited: Cited) -> None:
        """Its worker had the text before the document was deleted, and its end comes after the purge."""
        claim = await running(store, cited.conversation)
        await store.append_deltas([cited.ticks(claim)])
        await store.delete_document(TENANT, cited.ids[0])
        await purge_all(store)
        outcome = completed("It says so [1].", citations=cited.citations[:1], consulted=cited.ids)
        await store.finish_turn(claim, outcome, promote=None)
        message = await store.get_message(TENANT, answer_id_of(claim.turn))
        assert message.citations == (emptied(cited.citations[0]),)
        assert "secret one" not in await self._log(store, claim)
        assert "secret two" in await self._log(store, claim)
