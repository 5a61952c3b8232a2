"""The purge of what bots knew: documents with all that was made of them and quoted from them, and what no version needs."""

from __future__ import annotations

from palaver.stores.sqlite.blobs import forget_content
from palaver.stores.sqlite.chunk_writes import remove_chunks
from palaver.stores.sqlite.quotes import empty_turn
from palaver.stores.sqlite.transaction import Transaction


def purge_documents(tx: Transaction, cutoff: int, limit: int) -> int:
    """Remove documents that were deleted, or whose bot was, before ``cutoff``: up to ``limit`` rows of them."""
    removed = 0
    while removed < limit:
        doomed = tx.row("document_to_purge", cutoff=cutoff) or tx.row("document_of_bot_to_purge", cutoff=cutoff)
        if doomed is None:
            break
        n, document_id, tenant_id, bot_n, sha256 = doomed
        tx.run("give_up_document", n=n, cutoff=cutoff)
        removed += _empty_quotes(tx, document_id, limit - removed)
        rows = tx.rows("chunks_of_document", document_n=n, limit=limit - removed)
        removed += remove_chunks(tx, bot_n, rows)
        if removed < limit:
            for query in ("forget_all_leavings", "forget_marks"):
                tx.run(query, document_n=n)
            tx.run("delete_once_of", id=document_id)
            tx.run("purge_document", n=n)
            forget_content(tx, tenant_id, sha256)
            removed += 1
    return removed


def _empty_quotes(tx: Transaction, document_id: str, limit: int) -> int:
    turns = tx.rows("turns_that_consulted", document_id=document_id, limit=limit)
    for (turn_n,) in turns:
        empty_turn(tx, turn_n, (document_id,))
        tx.run("forget_consulted", document_id=document_id, turn_n=turn_n)
    return len(turns)


def purge_leavings(tx: Transaction, _cutoff: int, limit: int) -> int:
    """Remove chunks of versions that were superseded, failed or given up."""
    removed = 0
    while removed < limit:
        left = tx.row("some_leavings")
        if left is None:
            break
        document_n, fence, bot_n = left
        rows = tx.rows("chunks_of_fence", document_n=document_n, fence=fence, limit=limit - removed)
        removed += remove_chunks(tx, bot_n, rows)
        if removed < limit:
            tx.run("forget_leavings", document_n=document_n, fence=fence)
            removed += 1
    return removed


def purge_embeddings(tx: Transaction, _cutoff: int, limit: int) -> int:
    """Remove vectors by embeddings that don't serve any more."""
    removed = 0
    while removed < limit:
        dropped = tx.row("embedding_to_purge")
        if dropped is None:
            break
        removed += tx.run("purge_vectors", embedding_n=dropped[0], limit=limit - removed)
        if removed < limit:
            tx.run("purge_embedding", n=dropped[0])
            removed += 1
    return removed


def purge_words(tx: Transaction, _cutoff: int, limit: int) -> int:
    """Look through the words of a bot that lost chunks, and remove those that no chunk has any more."""
    bot = tx.row("bot_to_sweep")
    if bot is None:
        return 0
    bot_n, first = bot
    words = tx.rows("words_to_sweep", bot_n=bot_n, first=first, limit=limit)
    for n, word in words:
        if not tx.row("word_in_use", match=f'"{word}"', bot_n=bot_n):
            tx.run("unindex_word", n=n, word=word)
            tx.run("purge_word", n=n)
    tx.run("set_sweep", bot_n=bot_n, sweep_n=words[-1][0] + 1 if len(words) == limit else None)
    return max(1, len(words))


def purge_pairs(tx: Transaction, turn_n: int) -> None:
    """Remove what was trained on a turn, and the note of what it had consulted."""
    for *chunk, bot_n in tx.rows("chunks_of_turn", turn_n=turn_n):
        remove_chunks(tx, bot_n, [tuple(chunk)])
    tx.run("forget_consulted_of_turn", turn_n=turn_n)
