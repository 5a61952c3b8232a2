"""Creates that can be retried: a key, the fingerprint of what was asked, and what was made of it."""

from __future__ import annotations

from palaver.errors import KeyReused
from palaver.stores.orders import Once
from palaver.stores.sqlite.transaction import Transaction


def made_before(tx: Transaction, tenant_id: str, kind: str, once: Once | None) -> str | None:
    """Return the id of what this key made.

    Raises:
        KeyReused: It made it from another body.
    """
    if once is None:
        return None
    row = tx.row("once", tenant_id=tenant_id, kind=kind, key=once.key)
    if row is None:
        return None
    if row[0] != once.fingerprint:
        raise KeyReused("This idempotency key was used before, with another body.")
    return str(row[1])


def note_made(tx: Transaction, tenant_id: str, kind: str, once: Once | None, resource_id: str) -> None:
    """Remember what a key made."""
    if once is not None:
        tx.run(
            "insert_once",
            tenant_id=tenant_id,
            kind=kind,
            key=once.key,
            fingerprint=once.fingerprint,
            resource_id=resource_id,
        )
