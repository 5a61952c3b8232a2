"""Requests of Knowrithm's clients. What they say beyond these fields is passed over, unless it is kept (agents, leads, files)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, timedelta
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BeforeValidator, ConfigDict, Field, model_validator

from palaver.conversation import ConversationStatus
from palaver.entity import EntityType
from palaver.errors import InvalidInput
from palaver.page import PAGE_LIMIT, PAGE_LIMIT_MAX, Order
from palaver.stores.orders import ConversationSort
from palaver.wire.base import (
    AnyId,
    Feedback,
    FilterValue,
    Instructions,
    MessageText,
    Metadata,
    Name,
    Rating,
    SearchText,
    Time,
    Url,
    Wire,
    choice,
    refused,
)
from palaver.wire.bots import IdleMinutes
from palaver.wire.entities import Email

FILTER = "invalid_filter"
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}\Z")
_OFFSET = re.compile(r".*T.*(?:Z|[+-]\d{2}:?\d{2})\Z", re.IGNORECASE)
_DIGITS = re.compile(r"[0-9]{1,15}\Z")
_SOURCES_MAX = 20
_OURS = frozenset({"id", "agent", "lead", "created_at", "updated_at"})


class Said(Wire):
    """A request of a client that may say more than is read."""

    model_config = ConfigDict(strict=True, extra="ignore", frozen=True)


class Kept(Wire):
    """A request whose further fields are kept as metadata: see ``further``."""

    model_config = ConfigDict(strict=True, extra="allow", frozen=True)

    def further(self) -> dict[str, Any]:
        """The fields that have no place of their own, without those of a record that is sent back as it came."""
        return {name: value for name, value in (self.model_extra or {}).items() if name not in _OURS}


def _upper(value: object) -> object:
    return value.upper() if isinstance(value, str) else value


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


def _number(value: object) -> object:
    return int(value) if isinstance(value, str) and _DIGITS.match(value) else value


def _moment(value: object) -> object:
    """Take a day for its begin, and a time without an offset for UTC."""
    if not isinstance(value, str):
        return value
    if _DAY.match(value):
        return f"{value}T00:00:00Z"
    return value if _OFFSET.match(value) else f"{value}Z"


def _until(value: object) -> object:
    """Take a day for its end."""
    if not isinstance(value, str) or not _DAY.match(value):
        return value
    try:
        return str(date.fromisoformat(value) + timedelta(days=1))
    except (ValueError, OverflowError):
        return value


def _user(value: object) -> object:
    if value != "user":
        raise refused("invalid_role", "What is sent to an agent is said by the user.")
    return value


def _unknown(_value: object) -> object:
    raise refused(FILTER, "Who deleted what is not kept: leave this out.")


class Shown(StrEnum):
    """Which conversations are listed: those of a status, deleted ones, or all that are there."""

    ACTIVE = "active"
    ENDED = "ended"
    ARCHIVED = "archived"
    DELETED = "deleted"
    ALL = "all"

    @property
    def status(self) -> ConversationStatus | None:
        """The status that they have."""
        return None if self in (Shown.DELETED, Shown.ALL) else ConversationStatus(self.value)


class SortedBy(StrEnum):
    """What conversations are sorted by."""

    LAST_ACTIVITY_AT = "last_activity_at"
    UPDATED_AT = "updated_at"
    STARTED_AT = "started_at"
    CREATED_AT = "created_at"
    RATING = "rating"
    MESSAGE_COUNT = "message_count"

    @property
    def sort(self) -> ConversationSort:
        """The same among ours."""
        return ConversationSort.LAST_ACTIVITY_AT if self is SortedBy.UPDATED_AT else ConversationSort(self.value)


AnyCaseType = Annotated[EntityType, choice(EntityType), BeforeValidator(_upper)]
Number = Annotated[int, BeforeValidator(_number)]
Since = Annotated[Time, BeforeValidator(_moment)]
Until = Annotated[Time, BeforeValidator(_moment), BeforeValidator(_until)]
ContextLength = Annotated[int, Field(ge=100, le=10_000_000)]
"""Tokens that a model is given at most."""


class Numbers(Said):
    """Which rows: a page by its number, or ``limit`` rows from ``offset`` on."""

    CODES: ClassVar[Mapping[str, str]] = dict.fromkeys(("page", "per_page", "limit", "offset"), "invalid_page")

    page: Annotated[Number, Field(ge=1, le=1_000_000)] = 1
    per_page: Annotated[Number, Field(ge=1, le=PAGE_LIMIT_MAX)] = PAGE_LIMIT
    limit: Annotated[Number, Field(ge=1, le=PAGE_LIMIT_MAX)] | None = None
    offset: Annotated[Number, Field(ge=0, le=1_000_000_000)] | None = None
    deleted_by: Annotated[None, BeforeValidator(_unknown)] = None

    @property
    def size(self) -> int:
        """How many rows."""
        return self.per_page if self.limit is None else self.limit

    @property
    def start(self) -> int:
        """How many rows come before."""
        return (self.page - 1) * self.size if self.offset is None else self.offset


class ConversationQuery(Numbers):
    """Which conversations, in which order."""

    CODES: ClassVar[Mapping[str, str]] = {**Numbers.CODES, "search": FILTER, "agent_id": FILTER, "entity_id": FILTER}

    agent_id: FilterValue | None = None
    entity_id: FilterValue | None = None
    entity_type: Annotated[EntityType, choice(EntityType, FILTER), BeforeValidator(_upper)] | None = None
    status: Annotated[Shown, choice(Shown, FILTER), BeforeValidator(_lower)] = Shown.ALL
    search: Annotated[SearchText, Field(min_length=1)] | None = None
    created_after: Since | None = None
    created_before: Until | None = None
    sort_by: Annotated[SortedBy, choice(SortedBy, FILTER)] = SortedBy.LAST_ACTIVITY_AT
    sort_order: Annotated[Order, choice(Order, FILTER), BeforeValidator(_lower)] = Order.DESC


class MessageQuery(Numbers):
    """Which messages of a conversation."""

    role: Annotated[str, Field(pattern="^(user|assistant|system)$")] | None = None


class RecordQuery(Numbers):
    """Which agents, documents or leads."""

    agent_id: FilterValue | None = None
    status: FilterValue | None = None
    search: FilterValue | None = None


class Period(Said):
    """From when to when; a day is meant whole."""

    CODES: ClassVar[Mapping[str, str]] = {"start_date": FILTER, "end_date": FILTER}

    start_date: Since | None = None
    end_date: Until | None = None


class Export(Period):
    """What figures to export."""

    type: Annotated[str, Field(pattern="^(conversations|leads|agents|usage)$")]
    format: Annotated[str, Field(pattern="^(json|csv)$")] = "json"


class ConversationBegin(Said):
    """A new conversation with an agent."""

    agent_id: AnyId
    entity_type: AnyCaseType | None = None
    entity_id: AnyId | None = None
    title: Name | None = None
    metadata: Metadata | None = None
    max_context_length: ContextLength | None = None


class ConversationChange(Said):
    """Changes of a conversation; ``metadata`` is merged."""

    title: Name | None = None
    metadata: Metadata | None = None
    status: Annotated[ConversationStatus, choice(ConversationStatus), BeforeValidator(_lower)] | None = None


class ConversationEnd(Said):
    """How a conversation ends; the rating has two names."""

    rating: Rating | None = None
    satisfaction_rating: Rating | None = None
    feedback: Feedback | None = None

    @property
    def score(self) -> int | None:
        """The rating."""
        return self.satisfaction_rating if self.rating is None else self.rating


class Chat(Said):
    """A message to an agent: its text has two names."""

    content: MessageText | None = None
    message: MessageText | None = None
    role: Annotated[Literal["user"], BeforeValidator(_user)] = "user"
    stream: bool = False

    @model_validator(mode="after")
    def _some_text(self) -> Self:
        if self.content is None and self.message is None:
            raise refused("empty_message", "A message needs its text: content, or message.")
        return self

    @property
    def text(self) -> str:
        """What is said."""
        return self.content or self.message or ""


class MessageRating(Said):
    """How good an answer was."""

    rating: Rating
    feedback: Feedback | None = None


class Provision(Said):
    """Which model answers. A provider and a model are told by their names, also where the clients call these ids."""

    llm_provider: str | None = None
    llm_provider_id: str | None = None
    llm_model: str | None = None
    llm_model_id: str | None = None
    llm_temperature: float | None = None
    llm_max_tokens: int | None = None
    llm_api_key: str | None = None
    llm_api_base_url: str | None = None
    embedding_api_key: str | None = None
    embedding_api_base_url: str | None = None

    @model_validator(mode="after")
    def _no_secrets(self) -> Self:
        if self.llm_api_key or self.llm_api_base_url or self.embedding_api_key or self.embedding_api_base_url:
            raise refused(
                "invalid_parameter", "Keys and addresses of providers are the server's settings, not a caller's."
            )
        return self

    def bot_fields(self) -> dict[str, Any]:
        """What it says of a bot: ``model`` and ``params``, where it says anything of them."""
        provider, model = self.llm_provider or self.llm_provider_id, self.llm_model or self.llm_model_id
        params = {"temperature": self.llm_temperature, "max_tokens": self.llm_max_tokens}
        params = {name: value for name, value in params.items() if value is not None}
        said: dict[str, Any] = {"params": params} if params else {}
        return {**said, "model": f"{provider}:{model}" if provider else model} if model else said


class AgentChange(Kept, Provision):
    """What is said of an agent, all of it optional. Further fields (``description``, ``languages`` …) are kept."""

    model_config = ConfigDict(strict=True, extra="allow", frozen=True)

    name: Name | None = None
    instructions: Instructions | None = None
    system_prompt: Instructions | None = None
    idle_timeout_minutes: IdleMinutes | None = None
    settings: Provision | None = None
    metadata: Metadata | None = None

    def bot_fields(self) -> dict[str, Any]:
        """What it says of a bot."""
        said = Provision.bot_fields(self) | (self.settings.bot_fields() if self.settings else {})
        told = {
            "name": self.name,
            "instructions": self.system_prompt if self.instructions is None else self.instructions,
            "metadata": {**self.further(), **(self.metadata or {})} or None,
        }
        said |= {name: value for name, value in told.items() if value is not None}
        if "idle_timeout_minutes" in self.model_fields_set:
            said["idle_timeout_minutes"] = self.idle_timeout_minutes
        return said


class AgentCreate(AgentChange):
    """A new agent."""

    @model_validator(mode="after")
    def _some_name(self) -> Self:
        if self.name is None:
            raise refused("missing_field", "An agent has a name.")
        return self


class AgentStatus(Said):
    """Whether an agent works, in the caller's words."""

    status: Name


class AgentClone(Said):
    """How the copy of an agent is called."""

    name: Name | None = None


class AgentTest(Said):
    """What an agent is asked for a try."""

    query: MessageText = "Hello! What can you help me with?"


class LeadChange(Kept):
    """What is said of a lead. Further fields (``phone``, ``company`` …) are kept."""

    first_name: Name | None = None
    last_name: Name | None = None
    name: Name | None = None
    email: Email | None = None
    metadata: Metadata | None = None


class LeadCreate(LeadChange):
    """A new lead, known by a name or an address, and the agent that it came by."""

    agent_id: AnyId | None = None

    @model_validator(mode="after")
    def _some_name(self) -> Self:
        if not (self.first_name or self.last_name or self.name or self.email):
            raise refused("missing_field", "A lead has a name or an email address.")
        return self


class LeadStatus(Said):
    """How far a lead is, in the caller's words."""

    status: Name
    notes: Feedback | None = None


class LeadNotes(Said):
    """What is noted about a lead."""

    notes: Feedback


class PageUpload(Kept):
    """Pages of the web that an agent is to know. Further fields are kept with each document."""

    agent_id: AnyId
    url: Url | None = None
    urls: Annotated[list[Url], Field(max_length=_SOURCES_MAX)] = []  # noqa: RUF012

    def addresses(self) -> list[str]:
        """All of them. Raises ``InvalidInput`` where there are none."""
        found = [*([] if self.url is None else [self.url]), *self.urls]
        if not found:
            raise InvalidInput("Say what to add: files, url, or urls.", code="missing_field")
        return found


class FileUpload(Kept):
    """What comes along with files: fields to keep, and the address of a page or two."""

    agent_id: AnyId
    url: Url | None = None
    urls: Url | None = None


class BulkDelete(Said):
    """Documents to delete."""

    document_ids: Annotated[list[AnyId], Field(min_length=1, max_length=PAGE_LIMIT_MAX)]


class DocumentSearch(Said):
    """What to find in an agent's documents."""

    query: SearchText
    agent_id: AnyId
    limit: int | None = None


class KeyCreate(Said):
    """A new key. What it may is told in one of three forms."""

    name: Name | None = None
    scopes: list[str] | None = None
    permissions: list[str] | dict[str, Any] | None = None

    def words(self) -> list[str]:
        """The scopes that are asked for; ``write`` where none are."""
        if isinstance(self.permissions, dict):
            return [name for name, granted in self.permissions.items() if granted] or ["write"]
        return self.scopes or self.permissions or ["write"]
