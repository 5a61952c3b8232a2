"""What a model is given fits the budget, is the newest there is, and stands in order."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from palaver.context import Window, estimate_tokens
from palaver.conversation import Message, Role, TextPart, TurnStatus

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def message(seq: int, text: str) -> Message:
    return Message(
        id=f"msg_{seq}",
        conversation_id="conv_1",
        turn_id=f"turn_{seq // 2}",
        seq=seq,
        role=Role.USER if seq % 2 else Role.ASSISTANT,
        parts=(TextPart(text=text),) if text else (),
        status=TurnStatus.COMPLETED,
        created_at=NOW,
    )


@given(
    st.lists(st.text(max_size=200), max_size=30),
    st.integers(100, 1000),
    st.text(max_size=50),
    st.text(min_size=1, max_size=50),
)
def test_the_newest_messages_that_fit_are_given_in_order(
    texts: list[str], budget: int, instructions: str, question: str
) -> None:
    """The history is a suffix of the messages with text, in order, within the budget; the question comes last."""
    history = [message(seq, text) for seq, text in enumerate(texts, start=1)]
    window = Window(instructions=instructions, question=question, budget_tokens=budget)
    window.take(reversed(history))
    lines = window.lines()
    said = [each.text for each in history if each.text]
    kept = [line.text for line in lines[:-1]]
    assert lines[-1].text == question
    assert kept == said[len(said) - len(kept) :]
    assert window.use().history_messages == len(kept)
    if kept:
        assert window.use().tokens <= budget
    if len(kept) < len(said):
        assert window.is_full


def test_the_question_goes_in_whatever_the_budget() -> None:
    """A question larger than the budget is given alone: the model's server refuses it by name."""
    window = Window(instructions="", question="x" * 10_000, budget_tokens=100)
    window.take([message(1, "hello")])
    assert [line.text for line in window.lines()] == ["x" * 10_000]


@given(st.text(max_size=2000))
def test_the_estimate_grows_with_the_text(text: str) -> None:
    """Every text costs at least the frame of a message, and more text never costs less."""
    assert estimate_tokens(text) >= 5
    assert estimate_tokens(text + "abcd") >= estimate_tokens(text)
