"""Creates that can be retried: a key, the fingerprint of what was asked, and what was made of it."""

from __future__ import annotations

from palaver.errors import KeyReused
from palaver.stores.orders import Once
from palaver.stores.postgres.session import Session


async def made_before(db: Session, tenant_id: str, kind: str, once: Once | None, resource_id: str) -> str | None:
    """Return the id of what this key made; else note that it makes ``resource_id``, which goes with the transaction.

    Who comes with the same key meanwhile waits for it.

    Raises:
        KeyReused: It made it from another body.
    """
    if once is None:
        return None
    made = {"tenant_id": tenant_id, "kind": kind, "key": once.key}
    if await db.run("insert_once", **made, fingerprint=once.fingerprint, resource_id=resource_id):
        return None
    return await made_by(db, tenant_id, kind, once)


async def made_by(db: Session, tenant_id: str, kind: str, once: Once) -> str | None:
    """Return the id of what this key made, if it made something.

    Raises:
        KeyReused: It made it from another body.
    """
    row = await db.row("once", tenant_id=tenant_id, kind=kind, key=once.key)
    if row is None:
        return None
    if row[0] != once.fingerprint:
        raise KeyReused("This idempotency key was used before, with another body.")
    return str(row[1])
