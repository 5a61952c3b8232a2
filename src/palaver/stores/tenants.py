"""The contract of a store: tenants and their keys. The rules of ``stores/base.py`` hold here, too."""

from __future__ import annotations

from typing import Protocol

from palaver.page import Slice, Window
from palaver.stores.orders import KeyDraft
from palaver.tenant import ApiKey, Tenant


class TenantRows(Protocol):
    """Tenants and their keys."""

    async def ensure_tenant(self, tenant_id: str) -> Tenant:
        """Return the tenant, made if it did not exist: whoever writes for one does this first. ``default`` exists from the start."""
        ...

    async def page_tenants(self, window: Window) -> Slice[Tenant]:
        """List all tenants by id."""
        ...

    async def create_key(self, draft: KeyDraft) -> ApiKey:
        """Keep a key (its tenant is made if needed). From now on ``any_key_ever`` is true for good."""
        ...

    async def any_key_ever(self) -> bool:
        """Whether a key was ever created here, revoked ones included: a store that was closed stays closed."""
        ...

    async def find_key(self, digest: bytes) -> ApiKey | None:
        """Return the key whose secret has this hash, revoked and expired ones included."""
        ...

    async def touch_key(self, key_id: str) -> None:
        """Note that a key was used now. Cheap: may be lost."""
        ...

    async def page_keys(self, tenant_id: str | None, window: Window) -> Slice[ApiKey]:
        """List the keys of a tenant (None: of all), newest first, revoked ones included."""
        ...

    async def revoke_key(self, tenant_id: str | None, key_id: str) -> ApiKey:
        """Revoke a key of a tenant (None: of any) from now on; doing it again changes nothing."""
        ...
