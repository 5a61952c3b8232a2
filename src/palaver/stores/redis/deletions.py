"""Turns that are deleted: with their messages, and without those that hang on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from palaver.conversation import InterruptReason, Role, TurnStatus
from palaver.errors import NotFound
from palaver.stores.redis.paths import Marks, Tree
from palaver.stores.redis.session import Session
from palaver.stores.redis.stored import StoredConversation, StoredMessage, StoredTurn
from palaver.stores.redis.turn_ends import interrupt


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
        siblings = await self._tree.children(beside.parent_index)
        turns = await self._db.find_all(StoredTurn, [each.id for each in siblings])
        return [each for each in turns if each is not None and each.question_id == question_id]

    async def of(self, doomed: StoredTurn) -> Sequence[str]:
        """Delete a turn; return the messages that are gone."""
        if not TurnStatus(doomed.status).is_terminal:
            await interrupt(self._db, doomed.id, InterruptReason.DELETED)
        turn = await self._db.get(StoredTurn, doomed.tenant_id, doomed.id)
        was_shown = await self._marks.has(turn.answer_id or turn.question_id or "")
        await self._tree.remove(turn)
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
        head_id = await self._head_without(turn) if conversation.head_id == turn.id else conversation.head_id
        self._db.put(
            replace(
                conversation,
                message_count=conversation.message_count - messages,
                turn_count=conversation.turn_count - 1,
                head_id=head_id,
                version=conversation.version + 1,
            )
        )

    async def _head_without(self, turn: StoredTurn) -> str | None:
        """Return the head that a conversation has without this one: the newest end below its parent, else the parent."""
        head_id = await self._tree.newest_end(turn.parent_index) or turn.parent_id
        parent = await self._db.find(StoredTurn, turn.parent_id)
        await self._marks.move(parent, await self._db.find(StoredTurn, head_id))
        return head_id
