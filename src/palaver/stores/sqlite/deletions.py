"""Turns that are deleted, restored until they are purged, and listed meanwhile."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from palaver.conversation import InterruptReason, Message, Role, TurnStatus
from palaver.errors import NotFound
from palaver.page import Order, Slice, Window
from palaver.stores.keyset import END
from palaver.stores.rows import MESSAGE_WIDTH, Row, message_of
from palaver.stores.scan import Scan
from palaver.stores.sqlite.paths import leave_head, newest_end, return_head
from palaver.stores.sqlite.quotes import told
from palaver.stores.sqlite.transaction import Transaction
from palaver.stores.sqlite.turn_ends import interrupt
from palaver.stores.tree import Hanging, taken_back


def delete_turn(tx: Transaction, tenant_id: str, message_id: str) -> Sequence[str]:
    """``MessageRows.delete_turn``"""
    return tuple(gone for turn in _doomed(tx, tenant_id, message_id) for gone in _delete_one(tx, tenant_id, turn))


def _doomed(tx: Transaction, tenant_id: str, message_id: str) -> Sequence[Row]:
    """Return the turns that go with a message: that of an answer, all that ask a question."""
    row = tx.row("turn_to_delete", id=message_id, tenant_id=tenant_id)
    if row is None:
        raise NotFound
    if row[-1] == Role.ASSISTANT:
        return [row]
    return tx.rows("turns_that_ask", conversation_n=row[5], question_id=row[3])


def _delete_one(tx: Transaction, tenant_id: str, turn: Row) -> Sequence[str]:
    turn_n, _, parent_n, question_id, answer_id, conversation_n, status = turn[:7]
    if not TurnStatus(status).is_terminal:
        interrupt(tx, turn_n, InterruptReason.DELETED)
    was_shown = bool(tx.row("message_on_path", id=answer_id or question_id))
    tx.run("hang_children", n=turn_n, parent_n=parent_n, conversation_n=conversation_n)
    tx.run("delete_turn", n=turn_n, now=tx.now)
    others = tx.rows("turns_that_ask", conversation_n=conversation_n, question_id=question_id)
    shared = bool(others)
    if shared:
        tx.run("hand_over_question", id=question_id, turn_n=others[0][0])
    if shared and was_shown:
        tx.run("set_on_path", on_path=0, question_id=question_id, answer_id=None)
    doomed = [each for each in ((answer_id,) if shared else (question_id, answer_id)) if each is not None]
    gone = [each for each in doomed if tx.run("delete_message", id=each, tenant_id=tenant_id, now=tx.now)]
    tx.run("forget_turn", n=conversation_n, messages=len(gone))
    leave_head(tx, conversation_n, turn_n, parent_n)
    return gone


def restore_turn(tx: Transaction, tenant_id: str, message_id: str) -> None:
    """``MessageRows.restore_turn``, but for what it returns"""
    row = tx.row("turn_to_restore", id=message_id, tenant_id=tenant_id)
    if row is None:
        raise NotFound
    if row[-1] is not None:
        _restore_all(tx, _gone_together(tx, row))


def _gone_together(tx: Transaction, turn: Row) -> Sequence[Row]:
    """Return the turns that one deletion took, by one of them."""
    parent_n, question_id, conversation_n, deleted_at = turn[2], turn[3], turn[5], turn[7]
    if question_id is None:
        return [turn]
    if not tx.row("message_exists", id=question_id):
        raise NotFound  # a purge has begun on it
    where = {"conversation_n": conversation_n, "parent_n": parent_n, "question_id": question_id}
    return tx.rows("turns_deleted_with", **where, deleted_at=deleted_at)


def _restore_all(tx: Transaction, turns: Sequence[Row]) -> None:
    for turn in turns:
        _restore_one(tx, turn)
    conversation_n = turns[0][5]
    _find_head(tx, conversation_n, {turn[0] for turn in turns})
    tx.run("take_mark_back", n=conversation_n)


def _restore_one(tx: Transaction, turn: Row) -> None:
    turn_n, _, parent_n, question_id, answer_id, conversation_n = turn[:6]
    tx.run("restore_turn", n=turn_n)
    back = sum(tx.run("restore_message", id=each) for each in (question_id, answer_id) if each is not None)
    asking = tx.rows("turns_that_ask", conversation_n=conversation_n, question_id=question_id)
    if asking:
        tx.run("hand_over_question", id=question_id, turn_n=asking[0][0])
    if _take_back(tx, conversation_n, turn_n, parent_n):
        tx.run("set_on_path", on_path=1, question_id=question_id, answer_id=answer_id)
    tx.run("recall_turn", n=conversation_n, messages=back, now=tx.now)


def _take_back(tx: Transaction, conversation_n: int, turn_n: int, parent_n: int | None) -> bool:
    """Hang on a turn what its deletion took from it; return whether the active path leads through it now."""
    rows = tx.rows("hanging_turns", conversation_n=conversation_n, parent_n=parent_n)
    back = set(taken_back(turn_n, [Hanging(row[0], row[1], bool(row[2])) for row in rows]))
    for each in back:
        tx.run("hang_back", n=each, parent_n=turn_n)
    return any(row[0] in back and not row[2] and tx.row("message_on_path", id=row[3]) for row in rows)


def _find_head(tx: Transaction, conversation_n: int, restored: Collection[int]) -> None:
    """Let the head that was lost be the head again, or the end that leads to where it was."""
    row = tx.row("lost_head", n=conversation_n)
    if row is None:
        return
    head_n, lost_n, parent_n, deleted_at = row
    if deleted_at is None:
        return_head(tx, conversation_n, head_n, lost_n, None)
    elif parent_n in restored:
        return_head(tx, conversation_n, head_n, newest_end(tx, conversation_n, parent_n), lost_n)


def page_deleted(tx: Transaction, tenant_id: str, window: Window, conversation_id: str | None) -> Slice[Message]:
    """``MessageRows.page_deleted_messages``"""
    scan = Scan.over(window, Order.DESC)
    deleted_at, n = scan.start or ((-1, -1) if scan.ascending else (END, END))
    words = ["deleted_messages", "ascending" if scan.ascending else "descending"]
    where: dict[str, str | int] = {"tenant_id": tenant_id}
    if conversation_id is not None:
        conversation = tx.row("conversation_key", id=conversation_id, tenant_id=tenant_id)
        words.insert(1, "of_conversation")
        where = {"conversation_n": conversation[0] if conversation else -1}
    rows = tx.rows("_".join(words), **where, deleted_at=deleted_at, n=n, limit=scan.rows)
    return scan.slice(rows, lambda row: told(tx, message_of(row[:MESSAGE_WIDTH])), lambda row: (row[15], row[14]))


def leave_restorable(tx: Transaction, turn_n: int) -> None:
    """Let what would continue a turn that is purged continue what that would have continued."""
    row = tx.row("place_to_leave", n=turn_n)
    if row is not None:
        conversation_n, parent_n, origin_n = row
        where = {"conversation_n": conversation_n, "n": turn_n, "origin_n": origin_n}
        tx.run("leave_origin", **where, parent_n=parent_n)
        tx.run("leave_lost_head", **where)
