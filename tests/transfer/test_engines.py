"""From any store to any other, and on, and back: nothing is lost on the way."""

from __future__ import annotations

import itertools
import random
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path

import pytest

from palaver.ids import new_id
from palaver.page import Order, Window
from palaver.proof import digest_of
from palaver.stores.base import Store
from palaver.stores.open import store_for
from palaver.stores.orders import ConversationFilter, ConversationSort
from palaver.testing import FakeClock
from palaver.testing.stores.everything import everything
from palaver.testing.stores.making import TENANT
from palaver.testing.stores.world import furnish
from palaver.transfer import copy
from servers.redis import RedisServer
from transfer.life import DEEDS, TENANTS, WORDS, Life

ENGINES = ("sqlite", "postgres", "redis")
NewUrl = Callable[[str], str]


@pytest.fixture
def new_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[NewUrl]:
    """Makes addresses of empty stores of an engine."""
    numbers = itertools.count()
    with ExitStack() as stack:

        def url(engine: str) -> str:
            if engine == "postgres":
                return str(stack.enter_context(request.getfixturevalue("postgres_server").database()))
            if engine == "redis":
                server: RedisServer = request.getfixturevalue("redis_server")
                return f"{server.url()}?prefix={new_id('store')}:"
            return f"sqlite:///{tmp_path / f'{next(numbers)}.db'}"

        yield url


@asynccontextmanager
async def opened(url: str, clock: FakeClock) -> AsyncIterator[Store]:
    store = store_for(url, clock=clock)
    await store.open()
    try:
        yield store
    finally:
        await store.close()


async def agree(one: Store, other: Store) -> None:
    """Assert that all that both can be asked is answered the same."""
    ours, theirs = await everything(one, WORDS), await everything(other, WORDS)
    for asked in ours.keys() & theirs.keys():
        assert ours[asked] == theirs[asked], asked


async def positions(store: Store) -> list[object]:
    """Where the first pages of lists end: what their cursors hold."""
    window = Window(limit=2)
    found: list[object] = [(await store.page_turns(TENANT, None, window)).next]
    found += [(await page(TENANT, window)).next for page in (store.page_bots, store.page_entities, store.page_keys)]
    for sort, order in itertools.product(ConversationSort, Order):
        wanted = ConversationFilter(sort=sort, order=order)
        found.append((await store.page_conversations(TENANT, wanted, window)).next)
    return found


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("target_engine", ENGINES)
@pytest.mark.parametrize("source_engine", ENGINES)
async def test_any_store_is_copied_to_any_other(
    new_url: NewUrl, source_engine: str, target_engine: str, seed: int
) -> None:
    """After any life of the source the copy says the same, and they answer every later call alike."""
    numbers, clock = random.Random(seed), FakeClock()

    def deed() -> tuple[int, int]:
        return numbers.randrange(len(DEEDS)), numbers.randrange(101)

    async with opened(new_url(source_engine), clock) as source, opened(new_url(target_engine), clock) as target:
        await source.ensure_tenant(TENANTS[1])
        life = Life(clock, source)
        for _ in range(120):
            await life.step(*deed())
        proof = await copy(source, target)
        assert proof.equal, [(tenant.tenant_id, tenant.differing) for tenant in proof.tenants]
        await agree(source, target)
        assert await positions(target) == await positions(source)
        life.stores.append(target)
        for _ in range(60):
            await life.step(*deed())
        await agree(source, target)


async def test_a_copy_of_a_copy_of_a_copy_is_the_first(new_url: NewUrl) -> None:
    """Through every engine and back: equal hashes on the way, equal answers in the end, and positions that lead on."""
    clock = FakeClock()
    urls = [new_url(engine) for engine in (*ENGINES, ENGINES[0])]
    async with opened(urls[0], clock) as first:
        await furnish(first, clock)
    hashes = []
    for source_url, target_url in itertools.pairwise(urls):
        async with opened(source_url, clock) as source, opened(target_url, clock) as target:
            proof = await copy(source, target)
            assert proof.equal, [(tenant.tenant_id, tenant.differing) for tenant in proof.tenants]
            hashes.append([digest_of(tenant.target) for tenant in proof.tenants])
    assert all(each == hashes[0] for each in hashes)
    async with opened(urls[0], clock) as first, opened(urls[-1], clock) as last:
        assert await everything(last) == await everything(first)
        assert await positions(last) == await positions(first)
