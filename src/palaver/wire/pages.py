"""Which part of a listing is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar

from pydantic import Field

from palaver.conversation import TurnStatus
from palaver.page import PAGE_LIMIT, PAGE_LIMIT_MAX, Order
from palaver.wire.base import FilterValue, SearchText, Wire, choice


class PageQuery(Wire):
    """A page: ``limit`` rows behind the cursor ``after`` or in front of the cursor ``before``."""

    CODES: ClassVar[Mapping[str, str]] = {
        "limit": "invalid_page",
        "after": "invalid_cursor",
        "before": "invalid_cursor",
        "deleted": "invalid_filter",
    }
    UNKNOWN: ClassVar[str] = "invalid_filter"

    limit: Annotated[int, Field(ge=1, le=PAGE_LIMIT_MAX)] = PAGE_LIMIT
    after: str | None = None
    before: str | None = None


class BotQuery(PageQuery):
    """A page of bots; ``deleted`` lists those that can be restored."""

    deleted: bool = False


class MessageQuery(PageQuery):
    """A page of messages; the cursors count in the order that is asked for."""

    order: Annotated[Order, choice(Order, "invalid_filter")] = Order.ASC


class DeletedMessageQuery(PageQuery):
    """A page of messages that can be restored: of one conversation, or of all."""

    CODES: ClassVar[Mapping[str, str]] = {**PageQuery.CODES, "conversation_id": "invalid_filter"}

    conversation_id: FilterValue | None = None


class TurnQuery(PageQuery):
    """A page of turns."""

    status: Annotated[TurnStatus, choice(TurnStatus, "invalid_filter")] | None = None


class EventQuery(Wire):
    """From which event on a turn is read; ``http.sse`` reads what it says."""

    CODES: ClassVar[Mapping[str, str]] = {"after": "invalid_event_id"}
    UNKNOWN: ClassVar[str] = "invalid_filter"

    after: str | None = None


class SearchQuery(PageQuery):
    """A page of messages that hold all the words of ``q``, taken literally."""

    q: Annotated[SearchText, Field(min_length=1)]
    bot_id: FilterValue | None = None

    CODES: ClassVar[Mapping[str, str]] = {**PageQuery.CODES, "q": "invalid_filter", "bot_id": "invalid_filter"}
