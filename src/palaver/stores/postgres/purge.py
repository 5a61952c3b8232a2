"""Purge: what was deleted goes for good, in small steps, each one transaction that can be repeated.

Rows go with their search rows and the bytes that nobody else refers to. What they leave in PostgreSQL's files is cleared
by its own vacuum, which nobody waits for. A conversation that somebody has in hand is left to the next step.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from palaver.stores.postgres.purge_documents import (
    purge_chunks_of_conversation,
    purge_chunks_of_turn,
    purge_documents,
    purge_old_vectors,
    purge_residue,
)
from palaver.stores.postgres.session import Row, Session

_UNUSED_SECONDS = 24 * 3600  # an upload that no message refers to after a day was given up


async def purge(db: Session, deleted_before_seconds: float, limit: int) -> tuple[int, Sequence[tuple[str, str]]]:
    """``ConversationRows.purge``. Returns also which conversations (tenant, id) are gone."""
    cutoff = db.now - int(deleted_before_seconds * 1_000_000)
    removed, gone = await _conversations(db, cutoff, limit)
    for remove in _REMOVALS:
        if removed < limit:
            removed += await remove(db, cutoff, limit - removed)
    return removed, gone


async def _conversations(db: Session, cutoff: int, limit: int) -> tuple[int, Sequence[tuple[str, str]]]:
    removed, gone = 0, []
    while removed < limit:
        doomed = await db.row("conversation_to_purge", cutoff=cutoff)
        doomed = doomed or await db.row("conversation_of_bot_to_purge", cutoff=cutoff)
        if doomed is None:
            break
        await db.run("doom_conversation", tenant_id=doomed[0], id=doomed[1])
        removed += await _empty(db, doomed[0], doomed[1], limit - removed)
        if removed < limit:
            await db.run("purge_conversation", tenant_id=doomed[0], id=doomed[1])
            gone.append((doomed[0], doomed[1]))
            removed += 1
    return removed, gone


async def _empty(db: Session, tenant_id: str, conversation_id: str, limit: int) -> int:
    """Remove up to ``limit`` rows inside a conversation: what was trained of it, then messages, then logs, then turns."""
    where = {"tenant_id": tenant_id, "conversation_id": conversation_id}
    removed = await purge_chunks_of_conversation(db, tenant_id, conversation_id, limit)
    removed += await _unlink(db, tenant_id, await db.row("purge_messages", **where, limit=limit - removed))
    for query in ("purge_logs", "purge_turns"):
        if removed < limit:
            removed += await db.run(query, **where, limit=limit - removed)
    return removed


async def _unlink(db: Session, tenant_id: str, purged: Row | None) -> int:
    """Remove the attachments that purged messages were the last to refer to. Returns how many messages there were."""
    if purged is None:
        return 0
    await _purge_attachments(db, [(tenant_id, attachment_id) for attachment_id in purged[1] or ()])
    return int(purged[0])


async def _purge_attachments(db: Session, doomed: Sequence[Row]) -> None:
    for tenant_id, attachment_id in doomed:
        content = await db.row("lock_attachment", tenant_id=tenant_id, id=attachment_id)
        await db.run("purge_attachment", tenant_id=tenant_id, id=attachment_id)
        if content is not None:
            await db.run("purge_content", tenant_id=tenant_id, sha256=content[0])


async def _turns(db: Session, cutoff: int, limit: int) -> int:
    removed = 0
    for tenant_id, conversation_id, idx, turn_id, *message_ids in await db.rows(
        "deleted_turns", cutoff=cutoff, limit=limit
    ):
        purged = await db.row("purge_messages_of_turn", tenant_id=tenant_id, idx=idx, ids=message_ids)
        removed += await _unlink(db, tenant_id, purged)
        if removed >= limit:
            break
        removed += await db.run("purge_log", tenant_id=tenant_id, turn_id=turn_id, limit=limit - removed)
        if removed < limit:
            removed += await purge_chunks_of_turn(db, tenant_id, turn_id, limit - removed)
        if removed >= limit:
            break
        await db.run("leave_restorable", tenant_id=tenant_id, conversation_id=conversation_id, idx=idx)
        removed += await db.run("purge_turn", tenant_id=tenant_id, conversation_id=conversation_id, idx=idx)
    return removed


async def _bots(db: Session, cutoff: int, limit: int) -> int:
    doomed = await db.rows("bots_to_purge", cutoff=cutoff, limit=limit)
    for tenant_id, bot_id in doomed:
        await db.run("purge_bot", tenant_id=tenant_id, id=bot_id)
    return len(doomed)


async def _attachments(db: Session, cutoff: int, limit: int) -> int:
    given_up = min(cutoff, db.now - _UNUSED_SECONDS * 1_000_000)
    doomed = await db.rows("unused_attachments", cutoff=given_up, limit=limit)
    await _purge_attachments(db, doomed)
    return len(doomed)


_REMOVALS: tuple[Callable[[Session, int, int], Awaitable[int]], ...] = (
    _turns,
    purge_documents,
    purge_residue,
    purge_old_vectors,
    _bots,
    _attachments,
)
