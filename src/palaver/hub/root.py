"""The composition: settings → store, models, engine; one root a process, a hub for each tenant."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Self, Unpack

from palaver.config import Settings
from palaver.cursor import CursorSigner
from palaver.errors import UnsafeDurability
from palaver.given import Given
from palaver.hub.admin import LocalKeys, LocalStorage, LocalTenants, LocalVisitors
from palaver.hub.analytics import LocalAnalytics
from palaver.hub.asides import LocalAsides
from palaver.hub.bots import LocalBots, LocalEntities
from palaver.hub.conversations import LocalConversations
from palaver.hub.documents import LocalDocuments
from palaver.hub.equipment import Equipment
from palaver.hub.files import LocalFiles
from palaver.hub.knowledge import LocalKnowledge
from palaver.hub.messages import LocalMessages
from palaver.hub.place import Place
from palaver.hub.turns import LocalTurns
from palaver.keys import KeyRing
from palaver.lifecycle import Lifecycle, Retention
from palaver.owned_ids import OwnedIds
from palaver.stores.base import Store
from palaver.stores.open import store_for, without_password
from palaver.visitors import Visitors

SWEEPS_A_LIFECYCLE_STEP = 5


class HubRoot:
    """A running engine on an open store."""

    def __init__(self, settings: Settings, store: Store, equipment: Equipment, secret: bytes) -> None:
        self.settings = settings
        self.store = store
        self.engine = equipment.engine
        self.models = equipment.models
        self.embeddings = equipment.embeddings
        self.titler = equipment.titler
        self._equipment = equipment
        self.keys = KeyRing(store, secret)
        self.visitors = Visitors(store, secret)
        self.lifecycle = Lifecycle(
            store, Retention(log_hours=settings.limits.log_hours, purge_days=settings.limits.purge_days)
        )
        self.owned_ids = OwnedIds(secret)
        self._signer = CursorSigner(secret)

    @classmethod
    @asynccontextmanager
    async def open(cls, settings: Settings | None = None, **given: Unpack[Given]) -> AsyncIterator[Self]:
        """Open the store, recover what was left behind, work until the block is left, then drain.

        Args:
            settings: Read from the environment when omitted.
            given: What the program gives: models, embeddings and more.

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
            equipment = Equipment.on(store, settings, stack, **given)
            await equipment.engine.start(recovers=settings.maintenance)
            stack.push_async_callback(equipment.engine.close)
            equipment.work()
            root = cls(settings, store, equipment, await store.secret())
            if settings.maintenance:
                pause = settings.limits.sweep_seconds * SWEEPS_A_LIFECYCLE_STEP
                root.engine.do_forever("lifecycle", root.lifecycle.step, pause_seconds=pause)
                root.engine.do_forever("figures", equipment.counter.step, pause_seconds=pause)
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
                models=self.models,
                images=self._equipment.images,
                intake=self._equipment.intake,
                ingestor=self._equipment.ingestor,
                retrieval=self._equipment.retrieval,
                reembedding=self._equipment.reembedding,
                trainer=self._equipment.trainer,
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
        self.entities = LocalEntities(place)
        self.conversations = LocalConversations(place)
        self.turns = LocalTurns(place)
        self.files = LocalFiles(place)
        self.messages = LocalMessages(place, self.turns, self.files)
        self.asides = LocalAsides(place, self.files)
        self.bots = LocalBots(place, self.asides)
        self.documents = LocalDocuments(place)
        self.knowledge = LocalKnowledge(place, self.documents)
        self.analytics = LocalAnalytics(place)
        self.search, self.train, self.untrain = self.knowledge.search, self.knowledge.train, self.knowledge.untrain
        self.keys = LocalKeys(place, root.keys)
        self.visitors = LocalVisitors(place, root.visitors)
        self.tenants = LocalTenants(place)
        self.storage = LocalStorage(place, without_password(root.settings.store))

    async def aclose(self) -> None:
        """See ``surface.Hub.aclose``: the turns end; the store is closed by whoever opened the root."""
        await self.root.engine.drain()
