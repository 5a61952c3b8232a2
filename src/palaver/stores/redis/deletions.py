"""Turns that are deleted, with their messages and without those that hang on them; restored until they are purged, and listed
meanwhile."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from palaver.conversation import InterruptReason, Role, TurnStatus
from palaver.errors import NotFound
from palaver.stores.redis.indexes import Found, Walk
from palaver.stores.redis.paths import Marks, Tree
from palaver.stores.redis.session import Session
from palaver.stores.redis.stored import DELETED_MESSAGES, StoredConversation, StoredMessage, StoredTurn
from palaver.stores.redis.turn_ends import interrupt
from palaver.stores.redis.turn_lists import live_conversations
from palaver.stores.scan import Scan


async def delete_turn(db: Session, tenant_id: str, message_id: str) -> Sequence[str]:
    """``MessageRows.delete_turn``"""
    found = await db.get(StoredMessage, tenant_id, message_id)
    await db.live(tenant_id, found.conversation_id)
    message = await db.get(StoredMessage, tenant_id, message_id)
    turn = await db.get(StoredTurn, tenant_id, message.turn_id)
    if message.deleted_at is not None:
        raise NotFound
    deletion = _Deletion(db, found.conversation_id)
    doomed = [turn] if message.role == Role.ASSISTANT else await deletion.asking(turn, message_id)
    return tuple([gone for each in doomed for gone in await deletion.of(each)])


class _Deletion:
    """A deletion of turns of one conversation."""

    def __init__(self, db: Session, conversation_id: str) -> None:
        self._db = db
        self._marks = Marks(db, conversation_id)
        self._tree = Tree(db, conversation_id)

    async def asking(self, beside: StoredTurn, question_id: str | None) -> list[StoredTurn]:
        """Return the turns that ask a question: all of them continue the same turn."""
        if question_id is None:
            return []
        return [each for each in await self._tree.siblings(beside) if each.question_id == question_id]

    async def of(self, doomed: StoredTurn) -> Sequence[str]:
        """Delete a turn; return the messages that are gone."""
        if not TurnStatus(doomed.status).is_terminal:
            await interrupt(self._db, doomed.id, InterruptReason.DELETED)
        turn = await self._db.get(StoredTurn, doomed.tenant_id, doomed.id)
        was_shown = await self._marks.has(turn.answer_id or turn.question_id or "")
        await self._tree.bury(turn)
        self._db.put(replace(turn, deleted_at=self._db.now))
        others = await self.asking(turn, turn.question_id)
        if others:
            await self._hand_over(turn.question_id, others[0], stays=not was_shown)
        gone = await self._forget((turn.answer_id,) if others else (turn.question_id, turn.answer_id))
        await self._count(turn, len(gone))
        return gone

    async def _hand_over(self, question_id: str | None, heir: StoredTurn, *, stays: bool) -> None:
        question = await self._db.find(StoredMessage, question_id)
        if question is not None:
            self._db.put(replace(question, turn_id=heir.id))
            if not stays:
                self._marks.clear(question.id)

    async def _forget(self, message_ids: Sequence[str | None]) -> list[str]:
        gone = []
        for message in await self._db.find_all(StoredMessage, message_ids):
            if message is not None and message.deleted_at is None:
                self._db.put(replace(message, deleted_at=self._db.now))
                self._marks.clear(message.id)
                gone.append(message.id)
        return gone

    async def _count(self, turn: StoredTurn, messages: int) -> None:
        conversation = await self._db.get(StoredConversation, turn.tenant_id, turn.conversation_id)
        was_head = conversation.head_id == turn.id
        self._db.put(
            replace(
                conversation,
                message_count=conversation.message_count - messages,
                turn_count=conversation.turn_count - 1,
                head_id=await self._head_without(turn) if was_head else conversation.head_id,
                lost_head_id=conversation.lost_head_id or (turn.id if was_head else None),
                version=conversation.version + 1,
            )
        )

    async def _head_without(self, turn: StoredTurn) -> str | None:
        """Return the head that a conversation has without this one: the newest end below its parent, else the parent."""
        head_id = await self._tree.newest_end(turn.parent_index) or turn.parent_id
        parent = await self._db.find(StoredTurn, turn.parent_id)
        await self._marks.move(parent, await self._db.find(StoredTurn, head_id))
        return head_id


async def restore_turn(db: Session, tenant_id: str, message_id: str) -> None:
    """``MessageRows.restore_turn``, but for what it returns"""
    found = await db.get(StoredMessage, tenant_id, message_id)
    await db.live(tenant_id, found.conversation_id)
    message = await db.get(StoredMessage, tenant_id, message_id)
    if message.deleted_at is not None:
        turn = await db.get(StoredTurn, tenant_id, message.turn_id)
        await _Restoration(db, found.conversation_id).of(turn)


class _Restoration:
    """The undoing of a deletion of turns of one conversation."""

    def __init__(self, db: Session, conversation_id: str) -> None:
        self._db = db
        self._marks = Marks(db, conversation_id)
        self._tree = Tree(db, conversation_id)

    async def of(self, turn: StoredTurn) -> None:
        """Restore all turns that one deletion took, by one of them."""
        together = await self._gone_together(turn)
        for each in together:
            await self._restore(each)
        await self._find_head(turn, {each.id for each in together})

    async def _gone_together(self, turn: StoredTurn) -> list[StoredTurn]:
        question = await self._db.find(StoredMessage, turn.question_id)
        if turn.deleted_at == 0 or (turn.question_id and (question is None or question.deleted_at == 0)):
            raise NotFound  # a purge has begun on it
        if question is None:
            return [turn]
        siblings = await self._tree.siblings(turn, deleted=True)
        return [each for each in siblings if (each.question_id, each.deleted_at) == (question.id, turn.deleted_at)]

    async def _restore(self, doomed: StoredTurn) -> None:
        turn = replace(doomed, deleted_at=None)
        self._db.put(turn)
        back = await self._tree.unbury(turn)
        messages = await self._recall(turn)
        if any([await self._marks.has(each.answer_id or each.question_id or "") for each in back]):
            for message in await self._db.find_all(StoredMessage, [turn.question_id, turn.answer_id]):
                if message is not None:
                    self._marks.set(message)
        conversation = await self._db.get(StoredConversation, turn.tenant_id, turn.conversation_id)
        self._db.put(
            replace(
                conversation,
                message_count=conversation.message_count + messages,
                turn_count=conversation.turn_count + 1,
                version=conversation.version + 1,
                changed_at=self._db.now,
            )
        )

    async def _recall(self, turn: StoredTurn) -> int:
        """Bring the messages of a turn back, and return how many; its question belongs to the first turn that asks it."""
        asking = [each for each in await self._tree.siblings(turn) if each.question_id == turn.question_id]
        count = 0
        for message in await self._db.find_all(StoredMessage, [turn.question_id, turn.answer_id]):
            if message is not None:
                turn_id = asking[0].id if message.id == turn.question_id else turn.id
                count += message.deleted_at is not None
                self._db.put(replace(message, deleted_at=None, turn_id=turn_id))
        return count

    async def _find_head(self, turn: StoredTurn, restored: Collection[str]) -> None:
        """Let the head that was lost be the head again, or the end that leads to where it was."""
        conversation = await self._db.get(StoredConversation, turn.tenant_id, turn.conversation_id)
        lost = await self._db.find(StoredTurn, conversation.lost_head_id)
        if lost is None:
            return
        if lost.deleted_at is None:
            await self._return_head(conversation, lost.id, None)
        elif lost.parent_id in restored:
            head_id = await self._tree.newest_end(lost.parent_index) or lost.parent_id
            await self._return_head(conversation, head_id, lost.id)

    async def _return_head(self, conversation: StoredConversation, head_id: str | None, lost_id: str | None) -> None:
        old = await self._db.find(StoredTurn, conversation.head_id)
        await self._marks.move(old, await self._db.find(StoredTurn, head_id))
        self._db.put(replace(conversation, head_id=head_id, lost_head_id=lost_id))


async def find_deleted(
    db: Session, tenant_id: str, scan: Scan, conversation_id: str | None
) -> Sequence[Found[StoredMessage]]:
    """Return messages that can be restored, with the times at which they were deleted."""
    walk = Walk(StoredMessage, f"{DELETED_MESSAGES}:{conversation_id or tenant_id}", scan.ascending)
    start = None if scan.start is None else (int(scan.start[0] or 0), int(scan.start[1] or 0))

    async def are_in_sight(found: Sequence[StoredMessage]) -> Sequence[bool]:
        live = await live_conversations(db, [each.conversation_id for each in found])
        return [each.tenant_id == tenant_id and each.conversation_id in live for each in found]

    return await walk.find(db, start, scan.rows, are_in_sight)


async def begin_purge(db: Session, turn_id: str, conversation_id: str, cutoff: int) -> bool:
    """Give a deleted turn up for good, with its messages, unless it was restored meanwhile."""
    conversation = await db.find_conversation(conversation_id)
    turn = await db.find(StoredTurn, turn_id)
    if turn is None or turn.deleted_at is None or turn.deleted_at > cutoff:
        return False
    if conversation is not None and turn.deleted_at:
        for message in await db.find_all(StoredMessage, [turn.question_id, turn.answer_id]):
            if message is not None and message.deleted_at is not None and message.turn_id == turn.id:
                db.put(replace(message, deleted_at=0))
        await Tree(db, conversation_id).forget(turn)
        if conversation.lost_head_id == turn.id:
            db.put(replace(conversation, lost_head_id=turn.origin_id))
        db.put(replace(turn, deleted_at=0))
    return True
