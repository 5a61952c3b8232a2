"""The tree of turns: its branches, and the turns that appended messages make.

A turn's key (whatever a store counts its turns by) is always larger than its parent's.

A deleted turn leaves what continued it to its parent. Its *origin* says of a turn that hangs so, deleted or not, which deleted
turn it would continue: so each can be restored, in whatever order. A purge leaves it the origin of what it removes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

from palaver.conversation import Branch, Role
from palaver.stores.orders import AppendedMessage


class Node(NamedTuple):
    """A turn by its key, and its parent's."""

    key: int
    turn_id: str
    parent_key: int | None


class Hanging(NamedTuple):
    """A turn by its key, the key of the deleted turn that it would continue (None: it continues its parent), and whether it
    is deleted itself."""

    key: int
    origin: int | None
    deleted: bool


def taken_back(restored: int, hanging: Iterable[Hanging]) -> Sequence[int]:
    """Return which of the turns on the parent of a deleted one hang on that when it is there again."""
    below = {restored}
    found = []
    for each in sorted(hanging):
        if each.origin in below:
            found.append(each.key)
            if each.deleted:
                below.add(each.key)
    return found


def branches_of(nodes: Iterable[Node], head_key: int | None) -> Sequence[Branch]:
    """Return every turn that has a sibling: one walk, newest first, finds the leaves and the active path."""
    turns = sorted(nodes)
    ids = {turn.key: turn.turn_id for turn in turns}
    leaf: dict[int, int] = {}
    siblings: dict[int | None, int] = {}
    active: set[int | None] = {head_key}
    for key, _, parent_key in reversed(turns):
        siblings[parent_key] = siblings.get(parent_key, 0) + 1
        if key in active:
            active.add(parent_key)
        end = leaf.setdefault(key, key)
        if parent_key is not None and leaf.get(parent_key, 0) < end:
            leaf[parent_key] = end
    return tuple(
        Branch(
            parent_id=None if parent_key is None else ids[parent_key],
            turn_id=turn_id,
            leaf_turn_id=ids[leaf[key]],
            active=key in active,
        )
        for key, turn_id, parent_key in turns
        if siblings[parent_key] > 1
    )


def turns_of(messages: Sequence[AppendedMessage]) -> Sequence[Sequence[AppendedMessage]]:
    """Group messages: a question and the answer right behind it are one turn, everything else is a turn of its own."""
    joined = {
        answer.message_id
        for question, answer in pairwise(messages)
        if question.role is Role.USER and answer.role is Role.ASSISTANT and question.turn_id == answer.turn_id
    }
    turns: list[list[AppendedMessage]] = []
    for message in messages:
        if message.message_id in joined:
            turns[-1].append(message)
        else:
            turns.append([message])
    return turns
