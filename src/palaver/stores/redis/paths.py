"""The tree of turns: which path through it is the active one, what branches it has, what went before a turn.

``path`` is a sorted set of the messages on the active path, ``tree`` one of ``<parent>:<turn>:<id>`` by their indexes, in
which the children of a turn stand together, and ``buried`` is the same of deleted turns. A turn's index is always larger
than its parent's, so two ends are walked back to where they meet without reading anything else: the cost is what changes,
not the history.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from palaver.conversation import Branch, Utterance
from palaver.errors import NotFound
from palaver.stores.openings import in_progress
from palaver.stores.redis.server import Command, Word
from palaver.stores.redis.session import Outrun, Session
from palaver.stores.redis.stored import Stored, StoredConversation, StoredMessage, StoredTurn, number_of
from palaver.stores.rows import utterances_of
from palaver.stores.tree import Hanging, Node, branches_of, taken_back

PATH, TREE, BURIED, TURNS, SAID, KEYS = "path", "tree", "buried", "turns", "said", "keys"
"""What a conversation has beside its things: its active path, its tree, its deleted turns, all its turns by index, all its
messages by seq, and the turns of its idempotency keys."""

_READ: tuple[type[Stored], ...] = (StoredTurn, StoredMessage, StoredMessage)
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
        number_of(StoredTurn, "id"),
        number_of(StoredTurn, "question_id"),
        number_of(StoredTurn, "answer_id"),
    ]
    if kind is StoredConversation:
        words.append(number_of(StoredConversation, "head_id"))
    return db.server.script("lineage", [db.keys.of(kind.KIND, any_id)], *words)


class Spoken(NamedTuple):
    """A turn and what was said in it, by their ids."""

    turn_id: str
    question_id: str | None
    answer_id: str | None


def learned(db: Session, answer: Sequence[bytes]) -> list[Spoken]:
    """Take note of turns and messages that were read by ``before``; return which they are."""
    found = []
    for at in range(0, len(answer), 6):
        turn_id, question_id, answer_id = ids = [each.decode() for each in answer[at : at + 3]]
        for kind, each, kept in zip(_READ, ids, answer[at + 3 : at + 6], strict=True):
            if each:
                db.learn(kind, db.keys.of(kind.KIND, each), kept or None)
        found.append(Spoken(turn_id, question_id or None, answer_id or None))
    return found


async def said_in(db: Session, turns: Sequence[Spoken]) -> tuple[Utterance, ...]:
    """Return what was said in some turns."""
    ids = [message_id for turn in turns for message_id in (turn.question_id, turn.answer_id)]
    messages = await db.find_all(StoredMessage, ids)
    rows = [
        (turn.turn_id, *_columns(asked), *_columns(said))
        for turn, asked, said in zip(turns, messages[::2], messages[1::2], strict=True)
    ]
    return tuple(utterance for row in rows for utterance in utterances_of(row))


def _columns(message: StoredMessage | None) -> tuple[str | None, str | None, int | None]:
    return (
        (None, None, None)
        if message is None or message.deleted_at is not None
        else (message.text, message.parts, message.n)
    )


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


_Branch = tuple[str | None, int | None]


class _Grove:
    """Turns of a conversation by the turn that they hang on."""

    def __init__(self, db: Session, key: str) -> None:
        self._db = db
        self._key = key
        self._children: dict[int, list[Child]] = {}

    async def children(self, parent_index: int | None) -> list[Child]:
        """Return the turns on a turn (None: on nothing), in order."""
        at = parent_index or 0
        if at not in self._children:
            (members,) = await self._db.ask(("ZRANGEBYLEX", self._key, f"[{at:010d}:", f"({at:010d};"))
            self._children[at] = [Child(node.key, node.turn_id) for node in map(_node, members)]
        return self._children[at]

    async def turns(self, parent_index: int | None) -> list[StoredTurn]:
        """Return the same as they are kept."""
        children = await self.children(parent_index)
        return [each for each in await self._db.find_all(StoredTurn, [child.id for child in children]) if each]

    async def add(self, turn: StoredTurn) -> None:
        """Put a turn in."""
        siblings = await self.children(turn.parent_index)
        siblings.append(Child(turn.index, turn.id))
        siblings.sort()
        self._db.write("ZADD", self._key, 0, branch_of(turn))

    async def discard(self, turn: StoredTurn) -> None:
        """Take a turn out. Raises ``Outrun`` if somebody did meanwhile: the turn was read before the tree."""
        siblings, it = await self.children(turn.parent_index), Child(turn.index, turn.id)
        if it not in siblings:
            raise Outrun
        siblings.remove(it)
        self._db.write("ZREM", self._key, branch_of(turn))

    async def hang(self, turn: StoredTurn, parent: _Branch, origin_id: str | None) -> None:
        """Let a turn hang on another (its id and index)."""
        await self.discard(turn)
        moved = replace(turn, parent_id=parent[0], parent_index=parent[1], origin_id=origin_id)
        self._db.put(moved)
        await self.add(moved)


class Tree:
    """The tree of a conversation, as an operation changes it."""

    def __init__(self, db: Session, conversation_id: str) -> None:
        self._db = db
        self._live = _Grove(db, db.keys.of(TREE, conversation_id))
        self._buried = _Grove(db, db.keys.of(BURIED, conversation_id))

    async def siblings(self, turn: StoredTurn, *, deleted: bool = False) -> list[StoredTurn]:
        """Return the turns that hang where a turn does, or did."""
        return await (self._buried if deleted else self._live).turns(turn.parent_index)

    async def newest_end(self, parent_index: int | None) -> str | None:
        """Return the newest child of a turn, or its newest child, and so on: the last of them."""
        found = None
        while children := await self._live.children(parent_index):
            parent_index, found = children[-1]
        return found

    async def bury(self, turn: StoredTurn) -> None:
        """Take a turn out; what hangs on it hangs on its parent."""
        await self._live.discard(turn)
        for grove in (self._live, self._buried):
            for each in await grove.turns(turn.index):
                await grove.hang(each, (turn.parent_id, turn.parent_index), each.origin_id or turn.id)
        await self._buried.add(turn)

    async def unbury(self, turn: StoredTurn) -> Sequence[StoredTurn]:
        """Put a turn back, with what would continue it; return which of that is not deleted."""
        await self._buried.discard(turn)
        live, buried = [await grove.turns(turn.parent_index) for grove in (self._live, self._buried)]
        index = {each.id: each.index for each in (turn, *buried)}
        hanging = [
            Hanging(each.index, index.get(each.origin_id or ""), each.deleted_at is not None)
            for each in (*live, *buried)
        ]
        back = taken_back(turn.index, hanging)
        for grove, turns in ((self._live, live), (self._buried, buried)):
            for each in turns:
                if each.index in back:
                    origin_id = None if each.origin_id == turn.id else each.origin_id
                    await grove.hang(each, (turn.id, turn.index), origin_id)
        await self._live.add(turn)
        return [each for each in live if each.index in back]

    async def forget(self, turn: StoredTurn) -> None:
        """Give a deleted turn up: what would continue it would continue what it would have continued."""
        await self._buried.discard(turn)
        for grove in (self._live, self._buried):
            for each in await grove.turns(turn.parent_index):
                if each.origin_id == turn.id:
                    self._db.put(replace(each, origin_id=turn.origin_id))


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


async def origin_at_head(db: Session, conversation: StoredConversation) -> str | None:
    """Return the deleted turn that goes on at the head: what continues the head would continue that."""
    lost = await db.find(StoredTurn, conversation.lost_head_id)
    if lost is None or lost.deleted_at is None or lost.parent_id != conversation.head_id:
        return None
    return lost.id


def refuse_while_open(conversation: StoredConversation) -> None:
    """Raise ``TurnInProgress`` if a turn of the conversation runs or waits."""
    waiting = conversation.queued[0] if conversation.queued else None
    if conversation.running_id or waiting:
        raise in_progress(conversation.running_id or waiting, conversation.id)
