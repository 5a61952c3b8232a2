"""The composition: settings → store, models, engine; one root a process, a hub for each tenant."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any, Self

from palaver.config import Settings
from palaver.cursor import CursorSigner
from palaver.errors import UnsafeDurability
from palaver.hub.admin import LocalKeys, LocalTenants
from palaver.hub.bots import LocalBots, LocalEntities
from palaver.hub.conversations import LocalConversations
from palaver.hub.messages import LocalMessages
from palaver.hub.place import Place
from palaver.hub.turns import LocalTurns
from palaver.keys import KeyRing
from palaver.lifecycle import Lifecycle, Retention
from palaver.models.catalog import Catalog, Providers
from palaver.models.patience import Patience
from palaver.stores.base import Store
from palaver.stores.open import store_for
from palaver.turns import EngineLimits, TurnEngine

if TYPE_CHECKING:
    from pydantic import SecretStr

SWEEPS_A_LIFECYCLE_STEP = 5


def _plain(secret: SecretStr | None) -> str | None:
    return None if secret is None else secret.get_secret_value()


def _catalog(settings: Settings, models: Mapping[str, Any] | None) -> Catalog:
    limits = settings.limits
    return Catalog(
        Providers(
            default_model=settings.default_model,
            openai_api_key=_plain(settings.openai_api_key),
            openai_base_url=settings.openai_base_url,
            groq_api_key=_plain(settings.groq_api_key),
            ollama_host=settings.ollama_host,
            named=settings.providers,
            named_keys={name: key.get_secret_value() for name, key in settings.provider_keys.items()},
        ),
        models=models,
        patience=Patience(
            connect_seconds=limits.connect_seconds,
            first_byte_seconds=limits.first_byte_seconds,
            idle_seconds=limits.idle_seconds,
            total_seconds=limits.total_seconds,
            retries=limits.retries,
            answer_bytes=limits.answer_bytes,
        ),
    )


def _engine(settings: Settings, store: Store, catalog: Catalog) -> TurnEngine:
    limits = settings.limits
    return TurnEngine(
        store,
        catalog,
        limits=EngineLimits(
            lease_seconds=limits.lease_seconds,
            tick_seconds=limits.tick_seconds,
            poll_seconds=limits.poll_seconds,
            sweep_seconds=limits.sweep_seconds,
            drain_seconds=limits.drain_seconds,
            context_tokens=limits.context_tokens,
        ),
    )


class HubRoot:
    """A running engine on an open store."""

    def __init__(self, settings: Settings, store: Store, catalog: Catalog, engine: TurnEngine, secret: bytes) -> None:
        self.settings = settings
        self.store = store
        self.catalog = catalog
        self.engine = engine
        self.keys = KeyRing(store, secret)
        self.lifecycle = Lifecycle(
            store, Retention(log_hours=settings.limits.log_hours, purge_days=settings.limits.purge_days)
        )
        self._signer = CursorSigner(secret)

    @classmethod
    @asynccontextmanager
    async def open(
        cls, settings: Settings | None = None, *, models: Mapping[str, Any] | None = None
    ) -> AsyncIterator[Self]:
        """Open the store, recover what was left behind, work until the block is left, then drain.

        Args:
            settings: Read from the environment when omitted.
            models: Models given in process by name: our own ``ChatModel`` or LangChain's ``BaseChatModel``.

        Raises:
            StoreRefused: The store can't be opened as it is; ``UnsafeDurability`` where its settings could lose
                acknowledged writes and ``unsafe_durability`` was not set.
        """
        settings = settings or Settings()
        async with AsyncExitStack() as stack:
            store = store_for(settings.store, pool_size=settings.pool_size)
            await store.open()
            stack.push_async_callback(store.close)
            await _check_durability(store, allowed=settings.unsafe_durability)
            await store.ensure_tenant(settings.tenant)
            catalog = _catalog(settings, models)
            stack.push_async_callback(catalog.aclose)
            engine = _engine(settings, store, catalog)
            await engine.start(recovers=settings.maintenance)
            stack.push_async_callback(engine.close)
            root = cls(settings, store, catalog, engine, await store.secret())
            if settings.maintenance:
                pause = settings.limits.sweep_seconds * SWEEPS_A_LIFECYCLE_STEP
                engine.do_forever("lifecycle", root.lifecycle.step, pause_seconds=pause)
            yield root

    @property
    def draining(self) -> bool:
        """Whether this process takes no new turns because it is about to end."""
        return self.engine.is_draining

    def for_tenant(self, tenant_id: str | None = None) -> LocalHub:
        """Return the hub of a tenant (the settings' own when it is not named)."""
        return LocalHub(
            self,
            Place(
                tenant_id=self.settings.tenant if tenant_id is None else tenant_id,
                store=self.store,
                engine=self.engine,
                signer=self._signer,
                default_model=self.catalog.default_name,
                queue_cap=self.settings.limits.queue_cap,
            ),
        )


async def _check_durability(store: Store, *, allowed: bool) -> None:
    health = await store.health()
    if health.risks and not allowed:
        raise UnsafeDurability(
            f"What is acknowledged could be lost. {' '.join(health.risks)} Or start with --unsafe-durability."
        )


class LocalHub:
    """Everything, for one tenant, in this process. See ``surface.Hub``."""

    def __init__(self, root: HubRoot, place: Place) -> None:
        self.root = root
        self.tenant_id = place.tenant_id
        self.bots = LocalBots(place)
        self.entities = LocalEntities(place)
        self.conversations = LocalConversations(place)
        self.turns = LocalTurns(place)
        self.messages = LocalMessages(place, self.turns)
        self.keys = LocalKeys(place, root.keys)
        self.tenants = LocalTenants(place)

    async def aclose(self) -> None:
        """See ``surface.Hub.aclose``: the turns end; the store is closed by whoever opened the root."""
        await self.root.engine.drain()
