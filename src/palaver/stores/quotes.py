"""What becomes of quotes when the document that they are from is deleted, and when it is purged. Pure.

A delete changes nothing that is stored: whoever reads a message is told which of its citations are ``gone``. A purge
empties titles and quotes for good, in messages and in the events that name them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from palaver.conversation import Message
from palaver.document import Citation
from palaver.events import Event, EventType, dumps

_QUOTING = (EventType.RETRIEVAL_DONE, EventType.CITATIONS)


def cited_in(messages: Iterable[Message]) -> frozenset[str]:
    """Return the ids of the documents that messages cite."""
    return frozenset(citation.document_id for message in messages for citation in message.citations)


def with_gone(message: Message, deleted_ids: Collection[str]) -> Message:
    """Return a message that says of its citations which documents are deleted."""
    if not deleted_ids or not message.citations:
        return message
    cited = (replace(each, gone=each.gone or each.document_id in deleted_ids) for each in message.citations)
    return replace(message, citations=tuple(cited))


def consulted_in(log: Iterable[Event]) -> tuple[str, ...]:
    """Return the ids of the documents whose text is in a log, each once."""
    return tuple(dict.fromkeys(quote["document_id"] for event in log for quote in _quotes_of(event)))


def emptied(citations: Sequence[Citation], document_ids: Collection[str]) -> tuple[Citation, ...]:
    """Return citations without what they quote of purged documents."""
    return tuple(
        replace(each, title="", quote="", gone=True) if each.document_id in document_ids else each for each in citations
    )


def emptied_event(event: Event, document_ids: Collection[str]) -> Event:
    """Return an event without what it quotes of purged documents; one that quotes nothing of them as it is."""
    quotes = _quotes_of(event)
    if not any(quote["document_id"] in document_ids for quote in quotes):
        return event
    left = [_emptied(quote) if quote["document_id"] in document_ids else quote for quote in quotes]
    return replace(event, json=dumps({**event.data, "citations": left}))


def _quotes_of(event: Event) -> Sequence[Mapping[str, Any]]:
    return event.data["citations"] if event.type in _QUOTING else ()


def _emptied(quote: Mapping[str, Any]) -> Mapping[str, Any]:
    return {**quote, "title": "", "quote": "", "gone": True}
