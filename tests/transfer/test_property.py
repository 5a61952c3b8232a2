"""Whatever has happened to a store, its copy says the same, and goes on saying the same whatever happens then."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from palaver.stores.sqlite import SqliteStore
from palaver.testing import FakeClock
from palaver.testing.stores.everything import everything
from palaver.transfer import copy
from transfer.life import DEEDS, TENANTS, WORDS, Life

deeds = st.lists(st.tuples(st.integers(0, len(DEEDS) - 1), st.integers(0, 100)), max_size=60)


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(before=deeds, after=deeds)
def test_a_copy_is_its_source_again(before: Sequence[tuple[int, int]], after: Sequence[tuple[int, int]]) -> None:
    """A copy says what its source says, and every call after that is answered the same by both."""
    asyncio.run(_live(before, after))


async def _live(before: Sequence[tuple[int, int]], after: Sequence[tuple[int, int]]) -> None:
    clock = FakeClock()
    source, target = SqliteStore(":memory:", clock=clock), SqliteStore(":memory:", clock=clock)
    for store in (source, target):
        await store.open()
    await source.ensure_tenant(TENANTS[1])
    life = Life(clock, source)
    for kind, number in ((0, 1), (1, 1), *before):
        await life.step(kind, number)
    proof = await copy(source, target)
    assert proof.equal, [(tenant.tenant_id, tenant.differing) for tenant in proof.tenants]
    assert await everything(target, WORDS) == await everything(source, WORDS)
    life.stores.append(target)
    for kind, number in after:
        await life.step(kind, number)
    assert await everything(target, WORDS) == await everything(source, WORDS)
    for store in (source, target):
        await store.close()
