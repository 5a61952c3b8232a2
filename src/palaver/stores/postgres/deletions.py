"""Turns that are deleted, restored until they are purged, and listed meanwhile."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from palaver.conversation import InterruptReason, Message, Role, TurnStatus
from palaver.errors import NotFound
from palaver.page import Order, Slice, Window
from palaver.stores.keyset import END
from palaver.stores.postgres.paths import leave_head, newest_end, return_head
from palaver.stores.postgres.quotes import with_gone
from palaver.stores.postgres.session import Row, Session
from palaver.stores.postgres.turn_ends import Place, interrupt
from palaver.stores.rows import MESSAGE_WIDTH, message_of
from palaver.stores.scan import Scan
from palaver.stores.tree import Hanging, taken_back


async def delete_turn(db: Session, tenant_id: str, message_id: str) -> Sequence[str]:
    """``MessageRows.delete_turn``"""
    doomed = await _doomed(db, tenant_id, message_id)
    return tuple([gone for turn in doomed for gone in await _delete_one(db, tenant_id, turn)])


async def _locked(db: Session, query: str, tenant_id: str, message_id: str) -> Row:
    """Return the turn of a message, whose conversation nobody else changes from now on."""
    row = await db.row(query, tenant_id=tenant_id, id=message_id)
    if row is not None:
        await db.row("lock_conversation", tenant_id=tenant_id, id=row[5])
        row = await db.row(query, tenant_id=tenant_id, id=message_id)
    if row is None:
        raise NotFound
    return row


async def _doomed(db: Session, tenant_id: str, message_id: str) -> Sequence[Row]:
    """Return the turns that go with a message: that of an answer, all that ask a question."""
    row = await _locked(db, "turn_to_delete", tenant_id, message_id)
    if row[-1] == Role.ASSISTANT:
        return [row]
    return await db.rows("turns_that_ask", tenant_id=tenant_id, conversation_id=row[5], question_id=row[3])


async def _delete_one(db: Session, tenant_id: str, turn: Row) -> Sequence[str]:
    idx, turn_id, parent_idx, question_id, answer_id, conversation_id, status = turn[:7]
    place = (tenant_id, conversation_id)
    where = {"tenant_id": tenant_id, "conversation_id": conversation_id}
    if not TurnStatus(status).is_terminal:
        await interrupt(db, place, turn_id, InterruptReason.DELETED)
    was_shown = await db.row("message_on_path", tenant_id=tenant_id, id=answer_id or question_id) is not None
    await db.run("hang_children", **where, idx=idx, parent_idx=parent_idx)
    await db.run("delete_turn", **where, idx=idx, now=db.now)
    others = await db.rows("turns_that_ask", **where, question_id=question_id)
    if others:
        heir = {"id": question_id, "idx": others[0][0], "stays": not was_shown}
        await db.run("hand_over_question", tenant_id=tenant_id, **heir)
    doomed = [each for each in ((answer_id,) if others else (question_id, answer_id)) if each is not None]
    rows = await db.rows("delete_messages", tenant_id=tenant_id, ids=doomed, now=db.now)
    gone = {row[0] for row in rows}
    await db.run("forget_turn", **where, messages=len(gone))
    await leave_head(db, place, idx, parent_idx)
    return [each for each in doomed if each in gone]


async def restore_turn(db: Session, tenant_id: str, message_id: str) -> None:
    """``MessageRows.restore_turn``, but for what it returns"""
    row = await _locked(db, "turn_to_restore", tenant_id, message_id)
    if row[-1] is not None:
        turns = await _gone_together(db, tenant_id, row)
        for turn in turns:
            await _restore_one(db, tenant_id, turn)
        await _find_head(db, (tenant_id, row[5]), {turn[0] for turn in turns})


async def _gone_together(db: Session, tenant_id: str, turn: Row) -> Sequence[Row]:
    """Return the turns that one deletion took, by one of them."""
    question_id, conversation_id, deleted_at = turn[3], turn[5], turn[7]
    if question_id is None:
        return [turn]
    if await db.row("message_exists", tenant_id=tenant_id, id=question_id) is None:
        raise NotFound  # a purge has begun on it
    where = {"tenant_id": tenant_id, "conversation_id": conversation_id, "question_id": question_id}
    return await db.rows("turns_deleted_with", **where, deleted_at=deleted_at)


async def _restore_one(db: Session, tenant_id: str, turn: Row) -> None:
    idx, _, parent_idx, question_id, answer_id, conversation_id = turn[:6]
    where = {"tenant_id": tenant_id, "conversation_id": conversation_id}
    ids = [each for each in (question_id, answer_id) if each is not None]
    await db.run("restore_turn", **where, idx=idx)
    back = await db.run("restore_messages", tenant_id=tenant_id, ids=ids)
    asking = await db.rows("turns_that_ask", **where, question_id=question_id)
    if asking:
        first = {"id": question_id, "idx": asking[0][0], "stays": True}
        await db.run("hand_over_question", tenant_id=tenant_id, **first)
    if await _take_back(db, (tenant_id, conversation_id), idx, parent_idx):
        await db.run("show_messages", tenant_id=tenant_id, ids=ids)
    await db.run("recall_turn", **where, messages=back, now=db.now)


async def _take_back(db: Session, place: Place, idx: int, parent_idx: int | None) -> bool:
    """Hang on a turn what its deletion took from it; return whether the active path leads through it now."""
    where = {"tenant_id": place[0], "conversation_id": place[1]}
    rows = await db.rows("hanging_turns", **where, parent_idx=parent_idx)
    back = taken_back(idx, [Hanging(*row[:3]) for row in rows])
    if back:
        await db.run("hang_back", **where, parent_idx=idx, idxs=back)
    return any(is_shown for each, _, _, is_shown in rows if each in back)


async def _find_head(db: Session, place: Place, restored: Collection[int]) -> None:
    """Let the head that was lost be the head again, or the end that leads to where it was."""
    row = await db.row("lost_head", tenant_id=place[0], conversation_id=place[1])
    if row is None:
        return
    head_idx, lost_idx, parent_idx, deleted_at = row
    if deleted_at is None:
        await return_head(db, place, head_idx, lost_idx, None)
    elif parent_idx in restored:
        await return_head(db, place, head_idx, await newest_end(db, place, parent_idx), lost_idx)


async def page_deleted(db: Session, tenant_id: str, window: Window, conversation_id: str | None) -> Slice[Message]:
    """``MessageRows.page_deleted_messages``"""
    scan = Scan.over(window, Order.DESC)
    deleted_at, n = scan.start or ((-1, -1) if scan.ascending else (END, END))
    words = ["deleted_messages", "ascending" if scan.ascending else "descending"]
    where = {"tenant_id": tenant_id}
    if conversation_id is not None:
        words.insert(1, "of_conversation")
        where["conversation_id"] = conversation_id
    rows = await db.rows("_".join(words), **where, deleted_at=deleted_at, n=n, limit=scan.rows)
    messages = await with_gone(db, tenant_id, [message_of(row[:MESSAGE_WIDTH]) for row in rows])
    found = [(message, *row[MESSAGE_WIDTH:]) for message, row in zip(messages, rows, strict=True)]
    return scan.slice(found, lambda row: row[0], lambda row: (row[1], row[2]))
