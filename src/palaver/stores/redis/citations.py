"""Which turns have read which documents, and what becomes of their quotes when one is deleted, and when it is purged.

A document's slot has the ids of the turns whose log or answer quotes it (``cited``), noted before they end. A purge goes from
there to each of them. Whoever ends a turn after that finds the document doomed or gone, and keeps no quote of it: a
purge changes every conversation that it visits, so that an end which is under way there is decided anew.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

from palaver.conversation import Message
from palaver.stores.endings import Logged
from palaver.stores.orders import Outcome
from palaver.stores.quotes import cited_in, emptied, emptied_event, with_gone
from palaver.stores.redis import logs
from palaver.stores.redis.server import Command
from palaver.stores.redis.session import Session
from palaver.stores.redis.step import Move
from palaver.stores.redis.stored import StoredDocument, StoredMessage
from palaver.stores.redis.values import message
from palaver.stores.rows import citations_column

CITED = "cited"


async def told(db: Session, messages: Sequence[Message]) -> Sequence[Message]:
    """Return messages that say of their citations which documents are deleted."""
    documents = await db.find_all(StoredDocument, list(cited_in(messages)))
    deleted = {each.id for each in documents if each is not None and each.deleted_at is not None}
    return [with_gone(each, deleted) for each in messages]


async def consult(db: Session, turn_id: str, document_ids: Sequence[str]) -> frozenset[str]:
    """Note, before the step, which documents a turn that ends has read. Return those that are purged."""
    purged: set[str] = set()
    for document_id, kept in zip(document_ids, await db.find_all(StoredDocument, document_ids), strict=True):
        if kept is None or kept.doomed:
            purged.add(document_id)
        else:
            there: Command = ("EXISTS", db.keys.of(StoredDocument.KIND, document_id))
            cited = db.keys.of(CITED, document_id)
            db.step.before.append(Move([(there, 1)], [("ZADD", cited, 0, turn_id)]))
    return frozenset(purged)


def note(db: Session, turn_id: str, document_ids: Iterable[str]) -> None:
    """Note, before the step, what a turn has read elsewhere; the documents may come later."""
    for document_id in document_ids:
        db.step.before.append(Move([], [("ZADD", db.keys.of(CITED, document_id), 0, turn_id)]))


def without(outcome: Outcome, purged: Collection[str]) -> Outcome:
    """Return an outcome that quotes nothing of purged documents."""
    if not purged:
        return outcome
    events = [emptied_event(each, purged) for each in outcome.events]
    return replace(outcome, citations=emptied(outcome.citations, purged), events=events)


def empty_message(kept: StoredMessage, purged: Collection[str]) -> StoredMessage:
    """Return an answer that quotes nothing of purged documents."""
    return replace(kept, citations=citations_column(emptied(message(kept).citations, purged)))


def empty_log(db: Session, turn_id: str, lines: Sequence[Logged], purged: Collection[str]) -> None:
    """Write the whole log of a turn anew, as part of the step, where it quotes purged documents."""
    left = [replace(line, event=emptied_event(line.event, purged)) for line in lines]
    if left != list(lines):
        logs.drop(db, turn_id)
        for line in left:
            logs.write(db, turn_id, [line.event], line.at)
