"""Requests about visitors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar

from pydantic import Field

from palaver.tenant import DEFAULT_TENANT
from palaver.wire.base import AnyId, Name, Wire
from palaver.wire.entities import Email
from palaver.wire.keys import VISITOR_SECONDS_MAX, TenantId


class WidgetQuery(Wire):
    """Whose bot it is: who asks shows no key that would tell."""

    CODES: ClassVar[Mapping[str, str]] = {"tenant_id": "invalid_filter"}
    UNKNOWN: ClassVar[str] = "invalid_filter"

    tenant_id: TenantId = DEFAULT_TENANT


class VisitorEnter(Wire):
    """A new visitor of a bot's widget."""

    tenant_id: TenantId = DEFAULT_TENANT


class VisitorCreate(Wire):
    """An entity that visits a bot, for an hour or as long as it is said, at most a day."""

    bot_id: AnyId
    entity_id: AnyId
    expires_in_seconds: Annotated[int, Field(ge=1, le=VISITOR_SECONDS_MAX)] | None = None


class Introduction(Wire):
    """What a visitor says of itself. ``consent``: to the sentence that the widget shows."""

    name: Name
    email: Email
    consent: bool = False
