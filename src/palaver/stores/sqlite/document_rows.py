"""What the steps on a document begin with and end with: its row, and how it counts in its bot's index."""

from __future__ import annotations

from typing import NamedTuple

from palaver.document import Document, DocumentStatus
from palaver.errors import NotFound
from palaver.stores.documents import claim_lost, holds
from palaver.stores.knowledge_orders import Ingestion
from palaver.stores.knowledge_rows import DOCUMENT_WIDTH, document_columns, document_of
from palaver.stores.sqlite.transaction import Row, Transaction


class DocumentState(NamedTuple):
    """``{document_state}``: what the store knows of a document beyond its value."""

    n: int
    bot_n: int
    tenant_id: str
    fence: int
    ready_fence: int | None
    attempts: int
    lease_until: int | None


STATE_WIDTH = len(DocumentState._fields)


def state_of(row: Row) -> DocumentState:
    """``{document_columns}, {document_state}, …``"""
    return DocumentState(*row[DOCUMENT_WIDTH : DOCUMENT_WIDTH + STATE_WIDTH])


def live_document(tx: Transaction, tenant_id: str, document_id: str) -> tuple[Document, DocumentState]:
    """Return a document, or raise ``NotFound``."""
    row = tx.row("document", id=document_id, tenant_id=tenant_id)
    if row is None:
        raise NotFound
    return document_of(row), state_of(row)


def held(tx: Transaction, claim: Ingestion) -> tuple[Document, DocumentState]:
    """Return the document of a claim that goes on, or raise ``FenceLost``."""
    row = tx.row("document", id=claim.document.id, tenant_id=claim.tenant_id)
    if row is None:
        raise claim_lost()
    document, state = document_of(row), state_of(row)
    if state.fence != claim.fence or not holds(document, state.lease_until, tx.now):
        raise claim_lost()
    return document, state


def update(tx: Transaction, document: Document) -> None:
    """Write a document as it is now."""
    tx.run("update_document", **document_columns(document))


def revise(tx: Transaction, state: DocumentState) -> None:
    """Note that what can be found of a document has changed."""
    tx.run("revise_bot", n=state.bot_n)
    tx.run("revise_document", n=state.n)


def leave_unfinished(tx: Transaction, document: Document, state: DocumentState) -> None:
    """Leave what the claim that goes on, or died, has written so far to the purge."""
    if document.status is DocumentStatus.PROCESSING:
        tx.run("leave", document_n=state.n, fence=state.fence)
