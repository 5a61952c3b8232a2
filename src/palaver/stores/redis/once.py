"""Creates that can be retried: a key, the fingerprint of what was asked, and the id of what it makes.

Who finds a key whose thing is not there makes that thing, by the same id: it does not matter whether the one who came
first died or is still about to.
"""

from __future__ import annotations

from palaver.errors import KeyReused
from palaver.stores.orders import Once
from palaver.stores.redis.kept import once_parts, once_text
from palaver.stores.redis.session import Session, Wanted, answer


def field_of(kind: str, once: Once) -> str:
    """Return the name by which a tenant's keys are kept."""
    return f"{kind} {once.key}"


def claim_of(db: Session, tenant_id: str, kind: str, once: Once | None) -> Wanted[str | None]:
    """The id of what this key makes, if it was used before.

    Raises:
        KeyReused: With another body.
    """
    if once is None:
        return Wanted((), lambda _: None)

    def take(answers: object) -> str | None:
        raw = answers[0]  # type: ignore[index]  # one command, one answer
        if raw is None:
            return None
        fingerprint, made_id = once_parts(raw)
        if fingerprint != once.fingerprint:
            raise KeyReused("This idempotency key was used before, with another body.")
        return made_id

    return Wanted(answer("HGET", db.keys.tenant(tenant_id, "once"), field_of(kind, once)).commands, take)


def claim(db: Session, tenant_id: str, kind: str, once: Once | None, made_id: str) -> None:
    """Note what a key makes, which nobody noted before."""
    if once is not None:
        table = db.keys.tenant(tenant_id, "once")
        db.check("", "HGET", table, field_of(kind, once))
        db.do("HSET", table, field_of(kind, once), once_text(once, made_id))


def release(db: Session, tenant_id: str, kind: str, once: Once | None) -> None:
    """Forget a key whose thing is gone for good."""
    if once is not None:
        db.do("HDEL", db.keys.tenant(tenant_id, "once"), field_of(kind, once))
