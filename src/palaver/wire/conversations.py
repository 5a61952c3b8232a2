"""Requests about conversations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator

from palaver.conversation import ConversationStatus, EndReason, Kind
from palaver.entity import EntityType
from palaver.page import Order
from palaver.stores.orders import ConversationSort
from palaver.wire.base import (
    AnyId,
    ExternalId,
    Feedback,
    FilterKey,
    FilterValue,
    Metadata,
    Name,
    Rating,
    SearchText,
    Time,
    Wire,
    choice,
    refused,
)
from palaver.wire.entities import EntityCreate
from palaver.wire.pages import PageQuery

_FILTER = "invalid_filter"
_BY_VALUE = (
    "bot_id",
    "entity_id",
    "external_id",
    "min_rating",
    "max_rating",
    "created_after",
    "created_before",
    "metadata",
)


class ConversationCreate(Wire):
    """A new conversation. Who talks is said once: ``entity_id``, or ``entity``, or ``entity_type`` (and ``external_id``)."""

    bot_id: AnyId
    title: Name | None = None
    kind: Annotated[Kind, choice(Kind)] = Kind.TEXT
    entity_id: AnyId | None = None
    entity: EntityCreate | None = None
    entity_type: Annotated[EntityType, choice(EntityType)] | None = None
    external_id: ExternalId | None = None
    metadata: Metadata = {}  # noqa: RUF012

    @model_validator(mode="after")
    def _one_entity(self) -> Self:
        said = [each for each in (self.entity_id, self.entity, self.entity_type) if each is not None]
        if len(said) > 1:
            raise refused("invalid_parameter", "Say who talks once: entity_id, or entity, or entity_type.")
        return self


class ConversationEdit(Wire):
    """Changes of a conversation: ``metadata`` is merged one level deep, other fields are replaced. ``bot_id`` can be changed while
    nobody has spoken."""

    bot_id: AnyId = ""
    title: Name | None = None
    external_id: ExternalId | None = None
    metadata: Metadata = {}  # noqa: RUF012


class ConversationEnd(Wire):
    """How a conversation ends."""

    rating: Rating | None = None
    feedback: Feedback | None = None
    reason: Annotated[EndReason, choice(EndReason)] = EndReason.USER


class HeadSwitch(Wire):
    """The turn at which the active path ends from now on."""

    turn_id: AnyId


class ConversationWhich(Wire):
    """Filters of conversations."""

    CODES: ClassVar[Mapping[str, str]] = {
        **dict.fromkeys(_BY_VALUE, _FILTER),
        "q": _FILTER,
    }
    UNKNOWN: ClassVar[str] = _FILTER

    bot_id: FilterValue | None = None
    status: Annotated[ConversationStatus, choice(ConversationStatus, _FILTER)] | None = None
    entity_id: FilterValue | None = None
    entity_type: Annotated[EntityType, choice(EntityType, _FILTER)] | None = None
    external_id: FilterValue | None = None
    kind: Annotated[Kind, choice(Kind, _FILTER)] | None = None
    min_rating: Rating | None = None
    max_rating: Rating | None = None
    created_after: Time | None = None
    created_before: Time | None = None
    metadata: dict[FilterKey, FilterValue] = {}  # noqa: RUF012
    q: Annotated[SearchText, Field(min_length=1)] | None = None


class ConversationQuery(ConversationWhich, PageQuery):
    """Filters, order and page of a list of conversations."""

    CODES: ClassVar[Mapping[str, str]] = {**PageQuery.CODES, **ConversationWhich.CODES}

    deleted: bool = False
    sort: Annotated[ConversationSort, choice(ConversationSort, _FILTER)] = ConversationSort.LAST_ACTIVITY_AT
    order: Annotated[Order, choice(Order, _FILTER)] = Order.DESC
