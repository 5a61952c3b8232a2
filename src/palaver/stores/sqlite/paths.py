"""The tree of turns: which path through it is the active one, what branches it has, what went before a turn.

Rows of messages are marked ``on_path``. A turn's integer key is always larger than its parent's, so two ends are walked
back to where they meet without reading anything else: the cost is what changes, not the history.
"""

from __future__ import annotations

from collections.abc import Sequence

from palaver.conversation import Branch, Conversation, Utterance
from palaver.errors import InvalidInput, NotFound
from palaver.stores.changes import check_version
from palaver.stores.openings import in_progress
from palaver.stores.rows import conversation_of, utterances_of
from palaver.stores.sqlite.transaction import Transaction
from palaver.stores.tree import Node, branches_of


def move_head(tx: Transaction, old_n: int | None, new_n: int | None) -> None:
    """Move the marks of the active path from one end to another."""
    leaving, joining = [], []
    while old_n != new_n:
        if new_n is None or (old_n is not None and old_n > new_n):
            row = tx.row("parent_of", n=old_n)
            leaving.append(row)
            old_n = row[0] if row else None
        else:
            row = tx.row("parent_of", n=new_n)
            joining.append(row)
            new_n = row[0] if row else None
    for on_path, turns in ((0, leaving), (1, joining)):
        for row in turns:
            if row is not None:
                tx.run("set_on_path", on_path=on_path, question_id=row[1], answer_id=row[2])


def leave_head(tx: Transaction, conversation_n: int, turn_n: int, parent_n: int | None) -> None:
    """Give a conversation whose head was deleted another one: the newest end below its parent, else the parent."""
    head = tx.row("head_of", n=conversation_n)
    if head is None or head[0] != turn_n:
        return
    new_n = newest_end(tx, conversation_n, parent_n)
    tx.run("lose_head", n=conversation_n, head_n=new_n, lost_n=turn_n)
    move_head(tx, parent_n, new_n)


def newest_end(tx: Transaction, conversation_n: int, turn_n: int | None) -> int | None:
    """Return the newest child of a turn, or its newest child, and so on: the last of them; the turn itself if it has none."""
    while (child := tx.row("newest_child", conversation_n=conversation_n, parent_n=turn_n)) and child[0] is not None:
        turn_n = child[0]
    return turn_n


def return_head(tx: Transaction, conversation_n: int, old_n: int | None, new_n: int | None, lost_n: int | None) -> None:
    """Move the head to where it was; ``lost_n`` is the one that is still missing."""
    tx.run("return_head", n=conversation_n, head_n=new_n, lost_n=lost_n)
    move_head(tx, old_n, new_n)


def set_head(
    tx: Transaction, tenant_id: str, conversation_id: str, turn_id: str, if_version: int | None
) -> Conversation:
    """``ConversationRows.set_head``"""
    state = tx.row("conversation_state", id=conversation_id, tenant_id=tenant_id)
    if state is None:
        raise NotFound
    conversation_n, version, head_n = state[0], state[3], state[4]
    turn = tx.row("place_of_turn", id=turn_id, conversation_n=conversation_n)
    if turn is None:
        raise InvalidInput("This is no turn of this conversation.", code="invalid_parent")
    check_version("conversation", version, if_version)
    refuse_while_open(tx, conversation_n, conversation_id)
    if turn[0] != head_n:
        move_head(tx, head_n, turn[0])
        tx.run("set_head", n=conversation_n, head_n=turn[0])
    row = tx.row("conversation", id=conversation_id, tenant_id=tenant_id)
    if row is None:
        raise NotFound
    return conversation_of(row)


def refuse_while_open(tx: Transaction, conversation_n: int, conversation_id: str) -> None:
    """Raise ``TurnInProgress`` if a turn of the conversation runs or waits."""
    open_turns = tx.rows("open_turns_of_conversation", n=conversation_n)
    if open_turns:
        running = tx.row("identity_of_turn", n=open_turns[0][0])
        raise in_progress(running[0] if running else None, conversation_id)


def branches(tx: Transaction, tenant_id: str, conversation_id: str) -> Sequence[Branch]:
    """``ConversationRows.branches``"""
    state = tx.row("conversation_state", id=conversation_id, tenant_id=tenant_id)
    if state is None:
        raise NotFound
    return branches_of((Node(*row) for row in tx.rows("branch_rows", n=state[0])), state[4])


def lineage(tx: Transaction, tenant_id: str, turn_id: str, turns: int) -> Sequence[Utterance]:
    """``MessageRows.lineage``"""
    row = tx.row("parent_of_live_turn", id=turn_id, tenant_id=tenant_id)
    if row is None:
        raise NotFound
    return said_up_to(tx, row[0], turns)


def said_up_to(tx: Transaction, turn_n: int | None, turns: int) -> Sequence[Utterance]:
    """Return what was said in a turn and those before it on its branch, newest first."""
    if turn_n is None:
        return ()
    return tuple(said for row in tx.rows("lineage", n=turn_n, turns=turns) for said in utterances_of(row))
