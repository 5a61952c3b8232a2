"""Bytes by their hash, once a tenant: attachments and documents share them."""

from __future__ import annotations

from palaver.stores.sqlite.residue import note_residue
from palaver.stores.sqlite.transaction import Transaction


def forget_content(tx: Transaction, tenant_id: str, sha256: str) -> None:
    """Remove bytes that nothing refers to any more."""
    if tx.row("content_in_use", tenant_id=tenant_id, sha256=sha256):
        return
    tx.run("purge_content", tenant_id=tenant_id, sha256=sha256)
    note_residue(tx)
