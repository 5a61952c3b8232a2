"""Who a bot talks with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


class EntityType(StrEnum):
    """A known user, or a lead who is not one yet."""

    USER = "USER"
    LEAD = "LEAD"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entity:
    """A person behind conversations; ``external_id`` is the caller's own name for them, unique by type in the tenant."""

    id: str
    type: EntityType
    external_id: str | None = None
    name: str | None = None
    email: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    created_at: datetime
    updated_at: datetime
    version: int = 1
