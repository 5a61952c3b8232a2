"""The JSON Schemas of what goes in and out, for the OpenAPI document.

What goes out is ``jsonable.encode`` of values, so its schemas are made from the values themselves: there is no second
description that could differ. What comes in are the models of ``wire``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import models_json_schema

from palaver.attachment import Attachment
from palaver.bot import Bot
from palaver.conversation import Branch, Conversation, ListedTurn, Message, Turn
from palaver.document import Chunk, Document, TrainingReport
from palaver.entity import Entity
from palaver.figures import ConversationAnalytics, FiguresReport, UnfoundQuestion
from palaver.results import Loaded, NewKey, SearchResult, Visitor
from palaver.stores.orders import StoreHealth
from palaver.stores.report import StoreReport
from palaver.tenant import ApiKey, Scope, Tenant
from palaver.wire.base import Wire
from palaver.wire.widget import LeadForm

Schema = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class SendResult:
    """A turn that has ended, whatever its outcome (``turn.status`` says it), its question and its answer."""

    turn: Turn
    user_message: Message | None
    message: Message


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """A turn that was accepted, and its question."""

    turn: Turn
    user_message: Message | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Alive:
    """The process answers."""

    status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """The store answers; ``store`` says what an acknowledgement means here."""

    status: str
    store: StoreHealth


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """Who is calling. ``open``: no key was ever made, and none is needed; else ``scope`` and the rest are null without a key."""

    open: bool
    scope: Scope | None = None
    tenant_id: str | None = None
    key_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WidgetLook:
    """What anyone may know of a bot's widget: how it looks and what it asks for. ``title`` is the bot's name where it has no other."""

    bot_id: str
    title: str
    greeting: str | None
    suggestions: tuple[str, ...]
    color: str | None
    lead: LeadForm
    consent: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldProblem:
    """What is wrong with one field."""

    path: str
    code: str
    message: str


VALUES: tuple[type[Any], ...] = (
    Alive,
    ApiKey,
    Attachment,
    Begun,
    Bot,
    Branch,
    Chunk,
    Conversation,
    ConversationAnalytics,
    Document,
    Entity,
    FieldProblem,
    ListedTurn,
    Loaded,
    FiguresReport,
    Message,
    NewKey,
    Ready,
    SearchResult,
    SendResult,
    Session,
    StoreReport,
    Tenant,
    TrainingReport,
    Turn,
    UnfoundQuestion,
    Visitor,
    WidgetLook,
)

PROBLEM: Schema = {
    "title": "Problem",
    "description": "What went wrong (RFC 9457). `code` is the machine's word.",
    "type": "object",
    "required": ["type", "title", "status", "detail", "instance", "code", "request_id"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "instance": {"type": "string"},
        "code": {"type": "string"},
        "request_id": {"type": "string"},
        "errors": {"type": "array", "items": {"$ref": "#/components/schemas/FieldProblem"}},
        "turn_id": {"type": "string"},
        "conversation_id": {"type": "string"},
        "url": {"type": "string"},
    },
}
_REF = "#/components/schemas/{model}"


def reference(kind: type[Any]) -> Schema:
    """Return a reference to the schema of a value or a request."""
    return {"$ref": _REF.format(model=kind.__name__)}


def components(requests: Iterable[type[Wire]]) -> Schema:
    """Return the schemas of all values, and of these requests, by name."""
    inputs = [(kind, "validation") for kind in sorted(set(requests), key=lambda kind: kind.__name__)]
    _, asked = models_json_schema(inputs, ref_template=_REF)  # type: ignore[arg-type]  # a literal, twice removed
    adapters = [(kind.__name__, "serialization", TypeAdapter(kind)) for kind in VALUES]
    _, told = TypeAdapter.json_schemas(adapters, ref_template=_REF)  # type: ignore[arg-type]
    said = {name: _as_told(schema) for name, schema in told.get("$defs", {}).items()}
    wanted = {name: _without_defaults(schema) for name, schema in asked.get("$defs", {}).items()}
    return dict(sorted({**wanted, **said, "Problem": PROBLEM}.items()))


def _as_told(schema: Schema) -> Schema:
    """Every field of a value is there; a message also tells its text."""
    if schema.get("type") != "object":
        return schema
    properties = {name: _without_default(field) for name, field in schema["properties"].items()}
    if schema["title"] == "Message":
        properties["text"] = {"type": "string", "description": "The text parts, joined."}
    return {**schema, "properties": properties, "required": list(properties)}


def _without_defaults(schema: Schema) -> Schema:
    """What a field is when it is missing is told by its request; an edit leaves it as it is."""
    if "properties" not in schema:
        return schema
    return {**schema, "properties": {name: _without_default(each) for name, each in schema["properties"].items()}}


def _without_default(field: Mapping[str, Any]) -> Schema:
    return {name: item for name, item in field.items() if name not in {"default", "title"}}
