"""What a bot answers from its documents: found, streamed, cited, kept, and gone when the document is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from palaver.config import Settings
from palaver.conversation import Message
from palaver.document import Document, DocumentStatus, Hit
from palaver.embeddings.base import Purpose
from palaver.embeddings.scripted import ScriptedEmbedding
from palaver.errors import DocumentFailed, InvalidInput, TurnFailed
from palaver.events import EventType
from palaver.fold import fold
from palaver.hub import HubRoot, LocalHub
from palaver.models.scripted import ScriptedModel
from palaver.stores.knowledge_orders import ATTEMPTS_MAX

HANDBOOK = """# Refunds

Refunds are paid within 14 days of the day on which a parcel comes back.

# Shops

Our shops open at nine and close at six, on Sundays never.
"""


class House:
    """Opens hubs on one file, each like a process of its own."""

    def __init__(self, path: Path, stack: AsyncExitStack) -> None:
        self._path = path
        self._stack = stack

    async def root(self, model: ScriptedModel) -> HubRoot:
        settings = Settings(store=f"sqlite:///{self._path}", default_model="m")
        return await self._stack.enter_async_context(HubRoot.open(settings, models={"m": model}))

    async def hub(self, model: ScriptedModel) -> LocalHub:
        return (await self.root(model)).for_tenant()


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with AsyncExitStack() as stack:
        yield House(tmp_path / "t.db", stack)


async def taught(hub: LocalHub, text: str = HANDBOOK) -> tuple[str, Document]:
    """A conversation with a bot that knows a text, and the document."""
    bot = await hub.bots.create(name="Helper")
    document = await hub.documents.add(bot.id, text=text, title="Handbook", media_type="text/markdown")
    return (await hub.conversations.create(bot.id)).id, document


async def answer_of(hub: LocalHub, message: Message) -> Message:
    return next(each for each in await hub.messages.list(message.conversation_id) if each.id == message.id)


async def test_an_answer_cites_what_the_model_was_given(house: House) -> None:
    """The model is given the passage; the reply cites the document, its version and the exact words, and so does the stored
    message; the turn tells how many chunks there were."""
    model = ScriptedModel("Within 14 days [1].")
    hub = await house.hub(model)
    chat, document = await taught(hub)
    reply = await hub.messages.send(chat, "When is a refund paid for a parcel?")
    assert "paid within 14 days" in model.calls[-1].prompt.system
    (cited,) = reply.citations
    assert (cited.document_id, cited.version, cited.title, cited.rank) == (document.id, 1, "Handbook", 1)
    assert "Refunds are paid within 14 days" in cited.quote
    assert len(cited.chunk_sha256) == 64
    assert reply.turn.context is not None
    assert reply.turn.context.chunks >= 1
    assert (await answer_of(hub, reply.message)).citations == reply.citations


async def test_what_was_found_comes_first_and_what_is_cited_last(house: House) -> None:
    """The stream tells what was found before the first word and what is cited before the end; folded, it is the turn."""
    hub = await house.hub(ScriptedModel("Within 14 days [1]."))
    chat, _ = await taught(hub)
    events = [event async for event in hub.messages.stream(chat, "When is a refund paid for a parcel?")]
    kinds = [event.type for event in events]
    assert kinds[:2] == [EventType.TURN_ACCEPTED, EventType.RETRIEVAL_DONE]
    assert kinds[-2:] == [EventType.CITATIONS, EventType.TURN_COMPLETED]
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    turn, answer = fold(events)
    assert answer is not None
    assert answer == await answer_of(hub, answer)
    assert turn == await hub.turns.get(turn.id)
    again = [event async for event in hub.turns.events(turn.id)]
    assert again == events


async def test_an_answer_without_marks_cites_all_it_was_given(house: House) -> None:
    """A model that names no passage is taken to rest on all of them; one that says nothing cites nothing."""
    hub = await house.hub(ScriptedModel("In a fortnight.", "Soon [1]"))
    chat, _ = await taught(hub)
    found = await hub.search((await hub.conversations.get(chat)).bot_id, "When is a refund paid for a parcel?")
    reply = await hub.messages.send(chat, "When is a refund paid for a parcel?")
    assert [each.rank for each in reply.citations] == [hit.rank for hit in found.hits]


async def test_a_bot_without_documents_is_asked_as_ever(house: House) -> None:
    """Nothing is looked for, told or cited."""
    model = ScriptedModel("Hello.")
    hub = await house.hub(model)
    bot = await hub.bots.create(name="Helper", instructions="Be kind.")
    chat = await hub.conversations.create(bot.id)
    events = [event async for event in hub.messages.stream(chat.id, "When is a refund paid?")]
    assert EventType.RETRIEVAL_DONE not in [event.type for event in events]
    assert EventType.CITATIONS not in [event.type for event in events]
    assert model.calls[-1].prompt.system == "Be kind."


async def test_the_offline_model_quotes_what_was_found(house: House) -> None:
    """With no model configured the answer is a sentence of the document, with its number."""
    hub = await house.hub(ScriptedModel())
    bot = await hub.bots.create(name="Quoting", model="offline")
    await hub.documents.add(bot.id, text=HANDBOOK, title="Handbook", media_type="text/markdown")
    chat = await hub.conversations.create(bot.id)
    reply = await hub.messages.send(chat.id, "When are refunds paid?")
    assert reply.text.startswith("Refunds are paid within 14 days")
    assert "[1]" in reply.text
    assert [each.rank for each in reply.citations] == [1]


async def test_a_deleted_document_is_in_no_answer_and_its_quotes_stay(house: House) -> None:
    """From the delete on nothing of it is found, on other hubs either; what was cited stays as it was, marked as gone; a
    restore brings both back."""
    hub, other = await house.hub(ScriptedModel("So [1].")), await house.hub(ScriptedModel("So [1]."))
    chat, document = await taught(hub)
    bot_id = (await hub.conversations.get(chat)).bot_id
    first = await hub.messages.send(chat, "When is a refund paid for a parcel?")
    await hub.documents.delete(document.id)
    assert (await other.search(bot_id, "refund parcel")).hits == ()
    assert (await other.messages.send(chat, "When is a refund paid for a parcel?")).citations == ()
    kept = (await answer_of(other, first.message)).citations
    assert kept == tuple(replace(each, gone=True) for each in first.citations)
    await hub.documents.restore(document.id)
    assert (await answer_of(other, first.message)).citations == first.citations
    assert len((await other.search(bot_id, "refund parcel")).hits) >= 1


async def test_a_purge_empties_quotes_and_leaves_the_answer(house: House) -> None:
    """Once the document is purged, no message and no event holds its words; that it was cited can still be seen."""
    root = await house.root(ScriptedModel("So [1]."))
    hub = root.for_tenant()
    chat, document = await taught(hub)
    reply = await hub.messages.send(chat, "When is a refund paid for a parcel?")
    await hub.documents.delete(document.id)
    await root.lifecycle.purge_now()
    (left,) = (await answer_of(hub, reply.message)).citations
    assert (left.title, left.quote, left.gone, left.document_id) == ("", "", True, document.id)
    events = [event async for event in hub.turns.events(reply.turn.id)]
    assert not any("14 days" in event.json for event in events)


async def test_a_replaced_document_answers_with_its_new_words(house: House) -> None:
    """A replacement is found instead of what it replaces; what was cited before stays, with its version."""
    hub = await house.hub(ScriptedModel("So [1]."))
    chat, document = await taught(hub)
    first = await hub.messages.send(chat, "When is a refund paid for a parcel?")
    again = await hub.documents.replace(
        document.id, text=HANDBOOK.replace("14 days", "30 days"), media_type="text/markdown"
    )
    assert (again.version, again.ready_version) == (2, 2)
    second = await hub.messages.send(chat, "When is a refund paid for a parcel?")
    assert "30 days" in second.citations[0].quote
    assert second.citations[0].version == 2
    assert (await answer_of(hub, first.message)).citations == first.citations


async def test_what_was_cited_is_the_same_after_it_is_indexed_again(house: House) -> None:
    """A version that is made anew of the same content changes nothing of what was cited."""
    hub = await house.hub(ScriptedModel("So [1]."))
    chat, document = await taught(hub)
    reply = await hub.messages.send(chat, "When is a refund paid for a parcel?")
    await hub.documents.replace(document.id)
    assert (await answer_of(hub, reply.message)).citations == reply.citations


async def test_a_document_that_can_not_be_read_says_why(house: House) -> None:
    """It fails with a code and a sentence, is found by nobody, and does as much when it is listed."""
    hub = await house.hub(ScriptedModel())
    bot = await hub.bots.create(name="Helper")
    with pytest.raises(DocumentFailed) as failed:
        await hub.documents.add(bot.id, b"%PDF-1.7\nnot a PDF at all", title="Broken.pdf")
    assert failed.value.code == "file_unreadable"
    (listed,) = await hub.documents.list(bot.id)
    assert listed.status is DocumentStatus.FAILED
    assert listed.error is not None
    assert listed.error.code == "file_unreadable"
    assert (await hub.search(bot.id, "PDF")).hits == ()


async def test_short_questions_are_looked_for_with_the_one_before(house: House) -> None:
    """A question that can't stand alone finds what the conversation is about."""
    hub = await house.hub(ScriptedModel("So [1]."))
    chat, _ = await taught(hub)
    await hub.messages.send(chat, "When is a refund paid for a parcel?")
    reply = await hub.messages.send(chat, "Are you sure?")
    assert any("Refunds" in each.quote for each in reply.citations)


async def test_an_interrupted_answer_keeps_what_it_cites(house: House) -> None:
    """A stop keeps the text so far and the passages it rests on."""
    hub = await house.hub(ScriptedModel(["Within ", "14 days [1]", asyncio.Event()]))
    chat, _ = await taught(hub)
    async for event in hub.messages.stream(chat, "When is a refund paid for a parcel?"):
        if event.text.endswith("[1]"):
            break
    running_id = (await hub.conversations.get(chat)).running_turn_id
    assert running_id is not None
    reply = await hub.turns.wait((await hub.turns.stop(running_id)).id)
    assert reply.text == "Within 14 days [1]"
    assert [each.rank for each in reply.citations] == [1]


class Backwards:
    """A reranker: what was last is first."""

    async def scores(self, text: str, hits: Sequence[Hit]) -> Sequence[float]:
        return [rank / len(hits) for rank, _ in enumerate(hits)]


async def test_a_reranker_that_was_not_given_is_refused(house: House, tmp_path: Path) -> None:
    """A process that was given rerankers stores no other name; one without that name fails the turn, before its model is called."""
    model = ScriptedModel("Yes.")
    settings = Settings(store=f"sqlite:///{tmp_path / 't.db'}", default_model="m")
    async with HubRoot.open(settings, models={"m": model}, rerankers={"backwards": Backwards()}) as root:
        hub = root.for_tenant()
        with pytest.raises(InvalidInput, match="'cross'") as refused:
            await hub.bots.create(name="Other", retrieval={"reranker": "cross"})
        assert refused.value.details["path"] == "retrieval.reranker"
        assert not (await hub.bots.list()).data
        chat, _ = await taught(hub)
        bot = (await hub.bots.list()).data[0]
        with pytest.raises(InvalidInput, match="'cross'"):
            await hub.bots.update(bot.id, retrieval={"reranker": "cross"})
        assert (await hub.bots.update(bot.id, retrieval={"reranker": "backwards"})).version == bot.version + 1
        assert (await hub.search(bot.id, "refunds")).hits
    hub = await house.hub(model)
    with pytest.raises(TurnFailed, match="'backwards'") as failed:
        await hub.messages.send(chat, "When is a refund paid?")
    assert failed.value.code == "provider_not_configured"
    assert not model.calls


class Stuck(ScriptedEmbedding):
    """Embeds nothing until the process ends."""

    def __init__(self) -> None:
        super().__init__(8)
        self.asked = asyncio.Event()

    async def embed(self, texts: Sequence[str], *, purpose: Purpose = Purpose.DOCUMENT) -> Sequence[bytes]:
        self.asked.set()
        return await asyncio.get_running_loop().create_future()


async def test_what_a_stop_cuts_is_done_by_the_next_one_at_once(tmp_path: Path) -> None:
    """However often a process that makes a document ready is stopped, the next one need not wait for its lease, and the
    document is not given up."""
    settings = Settings(store=f"sqlite:///{tmp_path / 't.db'}", default_model="m", default_embedding="e")
    document_id = ""
    for _ in range(ATTEMPTS_MAX + 1):
        stuck = Stuck()
        async with HubRoot.open(settings, models={"m": ScriptedModel()}, embeddings={"e": stuck}) as root:
            hub = root.for_tenant()
            if not document_id:
                bot = await hub.bots.create(name="Helper")
                document_id = (await hub.documents.add(bot.id, text=HANDBOOK, title="Handbook", wait=False)).id
            async with asyncio.timeout(root.settings.limits.lease_seconds / 2):
                await stuck.asked.wait()
    whole = {"e": ScriptedEmbedding(8)}
    async with HubRoot.open(settings, models={"m": ScriptedModel()}, embeddings=whole) as root:
        async with asyncio.timeout(root.settings.limits.lease_seconds / 2):
            assert (await root.for_tenant().documents.wait(document_id)).status is DocumentStatus.READY
