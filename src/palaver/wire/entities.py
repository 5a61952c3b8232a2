"""Requests about entities."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from palaver.entity import EntityType
from palaver.wire.base import ExternalId, Metadata, Name, Wire, choice

Email = Annotated[str, Field(max_length=254, pattern=r"^[!-?A-~]+@[!-?A-~]+$")]
Type = Annotated[EntityType, choice(EntityType)]


class EntityCreate(Wire):
    """A new entity, or (in a conversation) one that is found by its type and external id."""

    type: Type = EntityType.USER
    external_id: ExternalId | None = None
    name: Name | None = None
    email: Email | None = None
    metadata: Metadata = {}  # noqa: RUF012


class EntityEdit(Wire):
    """Changes of an entity: ``metadata`` is merged one level deep, other fields are replaced."""

    type: Type = EntityType.USER
    external_id: ExternalId | None = None
    name: Name | None = None
    email: Email | None = None
    metadata: Metadata = {}  # noqa: RUF012
