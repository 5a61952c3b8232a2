"""The offline model quotes what was found for the question, or says that no model is configured."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from palaver.context import Passage
from palaver.conversation import Role
from palaver.models.base import Prompt, PromptMessage
from palaver.models.offline import NO_MODEL, QUOTE_CODE_POINTS, OfflineModel
from palaver.testing.models import listen, text_of

HANDBOOK = Passage(
    1, "Handbook", "Our shops open at nine.\nRefunds are paid within 14 days. Parcels that break are replaced."
)
SHIPPING = Passage(2, "Shipping", "Parcels leave us within a day. A refund of the postage is not made.")


async def answer(question: str, *passages: Passage) -> str:
    prompt = Prompt(instructions="", messages=(PromptMessage(role=Role.USER, text=question),), passages=passages)
    return text_of(await listen(OfflineModel(), prompt))


async def test_it_quotes_the_sentence_that_shares_most_with_the_question() -> None:
    """The answer is sentences of the passages, word for word, each with the number of its passage."""
    said = await answer("When are refunds paid?", HANDBOOK, SHIPPING)
    assert said.startswith("Refunds are paid within 14 days. [1]")
    assert "nine" not in said


async def test_it_names_each_passage_by_its_number() -> None:
    """What is quoted from the second passage has its number, whatever the first one is about."""
    assert await answer("And the postage?", HANDBOOK, SHIPPING) == "A refund of the postage is not made. [2]"


async def test_what_shares_no_word_is_quoted_from_the_best_passage() -> None:
    """Passages that were found by their meaning alone are quoted from the beginning of the best one."""
    assert await answer("Wann gibt es Geld?", HANDBOOK, SHIPPING) == "Our shops open at nine. [1]"


async def test_without_passages_it_says_what_to_set() -> None:
    """Nothing is made up."""
    assert await answer("When are refunds paid?") == NO_MODEL


@given(st.text(min_size=1), st.lists(st.text(min_size=1).filter(str.strip), min_size=1, max_size=4))
async def test_it_answers_whatever_it_is_given(question: str, texts: list[str]) -> None:
    """Any passage with text is good for an answer that is not empty and quotes no more than it should."""
    said = await answer(question, *(Passage(rank, "T", text) for rank, text in enumerate(texts, 1)))
    assert said.strip()
    assert len(said) <= 3 * (QUOTE_CODE_POINTS + 10)
