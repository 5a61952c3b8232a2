"""Events, their fold, and the JSON shape of values."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from palaver.conversation import (
    ContextUse,
    Message,
    ReasoningPart,
    Role,
    TextPart,
    Turn,
    TurnStatus,
    Usage,
)
from palaver.document import Citation
from palaver.events import beginning, ending, log_begins_at, reasoning_delta, text_delta
from palaver.fold import draft_of, fold
from palaver.jsonable import decode, encode

NOW = datetime(2026, 1, 1, 12, 0, 0, 123456, tzinfo=UTC)
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1)


def turn(**changes: object) -> Turn:
    base = Turn(
        id="turn_1",
        conversation_id="conv_1",
        index=1,
        parent_id=None,
        status=TurnStatus.COMPLETED,
        model="scripted:echo",
        user_message_id="msg_1",
        message_id="msg_2",
        usage=Usage(input_tokens=3, output_tokens=4),
        context=ContextUse(history_messages=0, chunks=0, tokens=9),
        created_at=NOW,
        started_at=NOW,
        first_token_at=NOW,
        finished_at=NOW,
    )
    return replace(base, **changes)  # type: ignore[arg-type]


def message(role: Role, *texts: str, **changes: object) -> Message:
    base = Message(
        id="msg_1" if role is Role.USER else "msg_2",
        conversation_id="conv_1",
        turn_id="turn_1",
        seq=1 if role is Role.USER else 2,
        role=role,
        parts=tuple(TextPart(text=text) for text in texts),
        status=TurnStatus.COMPLETED,
        created_at=NOW,
    )
    return replace(base, **changes)  # type: ignore[arg-type]


@given(st.lists(st.tuples(st.booleans(), TEXT), min_size=1, max_size=20), st.booleans())
def test_the_fold_of_a_stream_is_what_is_stored(said: list[tuple[bool, str]], queued: bool) -> None:
    """fold(beginning + log + end) is the stored turn and its answer, without what came later (a rating)."""
    first = log_begins_at(queued=queued)
    log = [(reasoning_delta if aloud else text_delta)(first + n, text) for n, (aloud, text) in enumerate(said)]
    answer = message(Role.ASSISTANT, parts=draft_of(log).parts(), rating=5)
    opening = beginning(turn(), message(Role.USER, "hi"), answer, queued=queued)
    end = ending(first + len(log), turn(), answer)
    events = [*opening, *log, end]
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert fold(events) == (turn(), replace(answer, rating=None))
    running, so_far = fold(events[:-1])
    assert running.status is TurnStatus.RUNNING
    assert running.usage == Usage()
    assert so_far is not None
    assert so_far.parts == answer.parts
    assert so_far.text == "".join(text for aloud, text in said if not aloud)


@given(TEXT)
def test_an_event_is_one_line_of_ascii(text: str) -> None:
    """Whatever the text, the data of an event has no line break and no byte above 127, and gives the text back."""
    event = text_delta(7, text)
    assert event.json.isascii()
    assert "\n" not in event.json
    assert "\r" not in event.json
    assert event.text == text
    assert reasoning_delta(7, text).text == ""


def test_events_tell_nothing_that_came_later() -> None:
    """The first event shows the turn as it began: no usage, no outcome, an empty answer."""
    answer = message(Role.ASSISTANT, "42", rating=1, citations=(cite(),))
    accepted = beginning(turn(), message(Role.USER, "?", rating=3), answer, queued=False)[0].data
    assert accepted["turn"]["status"] == "running"
    assert accepted["turn"]["finished_at"] is None
    assert accepted["message"]["text"] == ""
    assert accepted["message"]["citations"] == []
    assert accepted["user_message"]["rating"] is None
    assert accepted["message_id"] == "msg_2"


def cite() -> Citation:
    return Citation(document_id="doc_1", version=1, title="T", quote="q", start=0, end=1, score=0.5, rank=1)


@pytest.mark.parametrize(
    "value",
    [
        turn(),
        turn(status=TurnStatus.QUEUED, started_at=None, finished_at=None, first_token_at=None, context=None),
        message(Role.ASSISTANT, "a", "b"),
        message(Role.ASSISTANT, parts=(ReasoningPart(text="hm"), TextPart(text="a")), citations=(cite(),)),
    ],
)
def test_a_value_survives_its_json_shape(value: Turn | Message) -> None:
    """decode(encode(value)) is the value; fields that a newer server adds are passed over."""
    shape = json.loads(json.dumps(encode(value)))
    assert decode(type(value), {**shape, "new_field": 1}) == value


def test_text_is_the_text_parts_joined() -> None:
    """Reasoning is no text."""
    assert message(Role.ASSISTANT, parts=(TextPart(text="a"), ReasoningPart(text="x"), TextPart(text="b"))).text == "ab"
