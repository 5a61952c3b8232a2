"""Tenants and keys: ``TenantRows``."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from palaver.clock import from_micros
from palaver.errors import NotFound
from palaver.ids import new_id
from palaver.page import Window
from palaver.stores.base import Store
from palaver.stores.orders import KeyDraft
from palaver.tenant import DEFAULT_TENANT, ApiKey, Scope
from palaver.testing.clock import FakeClock
from palaver.testing.stores.making import OTHER, TENANT, agree, make_bot


def a_key(clock: FakeClock, *, tenant_id: str = TENANT) -> KeyDraft:
    """A key to be kept."""
    key = ApiKey(
        id=new_id("key"),
        tenant_id=tenant_id,
        name="laptop",
        prefix="pk_abc",
        scope=Scope.WRITE,
        created_at=from_micros(clock.micros()),
    )
    return KeyDraft(key=key, digest=new_id("digest").encode())


class TenantConformance:
    """Tenants and their keys."""

    async def test_default_exists_from_the_start(self, store: Store) -> None:
        """The tenant ``default`` is there before anyone made one."""
        tenants = await store.page_tenants(Window())
        assert [tenant.id for tenant in tenants.data] == [DEFAULT_TENANT]

    async def test_a_tenant_is_made_once(self, store: Store, clock: FakeClock) -> None:
        """To ensure a tenant again returns the one that was made."""
        first = await store.ensure_tenant(OTHER)
        clock.advance(60)
        assert await store.ensure_tenant(OTHER) == first

    async def test_tenants_are_listed_by_id(self, store: Store) -> None:
        """All tenants come by id, whatever the size of the pages."""
        for name in ("c", "b-1", "b_2", "a.x", "z"):
            await store.ensure_tenant(name)
        found = await agree(store.page_tenants, lambda tenant: tenant.id)
        assert found == sorted(["c", "b-1", "b_2", "a.x", "z", DEFAULT_TENANT])

    async def test_a_key_closes_the_store_for_good(self, store: Store, clock: FakeClock) -> None:
        """A store that ever had a key says so, also when it was revoked."""
        assert not await store.any_key_ever()
        draft = a_key(clock)
        await store.create_key(draft)
        await store.revoke_key(None, draft.key.id)
        assert await store.any_key_ever()

    async def test_a_key_makes_its_tenant(self, store: Store, clock: FakeClock) -> None:
        """A key of a new tenant makes the tenant."""
        await store.create_key(a_key(clock, tenant_id=OTHER))
        assert OTHER in [tenant.id for tenant in (await store.page_tenants(Window())).data]

    async def test_a_key_is_found_by_the_hash_of_its_secret(self, store: Store, clock: FakeClock) -> None:
        """All that a key is comes back; another hash finds nothing."""
        draft = a_key(clock)
        key = replace(
            draft.key,
            scope=Scope.VISITOR,
            bot_id=new_id("bot"),
            entity_id=new_id("ent"),
            expires_at=draft.key.created_at + timedelta(hours=1),
        )
        assert await store.create_key(replace(draft, key=key)) == key
        assert await store.find_key(draft.digest) == key
        assert await store.find_key(b"no such hash") is None

    async def test_a_revoked_key_is_still_found(self, store: Store, clock: FakeClock) -> None:
        """Revoked and expired keys are found, so that their user can be told."""
        draft = a_key(clock)
        await store.create_key(draft)
        clock.advance(1)
        revoked = await store.revoke_key(TENANT, draft.key.id)
        assert revoked.revoked_at == from_micros(clock.micros())
        assert await store.find_key(draft.digest) == revoked

    async def test_to_revoke_again_changes_nothing(self, store: Store, clock: FakeClock) -> None:
        """The time of the first revocation stays."""
        draft = a_key(clock)
        await store.create_key(draft)
        first = await store.revoke_key(TENANT, draft.key.id)
        clock.advance(60)
        assert await store.revoke_key(TENANT, draft.key.id) == first

    async def test_a_key_is_touched(self, store: Store, clock: FakeClock) -> None:
        """The last use of a key is noted with the store's clock."""
        draft = a_key(clock)
        await store.create_key(draft)
        clock.advance(5)
        await store.touch_key(draft.key.id)
        found = await store.find_key(draft.digest)
        assert found is not None
        assert found.last_used_at == from_micros(clock.micros())

    async def test_keys_are_listed_newest_first(self, store: Store, clock: FakeClock) -> None:
        """A tenant's keys come newest first, revoked ones included; None lists those of all."""
        drafts = [a_key(clock, tenant_id=OTHER if number % 3 else TENANT) for number in range(9)]
        for draft in drafts:
            await store.create_key(draft)
        await store.revoke_key(None, drafts[0].key.id)
        newest_first = [draft.key.id for draft in reversed(drafts)]
        assert await agree(lambda window: store.page_keys(None, window), lambda key: key.id) == newest_first
        own = [draft.key.id for draft in reversed(drafts) if draft.key.tenant_id == TENANT]
        assert await agree(lambda window: store.page_keys(TENANT, window), lambda key: key.id) == own

    async def test_a_foreign_key_is_not_found(self, store: Store, clock: FakeClock) -> None:
        """A tenant can't revoke another's key."""
        draft = a_key(clock)
        await store.create_key(draft)
        with pytest.raises(NotFound):
            await store.revoke_key(OTHER, draft.key.id)
        with pytest.raises(NotFound):
            await store.revoke_key(None, new_id("key"))

    async def test_the_secret_stays(self, store: Store) -> None:
        """The store's secret is 32 bytes and the same whenever it is asked for."""
        secret = await store.secret()
        await make_bot(store)
        assert len(secret) == 32
        assert await store.secret() == secret

    async def test_health_says_what_an_acknowledgement_means(self, store: Store) -> None:
        """A store that answers names its engine and its schema; what survives a power cut survives a kill; what does not
        survive a kill is a risk, and each is a sentence."""
        health = await store.health()
        assert health.engine
        assert health.schema_version > 0
        assert health.survives_kill or not health.survives_power_cut
        assert health.survives_kill or health.risks
        assert all(sentence.endswith(".") for sentence in (health.detail, *health.risks, *health.notes))
        assert health.engine_version[0].isdigit()

    async def test_its_size_is_known(self, store: Store) -> None:
        """A store says what it takes, which is something."""
        await make_bot(store)
        assert await store.size_bytes() > 1_000
