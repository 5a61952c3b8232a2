"""Text in is text out."""

from __future__ import annotations

import asyncio
from contextlib import closing, suppress
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from palaver.conversation import Part, ReasoningPart, TextPart, ToolCallPart
from palaver.ids import child_id
from palaver.page import Window
from palaver.stores.orders import Continue, Outcome, Question, SearchQuery
from palaver.stores.sqlite import SqliteStore
from palaver.stores.sqlite.cutter import PLAIN, STEMMED, Cutter, Cutters
from palaver.testing.stores.making import TENANT, completed, make_conversation, running

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1)
PART = st.one_of(
    TEXT.map(lambda text: TextPart(text=text)),
    TEXT.map(lambda text: ReasoningPart(text=text)),
    st.builds(ToolCallPart, call_id=TEXT, name=TEXT, arguments=TEXT),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
QUICK = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@QUICK
@given(parts=st.lists(PART, max_size=4).map(tuple), title=TEXT, metadata=st.dictionaries(TEXT, JSON, max_size=3))
def test_every_text_comes_back(
    tmp_path: Path, parts: tuple[Part, ...], title: str, metadata: dict[str, object]
) -> None:
    """I18: any valid Unicode in a question, an answer, a title or metadata comes back as it was, and can be searched for."""

    async def check() -> None:
        store = SqliteStore(tmp_path / "a.db")
        await store.open()
        conversation = await make_conversation(store, title=title, metadata=metadata)
        assert (conversation.title, dict(conversation.metadata)) == (title, metadata)
        question = Question(message_id=child_id("msg", conversation.id), parts=parts)
        claim = await running(store, conversation, opening=Continue(question=question))
        finished = await store.finish_turn(claim, Outcome(status=completed("").status, parts=parts), promote=None)
        stored = (await store.page_messages(TENANT, conversation.id, Window())).data
        assert [message.parts for message in stored] == [parts, parts]
        assert finished.answer == stored[1]
        if title.strip():
            await store.search_messages(TENANT, SearchQuery(text=title[:1000]), Window())
        await store.close()

    asyncio.run(check())


@given(st.lists(st.tuples(st.sampled_from([PLAIN, STEMMED]), st.lists(TEXT, max_size=4), st.booleans()), max_size=6))
@QUICK
def test_a_cutter_that_is_used_again_has_nothing_of_before(texts: list[tuple[str, list[str], bool]]) -> None:
    """It cuts like a new one, also where its user failed."""
    cutters = Cutters()
    for tokenizer, some, fails in texts:
        fresh = Cutter(tokenizer)
        with suppress(ZeroDivisionError), closing(fresh), fresh.holding(some), cutters.holding(tokenizer, some) as used:
            assert (used.places(), used.terms()) == (fresh.places(), fresh.terms())
            if fails:
                raise ZeroDivisionError
    cutters.close()
