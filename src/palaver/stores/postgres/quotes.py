"""Quotes of documents: a message that is read says which are gone, and what was purged is emptied wherever it is quoted.

Which turns quote a document is noted with their end. Who ends a turn holds its documents meanwhile, and a purge marks
its document as purged before it looks for turns: either the purge finds the turn, or the turn finds the purge.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from palaver.conversation import Message
from palaver.stores import quotes
from palaver.stores.orders import Outcome
from palaver.stores.postgres.session import Row, Session
from palaver.stores.rows import citations_column, event_of, message_of


async def with_gone(db: Session, tenant_id: str, messages: Sequence[Message]) -> Sequence[Message]:
    """Return messages that say of their citations which documents are deleted. Asks nothing where nothing is cited."""
    cited = quotes.cited_in(messages)
    if not cited:
        return messages
    rows = await db.rows("deleted_documents", tenant_id=tenant_id, ids=sorted(cited))
    gone = {row[0] for row in rows}
    return tuple(quotes.with_gone(message, gone) for message in messages)


async def without_purged(db: Session, tenant_id: str, outcome: Outcome) -> tuple[Outcome, Collection[str]]:
    """Return an outcome without what it quotes of purged documents, and their ids. The others stay until the commit."""
    if not outcome.consulted:
        return outcome, ()
    rows = await db.rows("hold_documents", tenant_id=tenant_id, ids=list(outcome.consulted))
    held = {row[0] for row in rows}
    purged = set(outcome.consulted) - held
    left = replace(
        outcome,
        citations=quotes.emptied(outcome.citations, purged),
        consulted=tuple(each for each in outcome.consulted if each in held),
        events=tuple(quotes.emptied_event(event, purged) for event in outcome.events),
    )
    return left, purged


async def empty_log(db: Session, tenant_id: str, turn_id: str, document_ids: Collection[str]) -> None:
    """Empty what the log of a turn quotes of documents."""
    if not document_ids:
        return
    for row in await db.rows("quoting_events", tenant_id=tenant_id, turn_id=turn_id):
        event = quotes.emptied_event(event_of(row), document_ids)
        if event.json != row[2]:
            await db.run("set_event", tenant_id=tenant_id, turn_id=turn_id, seq=event.seq, data=event.json)


async def empty_turn(db: Session, tenant_id: str, turn: Row, document_id: str) -> None:
    """Empty what a turn that has ended quotes of a document: its log and its answer."""
    conversation_id, idx, turn_id, answer_id = turn
    if turn_id is not None:
        await empty_log(db, tenant_id, turn_id, [document_id])
    row = None if answer_id is None else await db.row("message_of_turn", tenant_id=tenant_id, id=answer_id)
    if row is not None:
        citations = quotes.emptied(message_of(row).citations, [document_id])
        await db.run("set_citations", tenant_id=tenant_id, id=answer_id, citations=citations_column(citations))
    where = {"tenant_id": tenant_id, "conversation_id": conversation_id, "turn_idx": idx}
    await db.run("forget_quotes", **where, document_id=document_id)
