"""Palaver keeps every conversation between people and your bots.

    hub = palaver.connect("palaver.db")                    blocks; a file, or the URL of a server
    async with palaver.open("http://localhost:8000") as hub:   the same with await

What either gives is described in ``palaver.surface``. Importing this package imports neither the engine nor the server:
they are imported when they are used.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Unpack, cast

from palaver.bot import Bot
from palaver.conversation import (
    Branch,
    Conversation,
    ConversationStatus,
    InterruptReason,
    Kind,
    ListedTurn,
    Message,
    Policy,
    Role,
    Turn,
    TurnStatus,
)
from palaver.document import (
    Chunk,
    Citation,
    Document,
    DocumentSource,
    DocumentStatus,
    Hit,
    TrainingReport,
)
from palaver.entity import Entity, EntityType
from palaver.errors import (
    Conflict,
    DocumentFailed,
    Forbidden,
    InvalidInput,
    Limited,
    NotFound,
    PalaverError,
    ResumeWindowGone,
    ServerUnreachable,
    TurnFailed,
    TurnInProgress,
    Unauthenticated,
    Unavailable,
    VersionConflict,
)
from palaver.events import Event, EventType
from palaver.fold import fold
from palaver.given import Given
from palaver.page import Page
from palaver.results import Accepted, NewKey, Reply, SearchResult
from palaver.surface import Hub
from palaver.tenant import ApiKey, Scope, Tenant

if TYPE_CHECKING:
    from palaver.blocking import BlockingHub
    from palaver.config import Settings

__all__ = [
    "Accepted",
    "ApiKey",
    "Bot",
    "Branch",
    "Chunk",
    "Citation",
    "Conflict",
    "Conversation",
    "ConversationStatus",
    "Document",
    "DocumentFailed",
    "DocumentSource",
    "DocumentStatus",
    "Entity",
    "EntityType",
    "Event",
    "EventType",
    "Forbidden",
    "Hit",
    "Hub",
    "InterruptReason",
    "InvalidInput",
    "Kind",
    "Limited",
    "ListedTurn",
    "Message",
    "NewKey",
    "NotFound",
    "Page",
    "PalaverError",
    "Policy",
    "Reply",
    "ResumeWindowGone",
    "Role",
    "Scope",
    "SearchResult",
    "ServerUnreachable",
    "Tenant",
    "TrainingReport",
    "Turn",
    "TurnFailed",
    "TurnInProgress",
    "TurnStatus",
    "Unauthenticated",
    "Unavailable",
    "VersionConflict",
    "connect",
    "fold",
    "open",
]

DEFAULT_TARGET = "palaver.db"


def connect(
    target: str = DEFAULT_TARGET,
    *,
    tenant: str | None = None,
    api_key: str | None = None,
    settings: Settings | None = None,
    **given: Unpack[Given],
) -> BlockingHub:
    """Return a hub whose calls block. Close it, or use it in a ``with`` block. The arguments are those of ``open``."""
    from palaver.blocking import BlockingHub

    return BlockingHub(lambda: open(target, tenant=tenant, api_key=api_key, settings=settings, **given))


@asynccontextmanager
async def open(  # noqa: A001  # said as palaver.open
    target: str = DEFAULT_TARGET,
    *,
    tenant: str | None = None,
    api_key: str | None = None,
    settings: Settings | None = None,
    **given: Unpack[Given],
) -> AsyncIterator[Hub]:
    """Give a hub whose calls are awaited.

    Args:
        target: A store (``palaver.db``, ``sqlite:///palaver.db``, ``:memory:``, ``postgresql://…``, ``redis://…``): the engine
            runs in this process. Or ``http://…`` of a server: the calls go there.
        tenant: Whose data, for a store; ``default`` when omitted. A server takes it from the key.
        api_key: The key for a server; ``PALAVER_API_KEY`` when omitted.
        settings: Everything else; read from the environment when omitted.
        given: ``models``, ``embeddings``, ``rerankers``, ``redact`` and ``titles`` of this process, for a store. See ``Given``.

    Raises:
        InvalidInput: An argument does not go with the target.
        StoreRefused: The store can't be opened as it is.
    """
    from palaver.config import Settings

    known = settings or Settings()
    if target.startswith(("http://", "https://")):
        if tenant is not None or any(each is not None for each in given.values()):
            raise InvalidInput("A server takes the tenant from the key and the models from its own configuration.")
        from palaver.client import HttpHub

        configured = None if known.api_key is None else known.api_key.get_secret_value()
        async with HttpHub(target, api_key=api_key or configured) as remote:
            yield remote
        return
    if api_key is not None:
        raise InvalidInput("Only a server asks for a key.")
    from palaver.hub import HubRoot

    whose = _tenant_name(known.tenant if tenant is None else tenant)
    placed = known.model_copy(update={"store": target, "tenant": whose})
    async with HubRoot.open(placed, **given) as root:
        # To pyright the keyword all_tenants of LocalKeys.list could be an item of an open TypedDict.
        yield cast("Hub", root.for_tenant(whose))


def _tenant_name(name: str) -> str:
    from palaver.wire.keys import TENANT_PATTERN

    if re.fullmatch(TENANT_PATTERN, name) is None:
        raise InvalidInput("A tenant is named with 1 to 64 of a-z, 0-9, _, . and -.")
    return name


def __getattr__(name: str) -> str:
    if name == "__version__":
        from importlib.metadata import version

        return version("palaver")
    raise AttributeError(f"module 'palaver' has no attribute {name!r}")
