"""The tree of turns: which path through it is the active one, what branches it has, what went before a turn.

``path`` is a sorted set of the messages on the active path, ``tree`` one of ``<parent>:<turn>:<id>`` by their indexes, in
which the children of a turn stand together. A turn's index is always larger than its parent's, so two ends are walked back
to where they meet without reading anything else: the cost is what changes, not the history.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from palaver.conversation import Branch, Utterance
from palaver.errors import NotFound
from palaver.stores.openings import in_progress
from palaver.stores.redis.server import Command, Word
from palaver.stores.redis.session import Session
from palaver.stores.redis.stored import StoredConversation, StoredMessage, StoredTurn, number_of, unpacked
from palaver.stores.rows import utterances_of
from palaver.stores.tree import Node, branches_of

PATH, TREE, TURNS, SAID, KEYS = "path", "tree", "turns", "said", "keys"
"""What a conversation has beside its things: its active path, its tree, all its turns by index, all its messages by seq,
and the turns of its idempotency keys."""

_AT_ONCE = 50
_BRANCHES_AT_ONCE = 1000


# What went before


def before(db: Session, kind: type[StoredTurn] | type[StoredConversation], any_id: str, turns: int) -> Command:
    """Return the command that reads a turn (or a conversation's head) and those before it, with what was said in them."""
    words: list[Word] = [
        turns,
        db.keys.of(StoredTurn.KIND, any_id).removesuffix(any_id),
        db.keys.of(StoredMessage.KIND, any_id).removesuffix(any_id),
        number_of(StoredTurn, "parent_id"),
        number_of(StoredTurn, "question_id"),
        number_of(StoredTurn, "answer_id"),
    ]
    if kind is StoredConversation:
        words.append(number_of(StoredConversation, "head_id"))
    return db.server.script("lineage", [db.keys.of(kind.KIND, any_id)], *words)


def learned(db: Session, answer: Sequence[bytes]) -> list[StoredTurn]:
    """Take note of turns and messages that were read by ``before``; return the turns."""
    turns = []
    for at in range(0, len(answer), 3):
        turn = unpacked(StoredTurn, answer[at])
        known = db.learn(StoredTurn, db.keys.of(StoredTurn.KIND, turn.id), answer[at])
        for message_id, kept in ((turn.question_id, answer[at + 1]), (turn.answer_id, answer[at + 2])):
            if message_id is not None:
                db.learn(StoredMessage, db.keys.of(StoredMessage.KIND, message_id), kept or None)
        if known is not None:
            turns.append(known)
    return turns


async def said_in(db: Session, turns: Sequence[StoredTurn]) -> tuple[Utterance, ...]:
    """Return what was said in some turns."""
    ids = [message_id for turn in turns for message_id in (turn.question_id, turn.answer_id)]
    messages = await db.find_all(StoredMessage, ids)
    rows = [
        (turn.id, *_columns(asked), *_columns(said))
        for turn, asked, said in zip(turns, messages[::2], messages[1::2], strict=True)
    ]
    return tuple(utterance for row in rows for utterance in utterances_of(row))


def _columns(message: StoredMessage | None) -> tuple[str | None, str | None, int | None]:
    return (None, None, None) if message is None or message.deleted_at else (message.text, message.parts, message.n)


async def said_up_to(db: Session, turn_id: str | None, turns: int) -> tuple[Utterance, ...]:
    """Return what was said in a turn and those before it on its branch, newest first."""
    if turn_id is None or turns < 1:
        return ()
    (answer,) = await db.ask(before(db, StoredTurn, turn_id, turns))
    return await said_in(db, learned(db, answer))


async def _parent_of(db: Session, turn: StoredTurn) -> StoredTurn | None:
    if turn.parent_id is None:
        return None
    if not db.knows(StoredTurn, turn.parent_id):
        (answer,) = await db.ask(before(db, StoredTurn, turn.parent_id, _AT_ONCE))
        learned(db, answer)
    return await db.find(StoredTurn, turn.parent_id)


# The active path


class Marks:
    """The marks of a conversation's active path, as an operation changes them."""

    def __init__(self, db: Session, conversation_id: str) -> None:
        self._db = db
        self._key = db.keys.of(PATH, conversation_id)
        self._changed: dict[str, bool] = {}

    async def has(self, message_id: str) -> bool:
        """Whether a message is on the path."""
        if message_id in self._changed:
            return self._changed[message_id]
        (score,) = await self._db.ask(("ZSCORE", self._key, message_id))
        return score is not None

    def set(self, message: StoredMessage) -> None:
        """Put a message on the path, unless it is deleted."""
        if message.deleted_at is None:
            self._changed[message.id] = True
            self._db.write("ZADD", self._key, message.seq, message.id)

    def clear(self, message_id: str) -> None:
        """Take a message off the path."""
        self._changed[message_id] = False
        self._db.write("ZREM", self._key, message_id)

    async def move(self, old: StoredTurn | None, new: StoredTurn | None, *, also: str | None = None) -> None:
        """Move the path from one end to another; the message ``also`` is on it, too."""
        left: list[str | None] = []
        joined = [also]
        while (old and old.id) != (new and new.id):
            if new is None or (old is not None and old.index > new.index):
                assert old is not None  # else both were None
                left += [old.question_id, old.answer_id]
                old = await _parent_of(self._db, old)
            else:
                joined += [new.question_id, new.answer_id]
                new = await _parent_of(self._db, new)
        await self._change(left, joined)

    async def _change(self, left: Sequence[str | None], joined: Sequence[str | None]) -> None:
        for message_id in left:
            if message_id is not None and message_id not in joined:
                self.clear(message_id)
        for message in await self._db.find_all(StoredMessage, list(joined)):
            if message is not None:
                self.set(message)


# The tree


class Child(NamedTuple):
    """A turn by its index and its id."""

    at: int
    id: str


class Tree:
    """The tree of a conversation, as an operation changes it."""

    def __init__(self, db: Session, conversation_id: str) -> None:
        self._db = db
        self._key = db.keys.of(TREE, conversation_id)
        self._children: dict[int, list[Child]] = {}

    async def children(self, parent_index: int | None) -> list[Child]:
        """Return the turns that continue a turn (None: nothing), in order."""
        at = parent_index or 0
        if at not in self._children:
            (members,) = await self._db.ask(("ZRANGEBYLEX", self._key, f"[{at:010d}:", f"({at:010d};"))
            self._children[at] = [Child(node.key, node.turn_id) for node in map(_node, members)]
        return self._children[at]

    async def newest_end(self, parent_index: int | None) -> str | None:
        """Return the newest child of a turn, or its newest child, and so on: the last of them."""
        found = None
        while children := await self.children(parent_index):
            parent_index, found = children[-1]
        return found

    async def remove(self, turn: StoredTurn) -> None:
        """Take a turn out; its children hang on its parent."""
        (await self.children(turn.parent_index)).remove(Child(turn.index, turn.id))
        self._db.write("ZREM", self._key, branch_of(turn))
        for child in await self._db.find_all(StoredTurn, [each.id for each in await self.children(turn.index)]):
            if child is not None:
                await self._hang(child, turn.parent_id, turn.parent_index)
        self._children[turn.index] = []

    async def _hang(self, child: StoredTurn, parent_id: str | None, parent_index: int | None) -> None:
        moved = replace(child, parent_id=parent_id, parent_index=parent_index)
        self._db.put(moved)
        self._db.write("ZREM", self._key, branch_of(child))
        self._db.write("ZADD", self._key, 0, branch_of(moved))
        siblings = await self.children(parent_index)
        siblings.append(Child(child.index, child.id))
        siblings.sort()


def branch_of(turn: StoredTurn) -> str:
    """Return what stands for a turn in the tree."""
    return f"{turn.parent_index or 0:010d}:{turn.index:010d}:{turn.id}"


def _node(member: bytes) -> Node:
    parent, index, turn_id = member.decode().split(":", 2)
    return Node(int(index), turn_id, int(parent) or None)


async def branches(db: Session, tenant_id: str, conversation_id: str) -> Sequence[Branch]:
    """``ConversationRows.branches``"""
    conversation, _ = await db.live(tenant_id, conversation_id)
    key = db.keys.of(TREE, conversation_id)
    nodes: list[Node] = []
    while True:
        (members,) = await db.ask(("ZRANGE", key, len(nodes), len(nodes) + _BRANCHES_AT_ONCE - 1))
        nodes += map(_node, members)
        if len(members) < _BRANCHES_AT_ONCE:
            break
    head = next((node.key for node in nodes if node.turn_id == conversation.head_id), None)
    return branches_of(nodes, head)


async def lineage(db: Session, tenant_id: str, turn_id: str, turns: int) -> Sequence[Utterance]:
    """``MessageRows.lineage``"""
    turn = await db.get(StoredTurn, tenant_id, turn_id)
    await db.live(tenant_id, turn.conversation_id)
    if turn.deleted_at is not None:
        raise NotFound
    return await said_up_to(db, turn.parent_id, turns)


def refuse_while_open(conversation: StoredConversation) -> None:
    """Raise ``TurnInProgress`` if a turn of the conversation runs or waits."""
    waiting = conversation.queued[0] if conversation.queued else None
    if conversation.running_id or waiting:
        raise in_progress(conversation.running_id or waiting, conversation.id)
