"""What LangChain's suites don't ask of our classes."""

from __future__ import annotations

from pathlib import Path

import pytest
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage

import palaver
from palaver.blocking import BlockingHub
from palaver.bot import Bot
from palaver.errors import InvalidInput
from palaver.langchain import PalaverChatMessageHistory, PalaverRetriever, PalaverVectorStore


def test_a_history_is_the_conversation(hub: BlockingHub, word_bot: Bot) -> None:
    """What LangChain adds is said in the conversation, what is said there is in the history, and a clear empties both."""
    chat = hub.conversations.create(word_bot.id)
    history = PalaverChatMessageHistory(hub, chat.id)
    assert history.messages == []
    history.add_messages([HumanMessage("Hello?"), AIMessage("Hello.")])
    hub.messages.send(chat.id, "Who are you?")
    stored = list(hub.messages.list(chat.id))
    assert [(message.type, message.content) for message in history.messages[:3]] == [
        ("human", "Hello?"),
        ("ai", "Hello."),
        ("human", "Who are you?"),
    ]
    assert [message.id for message in history.messages] == [message.id for message in stored]
    history.clear()
    assert history.messages == []
    assert list(hub.messages.list(chat.id)) == []


def test_a_history_is_read_whole(hub: BlockingHub, word_bot: Bot) -> None:
    """However many pages it has."""
    history = PalaverChatMessageHistory(hub, hub.conversations.create(word_bot.id).id)
    said = [HumanMessage(f"message {number}") for number in range(250)]
    history.add_messages(said)
    assert [message.content for message in history.messages] == [message.content for message in said]


@pytest.mark.parametrize("message", [SystemMessage("Be kind."), ToolMessage("42", tool_call_id="1"), AIMessage("")])
def test_what_nobody_says_is_refused(hub: BlockingHub, word_bot: Bot, message: SystemMessage) -> None:
    """Instructions, tool results and messages without text: nothing of such an addition is kept."""
    history = PalaverChatMessageHistory(hub, hub.conversations.create(word_bot.id).id)
    with pytest.raises(InvalidInput):
        history.add_messages([HumanMessage("Hello?"), message])
    assert history.messages == []


def test_a_retriever_says_where_it_found_something(hub: BlockingHub, word_bot: Bot) -> None:
    """A document of it is a chunk, with the document, version and place that it stands at."""
    added = hub.documents.add(word_bot.id, text="Refunds take five days.", title="Handbook")
    (found,) = PalaverRetriever(hub=hub, bot_id=word_bot.id).invoke("refunds")
    assert found.page_content == "Refunds take five days."
    assert found.id == f"{added.id}:1:0"
    score = found.metadata.pop("score")
    assert 0 < score <= 1
    assert found.metadata == {"document_id": added.id, "version": 1, "title": "Handbook", "start": 0, "end": 23}


def test_a_retriever_keeps_to_its_filter(hub: BlockingHub, word_bot: Bot) -> None:
    """Only documents with these metadata are found."""
    for product in ("a", "b"):
        hub.documents.add(word_bot.id, text=f"Refunds of {product}", metadata={"product": product})
    (found,) = PalaverRetriever(hub=hub, bot_id=word_bot.id, where={"product": "b"}).invoke("refunds")
    assert found.page_content == "Refunds of b"


def test_texts_come_back_whole_with_their_metadata(hub: BlockingHub, word_bot: Bot) -> None:
    """Also long ones, that are many chunks: each is found once, under its id; the bot's other documents are not."""
    hub.documents.add(word_bot.id, text="Refunds in the handbook.")
    long = "\n\n".join(f"Refunds of kind {number} take {number} days." for number in range(200)) + "  "
    store = PalaverVectorStore.from_texts(
        [long, "Opening hours"],
        None,
        [{"kind": "long", "pages": [1, 2]}, {}],
        ids=["1", "2"],
        hub=hub,
        bot_id=word_bot.id,
    )
    ((found, score),) = store.similarity_search_with_score("refunds", k=3)
    assert (found.page_content, found.metadata, found.id) == (long, {"kind": "long", "pages": [1, 2]}, "1")
    assert 0 < score <= 1
    assert store.similarity_search("refunds", filter={"kind": "short"}) == []
    assert store.similarity_search_with_relevance_scores("refunds", k=1) == [(found, score)]
    store.delete()
    assert store.get_by_ids(["1", "2"]) == []
    assert len(hub.documents.list(word_bot.id)) == 1


async def test_a_hub_whose_calls_are_awaited_serves_code_that_awaits(tmp_path: Path) -> None:
    """All three classes work on it; a call that would block says what to use instead."""
    async with palaver.open(str(tmp_path / "palaver.db")) as hub:
        bot = await hub.bots.create(name="Helper", model="offline")
        store = await PalaverVectorStore.afrom_texts(["Refunds take five days."], None, hub=hub, bot_id=bot.id)
        (found,) = await store.asimilarity_search("refunds")
        (chunk,) = await PalaverRetriever(hub=hub, bot_id=bot.id).ainvoke("refunds")
        assert found.page_content == chunk.page_content == "Refunds take five days."
        history = PalaverChatMessageHistory(hub, (await hub.conversations.create(bot.id)).id)
        await history.aadd_messages([HumanMessage("Hello?")])
        assert [message.content for message in await history.aget_messages()] == ["Hello?"]
        await history.aclear()
        assert await history.aget_messages() == []
        with pytest.raises(TypeError, match=r"palaver\.connect"):
            store.similarity_search("refunds")
