"""The sixth step of the schema: what leads to deleted turns and messages, for a store that was written without it.

It goes through the deleted turns a stretch at a time; one that was cut is run again, and changes nothing that it did already.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from palaver.stores.redis.access import Access
from palaver.stores.redis.commit import settle
from palaver.stores.redis.paths import BURIED, branch_of
from palaver.stores.redis.server import Server
from palaver.stores.redis.session import Session
from palaver.stores.redis.stored import StoredMessage, StoredTurn, id_of

_AT_ONCE = 100


async def enter_restorable(server: Server) -> None:
    """Enter deleted turns in the trees of their conversations, and their messages in the lists of what can be restored."""
    await _Entering(server, None).run()


class _Entering(Access):
    async def run(self) -> None:
        start, doomed = 0, self._server.keys.index("turns.doomed")
        while members := await self._server.run(("ZRANGE", doomed, start, start + _AT_ONCE - 1)):
            for turn_id in map(id_of, members):
                await self._enter(await self._run(partial(_bury, turn_id=turn_id), turn_id))
            start += len(members)

    async def _enter(self, message_ids: Sequence[str]) -> None:
        keys = [self._server.keys.of(StoredMessage.KIND, each) for each in message_ids]
        await settle(self._server, dict.fromkeys(keys, StoredMessage), {})


async def _bury(db: Session, turn_id: str) -> Sequence[str]:
    """Let a deleted turn hang on the nearest one before it that is there; return its messages."""
    found = await db.find(StoredTurn, turn_id)
    if found is None or await db.find_conversation(found.conversation_id) is None:
        return ()
    turn = await db.get(StoredTurn, found.tenant_id, turn_id)
    parent = await db.find(StoredTurn, turn.parent_id)
    while parent is not None and parent.deleted_at is not None:
        parent = await db.find(StoredTurn, parent.parent_id)
    parent_id, parent_index = (None, None) if parent is None else (parent.id, parent.index)
    turn = replace(turn, parent_id=parent_id, parent_index=parent_index)
    db.put(turn)
    db.write("ZADD", db.keys.of(BURIED, turn.conversation_id), 0, branch_of(turn))
    return [each for each in (turn.question_id, turn.answer_id) if each is not None]
