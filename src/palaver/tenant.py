"""Whose data it is, and who may touch it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

DEFAULT_TENANT = "default"


class Scope(StrEnum):
    """What a key may do. Each scope of a tenant holds those below it: ``admin`` > ``write`` > ``read``.

    ``operator`` reaches all tenants, for keys, tenants and live turns; ``visitor`` one bot and one entity.
    """

    OPERATOR = "operator"
    ADMIN = "admin"
    WRITE = "write"
    READ = "read"
    VISITOR = "visitor"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenant:
    """Every row and every query carries one; ``id`` is its name."""

    id: str
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """A key as it is stored: never its secret. ``prefix`` is what a person sees of it to tell keys apart."""

    id: str
    tenant_id: str
    name: str
    prefix: str
    scope: Scope
    bot_id: str | None = None
    entity_id: str | None = None
    created_at: datetime
    expires_at: datetime | None = None
    last_used_at: datetime | None = None
    revoked_at: datetime | None = None
