"""What the calls of a hub are given by keyword: fields to write, filters and pages to read. ``surface.py`` says which call takes which."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, NotRequired, TypedDict

from palaver.attachment import Attached


class PageQuery(TypedDict, total=False):
    """Which page: ``limit`` 1–200 (50), and a cursor of the page before (``after``) or behind (``before``)."""

    limit: int
    after: str
    before: str


class BotFields(TypedDict, total=False):
    """``name`` is needed to create a bot. ``metadata`` is merged one level deep by an update; None removes a key.
    ``retrieval`` says how the bot's documents are searched: ``enabled``, ``k``, ``vector_weight``, ``where`` … ``widget`` says on whose
    pages it talks to visitors, and how: ``allowed_origins``, ``title``, ``lead`` …; None closes it to them."""

    name: str
    instructions: str
    model: str
    params: Mapping[str, Any]
    retrieval: Mapping[str, Any]
    idle_timeout_minutes: int | None
    widget: Mapping[str, Any] | None
    metadata: Mapping[str, Any]


class BotTrial(TypedDict, total=False):
    """How a bot would be: what is given takes the place of its own."""

    instructions: str
    model: str
    params: Mapping[str, Any]
    retrieval: Mapping[str, Any]


class EntityFields(TypedDict, total=False):
    """``type`` is ``USER`` or ``LEAD``."""

    type: str
    external_id: str | None
    name: str | None
    email: str | None
    metadata: Mapping[str, Any]


class ConversationFields(TypedDict, total=False):
    """Who talks: ``entity_id``, or ``entity`` (its fields), or ``entity_type`` and ``external_id`` for short."""

    title: str | None
    kind: str
    entity_id: str
    entity: EntityFields
    entity_type: str
    external_id: str | None
    metadata: Mapping[str, Any]


class ConversationEdits(TypedDict, total=False):
    """What can be edited; status, head and rating have their own calls. Another ``bot_id`` can be given while nobody has spoken."""

    bot_id: str
    title: str | None
    external_id: str | None
    metadata: Mapping[str, Any]


class ConversationWhich(TypedDict, total=False):
    """Which conversations: the filters of a list of them; none of them: all."""

    bot_id: str
    status: str
    entity_id: str
    entity_type: str
    external_id: str
    kind: str
    min_rating: int
    max_rating: int
    created_after: datetime
    created_before: datetime
    metadata: Mapping[str, str]
    q: str


class ConversationQuery(ConversationWhich, PageQuery, total=False):
    """Filters, the order and the page of a list of conversations. ``sort`` is ``last_activity_at``, ``started_at``,
    ``created_at``, ``rating`` or ``message_count``; ``order`` is ``desc`` or ``asc``; ``deleted`` lists those that can be restored."""

    deleted: bool
    sort: str
    order: str


class SendOptions(TypedDict, total=False):
    """How a turn begins.

    ``policy`` says what happens while another turn runs: ``reject`` (the default), ``queue`` or ``interrupt``.
    ``key`` makes the call safe to retry (1–255 printable ASCII); over HTTP one is made where none is given, and the SDK
    retries with it. ``client_id`` is the message's own id at the client and serves as the key. ``parent_id`` is the turn
    to continue (the head of the active path). ``params`` are laid over the bot's for this turn; ``instructions`` among
    them are laid behind the bot's, ``metadata`` (16 texts of up to 512 characters, named with up to 64) are kept with the turn.
    ``attachments`` are the images of a question, at most 10: files of ``hub.files`` or their ids, ``data:`` URLs, paths, bytes.
    """

    policy: str
    key: str
    client_id: str
    parent_id: str
    params: Mapping[str, Any]
    attachments: Sequence[Attached]


class AppendFields(TypedDict):
    """A message to store with no model call; ``role`` is ``user`` or ``assistant``, ``attachments`` as for a send."""

    role: str
    text: str
    attachments: NotRequired[Sequence[Attached]]


class DocumentFields(TypedDict, total=False):
    """What is said of a document: ``text`` in place of a source, a ``title`` (else that of the file or page), a ``media_type``
    where no name tells it, ``metadata`` to filter by."""

    text: str
    title: str | None
    media_type: str | None
    metadata: Mapping[str, Any]


class DocumentQuery(PageQuery, total=False):
    """Filters and the page of a list of documents. ``status`` is ``pending``, ``processing``, ``ready`` or ``failed``; ``source`` is
    ``file``, ``text``, ``url`` or ``training``; ``deleted`` lists those that can be restored."""

    status: str
    source: str
    deleted: bool


class KeyFields(TypedDict, total=False):
    """``scope`` is ``operator``, ``admin``, ``write``, ``read`` or ``visitor`` (which needs ``bot_id`` and ``entity_id``)."""

    tenant_id: str
    scope: str
    name: str
    bot_id: str
    entity_id: str
    expires_in_seconds: int


class TimeQuery(TypedDict, total=False):
    """Of which time, bot and model.

    ``from_`` and ``to`` are moments, ``from_`` included and ``to`` not, or days (``2026-01-31``), both included; without them it is
    today and the 29 days before, at most 400 days. ``timezone`` is an IANA name such as ``Europe/Berlin`` (``UTC``): days are those of its
    clocks. ``bot_id`` and ``model`` name the only one to tell of.
    """

    from_: datetime | date | str
    to: datetime | date | str
    timezone: str
    bot_id: str
    model: str


def wire_names(query: Mapping[str, Any]) -> dict[str, Any]:
    """Return a query by the names that the HTTP API has: ``from_`` is ``from`` there."""
    return {("from" if name == "from_" else name): each for name, each in query.items()}


class AnalyticsQuery(TimeQuery, total=False):
    """Which figures, and how they are told apart.

    ``by`` is ``day`` (the default), ``bot``, ``entity``, ``model`` or ``total``. ``entity_id`` names the only one to tell of.
    ``limit`` is how many rows are told of at most, 1–200 (50); days are all told of.
    """

    by: str
    entity_id: str
    limit: int


class UnfoundQuestionQuery(TimeQuery, PageQuery, total=False):
    """Of which time, and which page."""
