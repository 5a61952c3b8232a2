"""Ids sort by time, are UUIDs, and lead to their conversation."""

from __future__ import annotations

import uuid

import pytest

from palaver.ids import child_id, family, is_id, new_id

KNOWN = "bot_01a1fa2a3c267bb1aaa34dcdef10333a"


def test_an_id_is_a_prefix_and_a_uuid_of_version_7() -> None:
    """Behind the prefix stands a UUIDv7."""
    made = new_id("bot")
    assert uuid.UUID(made.removeprefix("bot_")).version == 7
    assert is_id("bot", made)


def test_ids_sort_by_the_time_of_their_making() -> None:
    """A later id is never smaller by more than the clock's grain of a quarter of a microsecond."""
    made = [new_id("msg")[:21] for _ in range(2000)]
    assert made == sorted(made)


def test_a_child_ends_like_its_conversation() -> None:
    """Turns and messages share the last four digits of their conversation, and are UUIDs all the same."""
    conversation = new_id("conv")
    turn = child_id("turn", conversation)
    assert family(turn) == family(conversation)
    assert is_id("turn", turn)
    assert len({child_id("turn", conversation) for _ in range(10_000)}) == 10_000


@pytest.mark.parametrize(
    "value",
    [
        "",
        "bot_",
        "bot_x",
        "conv_" + "0" * 32,
        "../x",
        "bot_" + "0" * 10_000,
        KNOWN.upper(),
        KNOWN + "\n",
        "bot_%30",
    ],
)
def test_what_has_not_the_form_is_no_id(value: str) -> None:
    """Ids of another form are told from the form alone."""
    assert not is_id("bot", value)
