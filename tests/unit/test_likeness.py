"""Pairs that say nearly the same have nearly the same fingerprint, others don't."""

from __future__ import annotations

import re
import time

from hypothesis import given
from hypothesis import strategies as st

from palaver.stores.pairs import DISTANCE
from palaver.training.likeness import Seen, fingerprint_of

QUESTION = "How long does it take to get a refund?"
ANSWER = (
    "A refund reaches your account within five working days after we have received the parcel. If you paid by invoice, "
    "please tell us the number of your bank account. Shipping costs are not refunded unless the item was damaged."
)


def seen_of(*fingerprints: str) -> Seen:
    """What was met, if these were."""
    seen = Seen()
    for each in fingerprints:
        seen.add(each)
    return seen


words = st.lists(st.text("abcdefghijklmnop", min_size=2, max_size=8), min_size=1, max_size=60)


@given(words, words)
def test_case_blanks_and_punctuation_do_not_count(question: list[str], answer: list[str]) -> None:
    """The same words have the same fingerprint, however they are set."""
    plain = fingerprint_of(" ".join(question), " ".join(answer))
    assert fingerprint_of("  ".join(question).upper() + "?!", "\n".join(answer) + ".") == plain


def test_a_word_more_in_a_long_answer_is_nearly_the_same() -> None:
    """Likeness is more than being equal."""
    one = fingerprint_of(QUESTION, ANSWER * 2)
    other = fingerprint_of(QUESTION, ANSWER * 2 + " Thanks!")
    assert one != other
    assert other in seen_of(one)


def test_another_question_is_another_pair() -> None:
    """However long the answer that both of them got."""
    seen = seen_of(fingerprint_of(QUESTION, ANSWER), fingerprint_of("Do you ship to Spain?", ANSWER))
    assert fingerprint_of("Do you ship to France?", ANSWER) not in seen


def test_another_answer_is_another_pair() -> None:
    """However often the question is asked."""
    seen = Seen()
    for number in range(50):
        mark = fingerprint_of(QUESTION, f"Case {number}: {number * 7} days, {number * 13} euros.")
        assert mark not in seen
        seen.add(mark)


@given(st.text(max_size=100), st.text(max_size=100))
def test_every_text_has_a_fingerprint(question: str, answer: str) -> None:
    """Of 16 hex digits, the same each time, also where it has no word."""
    one = fingerprint_of(question, answer)
    assert one == fingerprint_of(question, answer)
    assert re.fullmatch("[0-9a-f]{16}", one)


@given(st.integers(0, (1 << 64) - 1), st.sets(st.integers(0, 63), max_size=DISTANCE))
def test_everything_near_is_seen(mark: int, flipped: set[int]) -> None:
    """Whichever bits differ, up to the limit, a fingerprint is found again."""
    assert f"{mark ^ sum(1 << bit for bit in flipped):016x}" in seen_of(f"{mark:016x}")


def test_what_differs_in_more_is_new() -> None:
    """One bit more than the limit is another pair."""
    assert f"{(1 << DISTANCE + 1) - 1:016x}" not in seen_of("0" * 16)


def test_many_answers_to_one_question_are_compared_with_few() -> None:
    """Looking at a pair does not mean looking at all pairs before it that have its question."""
    marks = [fingerprint_of(QUESTION, " ".join(f"{number * step}" for step in range(1, 9))) for number in range(4_000)]
    seen = Seen()
    begun = time.process_time()
    for mark in marks:
        assert mark in seen or seen.add(mark) is None
    assert time.process_time() - begun < 1.0
