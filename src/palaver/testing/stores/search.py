"""Search: ``search_messages``, or ``FeatureAbsent``."""

from __future__ import annotations

import pytest

from palaver.errors import FeatureAbsent, InvalidInput
from palaver.page import Window
from palaver.stores.base import Feature, Store
from palaver.stores.orders import ConversationFilter, SearchQuery
from palaver.testing.stores.making import (
    OTHER,
    TENANT,
    agree,
    answer_id_of,
    ask,
    completed,
    exchange,
    make_bot,
    make_conversation,
    purge_all,
    running,
    said,
)
from palaver.testing.stores.messages import regenerate


async def found(store: Store, words: str, *, bot_id: str | None = None, tenant_id: str = TENANT) -> list[object]:
    """Return the texts that a query finds, newest first, read with every page size."""
    query = SearchQuery(text=words, bot_id=bot_id)
    messages: dict[object, str] = {}

    async def page(window: Window):  # type: ignore[no-untyped-def]  # a slice of messages
        part = await store.search_messages(tenant_id, query, window)
        messages.update({message.id: message.text for message in part.data})
        return part

    return [messages[each] for each in await agree(page, lambda message: message.id)]


class SearchConformance:
    """Search over messages."""

    @pytest.fixture
    async def searchable(self, store: Store) -> Store:
        """A store that searches. One that lacks the feature must say so; there is nothing more to test of it."""
        if Feature.MESSAGE_SEARCH not in store.features:
            with pytest.raises(FeatureAbsent):
                await store.search_messages(TENANT, SearchQuery(text="x"), Window())
            pytest.xfail("the store declares that it lacks search")
        return store

    async def test_messages_with_all_the_words_are_found(self, searchable: Store) -> None:
        """All words must be there, in any order and case, with or without accents; newest first."""
        conversation = await make_conversation(searchable)
        await exchange(searchable, conversation, "What is the refund policy?", "Fourteen days, café included.")
        await exchange(searchable, conversation, "Refund, again: the POLICY of refunds", "See above.")
        assert await found(searchable, "policy refund") == [
            "Refund, again: the POLICY of refunds",
            "What is the refund policy?",
        ]
        assert await found(searchable, "CAFE days") == ["Fourteen days, café included."]
        assert await found(searchable, "refund above") == []

    async def test_many_pages_of_hits_are_in_order(self, searchable: Store) -> None:
        """Newest first, whatever the size of the pages."""
        conversation = await make_conversation(searchable)
        for number in range(9):
            await exchange(searchable, conversation, f"word {number}", f"word, {number}")
        expected = [each for number in reversed(range(9)) for each in (f"word, {number}", f"word {number}")]
        assert await found(searchable, "word") == expected

    @pytest.mark.parametrize(
        "query",
        ['"', "*", "NEAR(", "AND OR", "a OR b", 'text:"a"', "-a", "^a", "(", "a*", "'", "\\", "{x}", "a + b", "%", "_"],
    )
    async def test_a_query_is_literal(self, searchable: Store, query: str) -> None:
        """The search engine's own syntax means nothing: what holds the characters is found, and nothing fails."""
        conversation = await make_conversation(searchable)
        await exchange(searchable, conversation, f"Before {query} behind", "nothing")
        assert await found(searchable, query) == [f"Before {query} behind"]

    async def test_words_of_every_script_are_found(self, searchable: Store) -> None:
        """Words in any script, and emoji, find the text that holds them."""
        conversation = await make_conversation(searchable)
        for words in ("Привет мир", "שלום עולם", "你好 世界", "नमस्ते दुनिया", "ok 😀 fine", "𞤀𞤣𞤤 𞤢𞤥", "İstanbul ǅ"):
            await exchange(searchable, conversation, words, "nothing")
            for word in words.split():
                assert words in await found(searchable, word), word

    async def test_a_long_query_is_refused(self, searchable: Store) -> None:
        """A thousand characters are searched for, one more is ``query_too_long``."""
        assert await found(searchable, "x" * 1000) == []
        with pytest.raises(InvalidInput) as refused:
            await found(searchable, "x" * 1001)
        assert refused.value.code == "query_too_long"

    async def test_answers_are_found_from_their_end(self, searchable: Store) -> None:
        """A question is found as soon as its turn has begun, an answer once its turn has ended."""
        claim = await running(searchable, await make_conversation(searchable), "zebra question")
        await searchable.append_deltas([said(claim, "zebra answer")])
        assert await found(searchable, "zebra") == ["zebra question"]
        await searchable.finish_turn(claim, completed("zebra answer"), promote=None)
        assert await found(searchable, "zebra") == ["zebra answer", "zebra question"]

    async def test_a_search_stays_inside_a_tenant_and_a_bot(self, searchable: Store) -> None:
        """Nothing of another tenant or bot is found, also when its words are the scope's own."""
        bots = [await make_bot(searchable) for _ in range(2)]
        for number, bot in enumerate(bots):
            await exchange(
                searchable, await make_conversation(searchable, bot=bot), f"zebra {number} tdefault b1", "nothing"
            )
        foreign = await make_conversation(searchable, tenant_id=OTHER)
        await searchable.begin_turn(OTHER, ask(foreign, "zebra, foreign"))
        assert await found(searchable, "zebra", tenant_id=OTHER) == ["zebra, foreign"]
        assert len(await found(searchable, "zebra")) == 2
        assert await found(searchable, "zebra", bot_id=bots[0].id) == ["zebra 0 tdefault b1"]
        assert await found(searchable, "tother") == []

    async def test_what_was_deleted_is_not_found(self, searchable: Store) -> None:
        """Messages of a deleted turn, conversation or bot are not found; restored ones are; purged ones never again."""
        bot = await make_bot(searchable)
        conversation = await make_conversation(searchable, bot=bot)
        done = await exchange(searchable, conversation, "zebra one", "lion one")
        await regenerate(searchable, conversation, done.turn, "lion two")
        assert len(await found(searchable, "lion")) == 2
        await searchable.delete_turn(TENANT, answer_id_of(done.turn))
        assert await found(searchable, "lion") == ["lion two"]
        await searchable.delete_conversation(TENANT, conversation.id)
        assert await found(searchable, "zebra") == []
        await searchable.restore_conversation(TENANT, conversation.id)
        await searchable.delete_bot(TENANT, bot.id)
        assert await found(searchable, "zebra") == []
        await searchable.restore_bot(TENANT, bot.id)
        assert await found(searchable, "zebra lion") == []
        assert await found(searchable, "zebra") == ["zebra one"]
        await searchable.delete_bot(TENANT, bot.id)
        await purge_all(searchable)
        assert await found(searchable, "zebra") == []

    async def test_conversations_are_found_by_what_was_said(self, searchable: Store) -> None:
        """``q`` of a listing finds conversations by their title or by the words of one of their messages."""
        titled, spoken, neither = [
            await make_conversation(searchable, title=title) for title in ("A Zebra!", None, "x")
        ]
        await exchange(searchable, spoken, "what is a zebra", "nothing")
        await exchange(searchable, neither, "nothing", "nothing")
        page = await searchable.page_conversations(TENANT, ConversationFilter(q="ZEBRA"), Window())
        assert {each.id for each in page.data} == {titled.id, spoken.id}
