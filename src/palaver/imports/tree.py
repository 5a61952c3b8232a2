"""A conversation of another system as the lines of an export of ours.

What others keep is a tree of messages, each with the one before it. Here a turn is a question and the answer to it: a
question whose answers are several becomes several turns, side by side, and what is said in one go in several messages
becomes one answer. Ids are derived from theirs, so that the same file is the same conversations when it is read again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from palaver.clock import rfc3339
from palaver.conversation import ConversationStatus, Role, TurnStatus
from palaver.exports.jsonl import SCHEMA, SCHEMA_VERSION
from palaver.ids import derived_id
from palaver.text import as_name, from_model, is_blank

Line = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A message of the tree. ``role`` is None for what is shown to nobody; ``at`` is None where it is not told."""

    id: str
    parent_id: str | None
    role: Role | None
    text: str = ""
    at: datetime | None = None
    model: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """A conversation. ``current_id`` is the message at which what is shown ends."""

    source: str
    id: str
    title: str
    started_at: datetime
    last_activity_at: datetime
    archived: bool = False
    nodes: Mapping[str, Node]
    current_id: str | None


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a walk is: the turn before, the question that waits for an answer, and what was answered so far."""

    node: Node
    parent: str | None
    question: Node | None = None
    answers: tuple[Node, ...] = ()


@dataclass(slots=True)
class _Turn:
    id: str
    parent_id: str | None
    question: Node | None
    answers: tuple[Node, ...]


def schema_line() -> Line:
    """Return the first line of an export."""
    return {"line": "schema", "name": SCHEMA, "version": SCHEMA_VERSION}


def lines_of(tree: Tree, bot_id: str) -> list[Line]:
    """Return a conversation as lines that become a bot's, without the schema's. Empty if nothing is said in it."""
    return _Writing(tree, bot_id).lines()


@dataclass(slots=True)
class _Writing:
    tree: Tree
    bot_id: str
    conversation_id: str = ""
    turns: dict[str, _Turn] = field(default_factory=dict)
    written: list[Line] = field(default_factory=list)
    asked: dict[str, str] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    children: dict[str | None, list[Node]] = field(default_factory=dict)

    def lines(self) -> list[Line]:
        tree = self.tree
        self.conversation_id = derived_id("conv", tree.started_at, self._name(tree.id))
        self._find_children()
        path = self._path()
        for turn in self._walk():
            self._write(turn, path)
        if not self.written:
            return []
        status = ConversationStatus.ARCHIVED if tree.archived else ConversationStatus.ACTIVE
        head: Line = {
            "line": "conversation",
            "id": self.conversation_id,
            "bot_id": self.bot_id,
            "title": as_name(tree.title, "Untitled"),
            "status": status.value,
            "metadata": {"imported_from": tree.source, "imported_id": tree.id},
            "started_at": rfc3339(tree.started_at),
            "last_activity_at": rfc3339(tree.last_activity_at),
        }
        return [head, *self.written]

    def _name(self, *parts: str) -> str:
        return "\n".join((self.bot_id, self.tree.source, *parts))

    def _inner_id(self, prefix: str, at: datetime, *parts: str) -> str:
        name = self._name(self.tree.id, prefix, *parts)
        return derived_id(prefix, at, name, within=self.conversation_id)

    def _path(self) -> set[str]:
        """Return the ids of what is shown: each question on the way to the last message and on from it, and each answer's last
        message. An answer that went on in another message is another one on another branch, and ends elsewhere.
        """
        at, seen = self.tree.current_id, set[str]()
        while (more := self._said_on(at)) is not None and more not in seen:
            seen.add(more)
            at = more
        met: set[str] = set()
        found: set[str] = set()
        below: Role | None = None
        while at is not None and at in self.tree.nodes and at not in met:
            met.add(at)
            node = self.tree.nodes[at]
            if self._is_said(node):
                if node.role is Role.USER or below is not Role.ASSISTANT:
                    found.add(at)
                below = node.role
            at = node.parent_id
        return found

    def _is_said(self, node: Node) -> bool:
        return node.role is not None and not is_blank(node.text)

    def _said_on(self, node_id: str | None) -> str | None:
        """Return what follows a message that is not asked."""
        below = [] if node_id is None else self.children.get(node_id, [])
        return next((each.id for each in below if each.role is not Role.USER), None)

    def _find_children(self) -> None:
        nodes = self.tree.nodes
        for node in nodes.values():
            parent = node.parent_id if node.parent_id in nodes else None
            self.children.setdefault(parent, []).append(node)

    def _walk(self) -> Iterator[_Turn]:
        """Yield the turns, each after its parent."""
        todo = [_Place(node, None) for node in reversed(self.children.get(None, []))]
        while todo:
            place = todo.pop()
            done, place = self._step(place)
            if done is not None:
                yield done
            below = self.children.get(place.node.id, [])
            if not below and (last := self._closed(place)) is not None:
                yield last
            todo += [_Place(each, place.parent, place.question, place.answers) for each in reversed(below)]

    def _step(self, place: _Place) -> tuple[_Turn | None, _Place]:
        """Take a message; a question closes the turn before it."""
        node = place.node
        if not self._is_said(node):
            return None, place
        if node.role is Role.ASSISTANT:
            return None, _Place(node, place.parent, place.question, (*place.answers, node))
        new = self._closed(place)
        parent = self._turn_id(place) or place.parent
        return new, _Place(node, parent, node)

    def _turn_id(self, place: _Place) -> str | None:
        said = [*([place.question] if place.question else []), *place.answers]
        return self._inner_id("turn", self._at(said[0]), *(each.id for each in said)) if said else None

    def _closed(self, place: _Place) -> _Turn | None:
        """Return the turn that a place is in, unless it was met on another branch."""
        turn_id = self._turn_id(place)
        if turn_id is None or turn_id in self.turns:
            return None
        self.turns[turn_id] = _Turn(turn_id, place.parent, place.question, place.answers)
        return self.turns[turn_id]

    def _at(self, node: Node) -> datetime:
        return node.at or self.tree.started_at

    def _write(self, turn: _Turn, path: set[str]) -> None:
        question, answers = turn.question, turn.answers
        first, last = (question or answers[0]), (answers[-1] if answers else question)
        assert last is not None, "a turn holds something"
        is_new = question is not None and question.id not in self.asked
        question_id = None if question is None else self._question_id(question)
        answer_id = self._inner_id("msg", self._at(last), *(each.id for each in answers)) if answers else None
        model = next((each.model for each in answers if each.model), "")
        self._add(
            "turn",
            "index",
            {
                "id": turn.id,
                "conversation_id": self.conversation_id,
                "parent_id": turn.parent_id,
                "status": TurnStatus.COMPLETED.value,
                "model": from_model(model)[:200],
                "user_message_id": question_id,
                "message_id": answer_id,
                "created_at": rfc3339(self._at(first)),
                "started_at": rfc3339(self._at(first)),
                "finished_at": rfc3339(self._at(last)),
            },
        )
        if question is not None and is_new:
            self._say(turn.id, question_id, [question], on_path=question.id in path)
        if answers:
            self._say(turn.id, answer_id, answers, on_path=answers[-1].id in path)

    def _add(self, kind: str, number: str, fields: Line) -> None:
        """Write a line with the next number of its kind."""
        self.counts[kind] += 1
        self.written.append({"line": kind, number: self.counts[kind], **fields})

    def _question_id(self, question: Node) -> str:
        if question.id not in self.asked:
            self.asked[question.id] = self._inner_id("msg", self._at(question), question.id)
        return self.asked[question.id]

    def _say(self, turn_id: str, message_id: str | None, nodes: Sequence[Node], *, on_path: bool) -> None:
        role = nodes[0].role
        assert role is not None, "what is shown to nobody is in no turn"
        text = "\n\n".join(from_model(each.text) for each in nodes)
        self._add(
            "message",
            "seq",
            {
                "id": message_id,
                "conversation_id": self.conversation_id,
                "turn_id": turn_id,
                "role": role.value,
                "parts": [{"type": "text", "text": text}],
                "status": TurnStatus.COMPLETED.value,
                "created_at": rfc3339(self._at(nodes[-1])),
                "on_path": on_path,
            },
        )
