"""The words of a search on PostgreSQL: cut and folded here, found there."""

from __future__ import annotations

from collections.abc import AsyncIterator

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from palaver.stores.postgres import PostgresStore
from palaver.stores.postgres.lexemes import query_of, row_of, words_of
from palaver.stores.terms import terms_of
from palaver.testing import FakeClock
from palaver.testing.stores.making import exchange, make_conversation
from palaver.testing.stores.search import found

texts = st.text(alphabet=st.characters(blacklist_categories=["Cs"], blacklist_characters="\x00"), max_size=60)


@pytest.fixture
async def store(postgres_url: str) -> AsyncIterator[PostgresStore]:
    store = PostgresStore(postgres_url, clock=FakeClock())
    await store.open()
    yield store
    await store.close()


@pytest.fixture
async def database(postgres_url: str) -> AsyncIterator[asyncpg.Connection]:
    """The database, from the side."""
    connection = await asyncpg.connect(postgres_url)
    yield connection
    await connection.close()


def test_words_are_folded() -> None:
    """Case and accents are nothing; letters and digits of any script are words, all else is between them."""
    assert words_of("Café CAFE\u0301 cafe") == ["cafe", "cafe", "cafe"]
    assert words_of("a_b-c.d@e 12:30") == ["a", "b", "c", "d", "e", "12", "30"]
    assert words_of("Straße ПРИВЕТ Ἀθήνα 你好") == ["strasse", "привет", "αθηνα", "你好"]
    assert words_of("😀 * ' \\ \x01") == []


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=texts, scope=texts)
async def test_a_text_is_found_by_each_of_its_pieces(database: asyncpg.Connection, text: str, scope: str) -> None:
    """Whatever a text is and whatever its tenant is called: the database takes its row, and each piece of it finds it."""
    tenant_id = scope[:20]
    row = row_of(text, tenant_id)
    pieces = terms_of(text).words if text.strip() else ()
    if row is None:
        assert text == ""
        return
    query = query_of(pieces, tenant_id, None)
    assert await database.fetchval("SELECT $1::text::tsvector @@ $2::text::tsquery", row, query)
    assert not await database.fetchval(
        "SELECT $1::text::tsvector @@ $2::text::tsquery", row, query_of((), "x" + tenant_id, None)
    )


@pytest.mark.parametrize(
    "text",
    ["x" * 200_000, " ".join(f"w{number}" for number in range(30_000)), "same " * 40_000, "ß" * 5_000, "𞤀 " * 50_000],
    ids=["one long word", "many words", "one word often", "a word that grows", "words beyond the first plane"],
)
async def test_a_text_of_any_length_is_taken(store: PostgresStore, text: str) -> None:
    """What the engine behind the index can't hold is left out of it: the message is stored, and its beginning is found."""
    conversation = await make_conversation(store)
    await exchange(store, conversation, f"beginning {text}", "nothing")
    assert list(await found(store, "beginning")) == [f"beginning {text}"]


async def test_a_piece_of_many_words_is_a_phrase(store: PostgresStore) -> None:
    """``well-known`` finds those two words behind each other, not each somewhere."""
    conversation = await make_conversation(store)
    await exchange(store, conversation, "a well-known fact", "well, that is known")
    assert await found(store, "well-known") == ["a well-known fact"]
    assert await found(store, "known well") == ["well, that is known", "a well-known fact"]
