"""Requests about API keys."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from palaver.tenant import Scope
from palaver.wire.base import AnyId, Name, Wire, choice, refused

TENANT_PATTERN = r"^[a-z0-9_.-]{1,64}$"
LIFE_SECONDS_MAX = 315_360_000
VISITOR_SECONDS = 3_600
VISITOR_SECONDS_MAX = 86_400

TenantId = Annotated[str, Field(pattern=TENANT_PATTERN)]


class KeyCreate(Wire):
    """A new key. A ``visitor`` has one bot and one entity and lives an hour, at most a day; others live until revoked."""

    tenant_id: TenantId | None = None
    scope: Annotated[Scope, choice(Scope)] = Scope.WRITE
    name: Name | None = None
    bot_id: AnyId | None = None
    entity_id: AnyId | None = None
    expires_in_seconds: Annotated[int, Field(ge=1, le=LIFE_SECONDS_MAX)] | None = None

    @model_validator(mode="after")
    def _visitors(self) -> Self:
        visits = self.scope is Scope.VISITOR
        if visits and (self.bot_id is None or self.entity_id is None):
            raise refused("missing_field", "A visitor's key needs bot_id and entity_id.")
        if not visits and not (self.bot_id is None and self.entity_id is None):
            raise refused("invalid_parameter", "Only a visitor's key has a bot_id and an entity_id.")
        if visits and (self.expires_in_seconds or 0) > VISITOR_SECONDS_MAX:
            raise refused("invalid_parameter", f"A visitor's key lives at most {VISITOR_SECONDS_MAX:,} seconds.")
        return self
