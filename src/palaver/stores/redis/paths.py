"""The tree of turns: which path through it is the active one, what branches it has, what went before a turn.

The active path is a list of messages by ``seq``, which grows along it. An end of the path that moves is walked back to
where it meets the other one: the cost is what changes, and turns are read many at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from palaver.conversation import Branch, Utterance
from palaver.errors import InvalidInput
from palaver.stores.changes import check_version
from palaver.stores.openings import in_progress
from palaver.stores.redis.kept import KeptConversation, KeptMessage, KeptTurn
from palaver.stores.redis.living import live_conversation, live_turn
from palaver.stores.redis.session import Session, answer
from palaver.stores.tree import Node, branches_of

_TURNS_AT_ONCE = 200


def message_ids(kept: KeptTurn) -> tuple[str, ...]:
    """Return the ids of a turn's question and answer."""
    return tuple(each for each in (kept.value.user_message_id, kept.value.message_id) if each is not None)


async def _turn_before(db: Session, kept: KeptConversation, turn_id: str | None, below: int) -> KeptTurn | None:
    """Return a turn with an index below this one, having read many of them at once."""
    if turn_id is None:
        return None
    if not db.has_read(turn_id):
        key = db.keys.inside(kept.id, "turns")
        ids = await db.one(answer("ZREVRANGEBYSCORE", key, f"({below}", "-inf", "LIMIT", 0, _TURNS_AT_ONCE))
        await db.read(*(db.turn(each.decode()) for each in ids))
    return await db.one(db.turn(turn_id))


async def move_path(
    db: Session, kept: KeptConversation, old_id: str | None, new_id: str | None, *, also: str | None = None
) -> None:
    """Move the active path from one end to another; the message ``also`` is on it, too."""
    joining: set[str] = set() if also is None else {also}
    leaving: set[str] = set()
    below = kept.record.last_index + 1
    old, new = await _turn_before(db, kept, old_id, below), await _turn_before(db, kept, new_id, below)
    while (old and old.id) != (new and new.id):
        if new is None or (old is not None and old.value.index > new.value.index):
            assert old is not None
            leaving.update(message_ids(old))
            old = await _turn_before(db, kept, old.value.parent_id, old.value.index)
        else:
            joining.update(message_ids(new))
            new = await _turn_before(db, kept, new.value.parent_id, new.value.index)
    path = db.keys.inside(kept.id, "path")
    for message_id in sorted(leaving - joining):
        db.do("ZREM", path, message_id)
    for message in await _messages(db, sorted(joining)):
        if message.is_there:
            db.do("ZADD", path, message.value.seq, message.id)


async def _messages(db: Session, ids: Sequence[str]) -> list[KeptMessage]:
    found = await db.read(*(db.message(message_id) for message_id in ids))
    return [message for message in found if message is not None]


async def all_turns(db: Session, kept: KeptConversation) -> list[KeptTurn]:
    """Return the turns of a conversation that were not deleted, by index."""
    found: list[KeptTurn] = []
    below = "-inf"
    while True:
        key = db.keys.inside(kept.id, "turns")
        ids = await db.one(answer("ZRANGEBYSCORE", key, below, "+inf", "LIMIT", 0, _TURNS_AT_ONCE))
        turns = [turn for turn in await db.read(*(db.turn(each.decode()) for each in ids)) if turn is not None]
        found += [turn for turn in turns if turn.record.deleted_at is None]
        if len(ids) < _TURNS_AT_ONCE or not turns:
            return found
        below = f"({turns[-1].value.index}"


async def set_head(
    db: Session, tenant_id: str, conversation_id: str, turn_id: str, if_version: int | None
) -> KeptConversation:
    """``ConversationRows.set_head``"""
    kept = await live_conversation(db, tenant_id, conversation_id)
    turn = await db.one(db.turn(turn_id))
    if turn is None or turn.value.conversation_id != conversation_id or turn.record.deleted_at is not None:
        raise InvalidInput("This is no turn of this conversation.", code="invalid_parent")
    check_version("conversation", kept.value.version, if_version)
    refuse_while_open(kept)
    if turn_id != kept.value.head_turn_id:
        await move_path(db, kept, kept.value.head_turn_id, turn_id)
        kept = kept.with_value(head_turn_id=turn_id, version=kept.value.version + 1)
        db.put(kept)
    return kept


def refuse_while_open(kept: KeptConversation) -> None:
    """Raise ``TurnInProgress`` if a turn of the conversation runs or waits."""
    open_ids = [kept.value.running_turn_id, *(turn.id for turn in kept.waiting)]
    open_id = next((each for each in open_ids if each is not None), None)
    if open_id is not None:
        raise in_progress(open_id, kept.id)


async def branches(db: Session, tenant_id: str, conversation_id: str) -> Sequence[Branch]:
    """``ConversationRows.branches``"""
    kept = await live_conversation(db, tenant_id, conversation_id)
    turns = await all_turns(db, kept)
    places = {turn.id: turn.value.index for turn in turns}
    nodes = [Node(turn.value.index, turn.id, places.get(turn.value.parent_id or "")) for turn in turns]
    return branches_of(nodes, places.get(kept.value.head_turn_id or ""))


async def lineage(db: Session, tenant_id: str, turn_id: str, turns: int) -> Sequence[Utterance]:
    """``MessageRows.lineage``"""
    kept, turn = await live_turn(db, tenant_id, turn_id)
    parent_id = turn.value.parent_id
    return () if parent_id is None else await said_up_to(db, kept, parent_id, turns)


async def said_up_to(db: Session, kept: KeptConversation, turn_id: str, turns: int) -> tuple[Utterance, ...]:
    """Return what was said in a turn and those before it on its branch, newest first."""
    turn = await db.one(db.turn(turn_id))
    if turn is None or turns < 1:
        return ()
    path = db.keys.inside(kept.id, "path")
    last_id = message_ids(turn)[-1]  # a question may be shared with a turn that is on the path
    seq = await db.one(answer("ZSCORE", path, last_id))
    if seq is None:
        return await _said_on_branch(db, kept, turn, turns)
    ids = await db.one(answer("ZREVRANGEBYSCORE", path, int(seq), "-inf", "LIMIT", 0, 2 * turns))
    return said_in(await _messages(db, [each.decode() for each in ids]), turns)


def said_in(newest_first: Iterable[KeptMessage], turns: int) -> tuple[Utterance, ...]:
    """Return what messages of the active path say, of so many turns. A question belongs to the turn whose answer follows."""
    said: list[Utterance] = []
    seen: list[str] = []
    last: KeptMessage | None = None
    for message in newest_first:
        value, turn_id = message.value, message.value.turn_id
        if last is not None and last.answers == message.id:
            turn_id = last.value.turn_id
        last = message
        if turn_id not in seen:
            seen.append(turn_id)
        if len(seen) > turns:
            break
        said.append(Utterance(turn_id=turn_id, role=value.role, parts=value.parts))
    return tuple(said)


async def _said_on_branch(db: Session, kept: KeptConversation, turn: KeptTurn, turns: int) -> tuple[Utterance, ...]:
    branch: list[KeptTurn] = []
    at: KeptTurn | None = turn
    while at is not None and len(branch) < turns:
        branch.append(at)
        at = await _turn_before(db, kept, at.value.parent_id, at.value.index)
    messages = {each.id: each for each in await _messages(db, [i for each in branch for i in message_ids(each)])}
    return tuple(
        Utterance(turn_id=each.id, role=messages[message_id].value.role, parts=messages[message_id].value.parts)
        for each in branch
        for message_id in reversed(message_ids(each))
        if message_id in messages and messages[message_id].is_there
    )


async def leave_head(
    db: Session, kept: KeptConversation, gone: KeptTurn, others: Sequence[KeptTurn]
) -> KeptConversation:
    """Give a conversation whose head was deleted another one: the newest end below its parent, else the parent."""
    if kept.value.head_turn_id != gone.id:
        return kept
    newest = {turn.value.parent_id: turn.id for turn in others}  # by index: the last one stays
    parent_id = head_id = gone.value.parent_id
    while head_id in newest:
        head_id = newest[head_id]
    await move_path(db, kept, parent_id, head_id)
    return kept.with_value(head_turn_id=head_id)
