"""Quotes of documents: told as gone when a message is read, noted when a turn ends, emptied by a purge."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable

from palaver.conversation import Message
from palaver.document import Citation
from palaver.errors import NotFound
from palaver.jsonable import decode
from palaver.stores.quotes import cited_in, emptied, emptied_event, with_gone
from palaver.stores.rows import MESSAGE_WIDTH, citations_column, event_of, message_of
from palaver.stores.sqlite.transaction import Transaction


def told(tx: Transaction, message: Message) -> Message:
    """Return a message as it is read: it says which of its citations are gone."""
    if not message.citations:
        return message
    return with_gone(message, {each for each in cited_in([message]) if tx.row("document_is_deleted", id=each)})


def read_message(tx: Transaction, message_id: str) -> Message:
    """Return a message that must be there, as it is read."""
    row = tx.row("message_of_turn", id=message_id)
    if row is None:
        raise NotFound
    return told(tx, message_of(row[:MESSAGE_WIDTH]))


def note_consulted(tx: Transaction, turn_n: int, document_ids: Iterable[str]) -> None:
    """Remember which turn has text of these documents."""
    for document_id in document_ids:
        tx.run("consult", document_id=document_id, turn_n=turn_n)


def purged_among(tx: Transaction, document_ids: Iterable[str]) -> frozenset[str]:
    """Return which of these documents were purged since a turn read them."""
    return frozenset(each for each in document_ids if not tx.row("document_exists", id=each))


def empty_turn(tx: Transaction, turn_n: int, document_ids: Collection[str]) -> None:
    """Empty what the answer and the log of a turn quote of these documents."""
    answer = tx.row("quoting_answer", turn_n=turn_n)
    if answer is not None:
        citations = [decode(Citation, raw) for raw in json.loads(answer[1])]
        tx.run("set_citations", n=answer[0], citations=citations_column(emptied(citations, document_ids)))
    for row in tx.rows("quoting_events", turn_n=turn_n):
        event = event_of(row)
        changed = emptied_event(event, document_ids)
        if changed is not event:
            tx.run("set_event", turn_n=turn_n, seq=event.seq, data=changed.json)
