"""The purge of what bots knew: documents with all that is of them, chunks of turns that go, and what no version has any more."""

from __future__ import annotations

from palaver.stores.postgres.documents import drop_content
from palaver.stores.postgres.quotes import empty_turn
from palaver.stores.postgres.session import Row, Session


async def purge_documents(db: Session, cutoff: int, limit: int) -> int:
    """Remove up to ``limit`` rows of documents that were deleted, or whose bot was, by then."""
    removed = 0
    while removed < limit:
        doomed = await db.row("document_to_purge", cutoff=cutoff)
        doomed = doomed or await db.row("document_of_bot_to_purge", cutoff=cutoff)
        if doomed is None:
            break
        tenant_id, document_id, sha256 = doomed
        await db.run("doom_document", tenant_id=tenant_id, id=document_id)
        removed += await _empty(db, tenant_id, document_id, limit - removed)
        if removed < limit:
            await db.run("drop_residue", tenant_id=tenant_id, document_id=document_id, fence=None)
            await db.run("purge_document", tenant_id=tenant_id, id=document_id)
            await drop_content(db, tenant_id, sha256)
            removed += 1
    return removed


async def _empty(db: Session, tenant_id: str, document_id: str, limit: int) -> int:
    """Remove what is of a document, and empty what quotes it."""
    where = {"tenant_id": tenant_id, "document_id": document_id}
    removed = await _gone(db, tenant_id, await db.row("purge_chunks", **where, fence=None, limit=limit))
    quoting = await db.rows("quoting_turns", **where, limit=limit - removed)
    for turn in quoting:
        await empty_turn(db, tenant_id, turn, document_id)
    removed += len(quoting)
    return removed + await db.run("purge_marks", **where, limit=limit - removed)


async def _gone(db: Session, tenant_id: str, purged: Row | None) -> int:
    """Forget the stems that no chunk has any more. Returns how many chunks went."""
    if purged is None:
        return 0
    if purged[1]:
        await db.run("forget_words", tenant_id=tenant_id, bot_ids=purged[1], words=purged[2])
    return int(purged[0])


async def purge_chunks_of_turn(db: Session, tenant_id: str, turn_id: str, limit: int) -> int:
    """Remove up to ``limit`` chunks that were made of a turn."""
    return await _gone(
        db, tenant_id, await db.row("purge_chunks_of_turn", tenant_id=tenant_id, turn_id=turn_id, limit=limit)
    )


async def purge_chunks_of_conversation(db: Session, tenant_id: str, conversation_id: str, limit: int) -> int:
    """Remove up to ``limit`` chunks that were made of the turns of a conversation."""
    where = {"tenant_id": tenant_id, "conversation_id": conversation_id}
    removed = 0
    for row in await db.rows("turns_of_conversation_in_chunks", **where, limit=limit):
        if removed < limit:
            removed += await purge_chunks_of_turn(db, tenant_id, row[0], limit - removed)
    return removed


async def purge_residue(db: Session, _cutoff: int, limit: int) -> int:
    """Remove up to ``limit`` chunks of versions that are not ready any more, or never were, whatever their age."""
    removed = 0
    while removed < limit and (left := await db.row("residue")) is not None:
        where = {"tenant_id": left[0], "document_id": left[1], "fence": left[2]}
        removed += await _gone(db, left[0], await db.row("purge_chunks", **where, limit=limit - removed))
        if removed < limit:
            await db.run("drop_residue", **where)
            removed += 1
    return removed


async def purge_old_vectors(db: Session, _cutoff: int, limit: int) -> int:
    """Remove up to ``limit`` vectors by embeddings that serve no more."""
    removed = 0
    while removed < limit and (bot := await db.row("bot_with_old_vectors")) is not None:
        where = {"tenant_id": bot[0], "bot_id": bot[1]}
        removed += await db.run("purge_old_vectors", **where, embedding=bot[2], limit=limit - removed)
        if removed < limit:
            await db.run("no_old_vectors", **where)
    return removed
