"""The tree of turns: which path through it is the active one, what branches it has, what went before a turn.

Rows of messages are marked ``on_path``. A turn's place is always larger than its parent's, so two ends are walked back to
where they meet without reading anything else: the cost is what changes, not the history.
"""

from __future__ import annotations

from collections.abc import Sequence

from palaver.conversation import Branch, Conversation, Utterance
from palaver.errors import InvalidInput, NotFound
from palaver.stores.changes import check_version
from palaver.stores.openings import in_progress
from palaver.stores.postgres.session import Session
from palaver.stores.rows import conversation_of, utterances_of
from palaver.stores.tree import Node, branches_of

_Place = tuple[str, str]


async def move_path(
    db: Session, place: _Place, old_idx: int | None, new_idx: int | None, *, also: str | None = None
) -> None:
    """Move the marks of the active path from one end to another; the message ``also`` is on it, too."""
    where = {"tenant_id": place[0], "conversation_id": place[1]}
    await db.run("move_path", **where, old_idx=old_idx, new_idx=new_idx, also=also)


async def leave_head(db: Session, place: _Place, turn_idx: int, parent_idx: int | None) -> None:
    """Give a conversation whose head was deleted another one: the newest end below its parent, else the parent."""
    where = {"tenant_id": place[0], "conversation_id": place[1]}
    head = await db.row("head_of", **where)
    if head is None or head[0] != turn_idx:
        return
    new_idx = await newest_end(db, place, parent_idx)
    await db.run("lose_head", **where, head_idx=new_idx, lost_idx=turn_idx)
    await move_path(db, place, parent_idx, new_idx)


async def newest_end(db: Session, place: _Place, turn_idx: int | None) -> int | None:
    """Return the newest child of a turn, or its newest child, and so on: the last of them; the turn itself if it has none."""
    row = await db.row("newest_end", tenant_id=place[0], conversation_id=place[1], parent_idx=turn_idx)
    return turn_idx if row is None else row[0]


async def return_head(
    db: Session, place: _Place, old_idx: int | None, new_idx: int | None, lost_idx: int | None
) -> None:
    """Move the head to where it was; ``lost_idx`` is the one that is still missing."""
    where = {"tenant_id": place[0], "conversation_id": place[1]}
    await db.run("return_head", **where, head_idx=new_idx, lost_idx=lost_idx)
    await move_path(db, place, old_idx, new_idx)


async def set_head(db: Session, place: _Place, turn_id: str, if_version: int | None) -> Conversation:
    """``ConversationRows.set_head``"""
    tenant_id, conversation_id = place
    state = await db.row("conversation_to_change", tenant_id=tenant_id, id=conversation_id)
    if state is None:
        raise NotFound
    turn = await db.row("place_of_turn", tenant_id=tenant_id, conversation_id=conversation_id, id=turn_id)
    if turn is None:
        raise InvalidInput("This is no turn of this conversation.", code="invalid_parent")
    check_version("conversation", state[1], if_version)
    await refuse_while_open(db, place)
    if turn[0] != state[2]:
        await move_path(db, place, state[2], turn[0])
        await db.run("set_head", tenant_id=tenant_id, conversation_id=conversation_id, head_idx=turn[0])
    row = await db.row("conversation", tenant_id=tenant_id, id=conversation_id)
    if row is None:
        raise NotFound
    return conversation_of(row)


async def refuse_while_open(db: Session, place: _Place) -> None:
    """Raise ``TurnInProgress`` if a turn of the conversation runs or waits."""
    row = await db.row("open_turns_of_conversation", tenant_id=place[0], id=place[1])
    if row is not None:
        raise in_progress(row[0], place[1])


async def branches(db: Session, tenant_id: str, conversation_id: str) -> Sequence[Branch]:
    """``ConversationRows.branches``"""
    rows = await db.rows("branch_rows", tenant_id=tenant_id, id=conversation_id)
    if not rows:
        raise NotFound
    nodes = [Node(row[1], row[2], row[3]) for row in rows if row[1] is not None]
    return branches_of(nodes, rows[0][0])


async def lineage(db: Session, tenant_id: str, turn_id: str, turns: int) -> Sequence[Utterance]:
    """``MessageRows.lineage``"""
    row = await db.row("parent_of_live_turn", tenant_id=tenant_id, id=turn_id)
    if row is None:
        raise NotFound
    return await said_up_to(db, (tenant_id, row[0]), row[1], turns)


async def said_up_to(db: Session, place: _Place, turn_idx: int | None, turns: int) -> Sequence[Utterance]:
    """Return what was said in a turn and those before it on its branch, newest first."""
    if turn_idx is None:
        return ()
    rows = await db.rows("lineage", tenant_id=place[0], conversation_id=place[1], idx=turn_idx, turns=turns)
    return tuple(said for row in rows for said in utterances_of(row))
