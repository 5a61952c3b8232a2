"""Purge: what was deleted goes for good, in small steps, each one transaction that can be repeated.

First the rows (search rows and unshared bytes with them). Then the search index, which keeps removed words until its
pieces are merged, is merged a few pages at a time. At last the write-ahead log, which keeps old pages until it is
truncated. ``secure_delete`` has overwritten what was freed in the file itself.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from typing import NamedTuple

from palaver.stores.sqlite.blobs import forget_content
from palaver.stores.sqlite.deletions import leave_restorable
from palaver.stores.sqlite.figures import count_conversation
from palaver.stores.sqlite.purge_knowledge import (
    purge_documents,
    purge_embeddings,
    purge_leavings,
    purge_pairs,
    purge_words,
)
from palaver.stores.sqlite.residue import (
    MERGED,
    MERGING,
    NONE,
    REMOVED,
    chunk_residue,
    note_residue,
    residue,
    set_chunk_residue,
    set_residue,
)
from palaver.stores.sqlite.scope import scope_of
from palaver.stores.sqlite.transaction import Transaction

_MERGED_PAGES = 200
_UNUSED_SECONDS = 24 * 3600  # an upload that no message refers to after a day was given up


class Step(NamedTuple):
    """What one step did. ``only_log_left``: the write-ahead log is all that still holds what was deleted."""

    removed: int
    only_log_left: bool = False


def purge_step(tx: Transaction, *, deleted_before_seconds: float, limit: int, in_memory: bool) -> Step:
    """Remove up to ``limit`` rows, or, when none are left to remove, merge a little of the search index."""
    cutoff = tx.now - int(deleted_before_seconds * 1_000_000)
    removed = 0
    for remove in _REMOVALS:
        if removed < limit:
            removed += remove(tx, cutoff, limit - removed)
    if removed:
        note_residue(tx)
        return Step(removed)
    return _merge(tx, in_memory=in_memory)


def _merge(tx: Transaction, *, in_memory: bool) -> Step:
    stage = chunk_residue(tx)
    if stage != NONE:
        merges = [_merged(tx, index, stage) for index in ("merge_chunk_index", "merge_word_index")]
        set_chunk_residue(tx, NONE if all(merges) else MERGING)
        return Step(1)
    stage = residue(tx)
    if stage in (REMOVED, MERGING):
        set_residue(tx, MERGED if _merged(tx, "merge_index", stage) else MERGING)
        return Step(1)
    if stage == MERGED:
        if in_memory:
            set_residue(tx, NONE)
        return Step(1, only_log_left=not in_memory)
    return Step(0)


def _merged(tx: Transaction, query: str, stage: int) -> bool:
    """Merge a few pages of an index; return whether there is nothing left to merge."""
    # A negative number makes one level of all that the index consists of; a positive one works on at it.
    pages = -_MERGED_PAGES if stage == REMOVED else _MERGED_PAGES
    before = tx.connection.total_changes
    tx.run(query, pages=pages)
    return tx.connection.total_changes - before < 2


def truncate_log(connection: sqlite3.Connection) -> int:
    """Empty the write-ahead log. Returns 1: the next step finds nothing left, or a reader was in the way."""
    (patience,) = connection.execute("PRAGMA busy_timeout").fetchone()
    connection.execute("PRAGMA busy_timeout = 0")  # nobody's write waits for somebody else's reader
    try:
        busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    finally:
        connection.execute(f"PRAGMA busy_timeout = {int(patience)}")
    if not busy:
        connection.execute("UPDATE meta SET value = ? WHERE key = 'residue' AND value = ?", (NONE, MERGED))
    return 1


def _purge_messages(tx: Transaction, rows: Sequence[tuple[int, str, str, int]]) -> None:
    """Remove messages ``(n, text, tenant_id, bot_n)`` with their search rows and references."""
    for n, text, tenant_id, bot_n in rows:
        if text:
            tx.run("unindex_message", n=n, scope=scope_of(tenant_id, bot_n), text=text)
        for (attachment_n,) in tx.rows("attachments_of_message", n=n):
            tx.run("unlink_attachment", message_n=n, attachment_n=attachment_n)
            _purge_attachment(tx, attachment_n)
        tx.run("purge_message", n=n)


def _purge_attachment(tx: Transaction, attachment_n: int) -> None:
    if tx.row("attachment_in_use", n=attachment_n):
        return
    row = tx.row("attachment_content", n=attachment_n)
    if row is None:
        return
    tenant_id, sha256, attachment_id = row
    tx.run("delete_once_of", id=attachment_id)
    tx.run("purge_attachment", n=attachment_n)
    forget_content(tx, tenant_id, sha256)


def _conversations(tx: Transaction, cutoff: int, limit: int) -> int:
    removed = 0
    while removed < limit:
        doomed = tx.row("conversation_to_purge", cutoff=cutoff)
        if doomed is None:
            break
        n, conversation_id, tenant_id = doomed
        tx.run("give_up_conversation", n=n)
        step = _empty(tx, n, limit - removed)
        removed += step
        if removed < limit:
            tx.run("delete_once_of", id=conversation_id)
            tx.run("purge_conversation", n=n)
            count_conversation(tx, tenant_id, n)
            removed += 1
    return removed


def _empty(tx: Transaction, conversation_n: int, limit: int) -> int:
    """Remove up to ``limit`` rows inside a conversation: messages, then logs and turns."""
    messages = tx.rows("messages_to_purge", n=conversation_n, limit=limit)
    _purge_messages(tx, [(row[0], row[1], row[2], row[3]) for row in messages])
    removed = len(messages)
    while removed < limit:
        turn = tx.row("turn_to_purge", n=conversation_n)
        if turn is None:
            break
        removed += _purge_turn(tx, turn[0], limit - removed)
    return removed


def _purge_turn(tx: Transaction, turn_n: int, limit: int) -> int:
    lines = tx.run("purge_log", turn_n=turn_n, limit=limit)
    if lines >= limit:
        return lines
    purge_pairs(tx, turn_n)
    leave_restorable(tx, turn_n)
    tx.run("purge_turn", n=turn_n)
    return lines + 1


def _turns(tx: Transaction, cutoff: int, limit: int) -> int:
    removed = 0
    for (turn_n,) in tx.rows("deleted_turns", cutoff=cutoff, limit=limit):
        messages = tx.rows("messages_of_deleted_turn", n=turn_n)
        _purge_messages(tx, [(row[0], row[1], row[2], row[3]) for row in messages])
        removed += len(messages)
        if removed >= limit:
            break
        removed += _purge_turn(tx, turn_n, limit - removed)
    return removed


def _bots(tx: Transaction, cutoff: int, limit: int) -> int:
    doomed = tx.rows("bots_to_purge", cutoff=cutoff, limit=limit)
    for n, bot_id in doomed:
        tx.run("delete_once_of", id=bot_id)
        tx.run("drop_embeddings_of_bot", bot_n=n)
        tx.run("purge_bot", n=n)
    return len(doomed)


def _attachments(tx: Transaction, cutoff: int, limit: int) -> int:
    given_up = min(cutoff, tx.now - _UNUSED_SECONDS * 1_000_000)
    doomed = tx.rows("unused_attachments", cutoff=given_up, limit=limit)
    for (n,) in doomed:
        _purge_attachment(tx, n)
    return len(doomed)


_REMOVALS: tuple[Callable[[Transaction, int, int], int], ...] = (
    _conversations,
    _turns,
    purge_documents,
    purge_leavings,
    purge_embeddings,
    purge_words,
    _bots,
    _attachments,
)
