"""Whatever has happened to a store, its figures are what a recount says, counted or not, and so are those of its copy."""

from __future__ import annotations

import asyncio
import random

import pytest

from palaver.ids import new_id
from palaver.page import Window
from palaver.stores.base import Store
from palaver.stores.orders import EntityDraft
from palaver.testing import FakeClock
from palaver.testing.stores.figures import all_agree, asked, counted
from palaver.testing.stores.making import (
    LEASE_SECONDS,
    OWNER,
    TENANT,
    answer_id_of,
    exchange,
    make_bot,
    make_conversation,
    purge_all,
)
from palaver.testing.stores.recount import recount
from palaver.testing.stores.world import furnish
from palaver.transfer import copy
from transfer.life import DEEDS, TENANTS, Life
from transfer.test_engines import ENGINES, NewUrl, new_url, opened

__all__ = ["new_url"]

STEPS = 200
CHANGES = [
    *(DEEDS.index(deed) for deed in (Life.rate, Life.rate, Life.delete_answer, Life.end, Life.set_status, Life.append)),
    *(DEEDS.index(deed) for deed in (Life.delete_chat, Life.restore_chat, Life.delete_bot, Life.restore_bot)),
]
"""What changes figures that were counted."""


async def _forget_somebody(store: Store, numbers: random.Random) -> None:
    tenant_id = numbers.choice(TENANTS)
    entities = (await store.page_entities(tenant_id, Window())).data
    if entities:
        await store.delete_entity(tenant_id, numbers.choice(entities).id)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("engine", ENGINES)
async def test_figures_are_what_a_recount_says(new_url: NewUrl, engine: str, seed: int) -> None:
    """After any life in which now and then some of it is counted, and in a copy of it, figures equal a recount."""
    numbers, clock = random.Random(seed), FakeClock()
    async with opened(new_url(engine), clock) as store, opened(new_url("sqlite"), clock) as target:
        await store.ensure_tenant(TENANTS[1])
        life = Life(clock, store)
        for number in range(STEPS):
            if number == STEPS // 2:
                await furnish(store, clock)
            changes = number % 3 == 2
            if changes:
                await store.count_figures(OWNER, LEASE_SECONDS, numbers.choice((1, 100, 100)))
            if numbers.randrange(20):
                kind = numbers.choice(CHANGES) if changes else numbers.randrange(len(DEEDS))
                await life.step(kind, numbers.randrange(101))
            else:
                await _forget_somebody(store, numbers)
                clock.advance(numbers.randrange(3000))
            if changes:
                wanted = asked(clock)
                for tenant_id in TENANTS:
                    assert await store.figures(tenant_id, wanted) == await recount(store, tenant_id, wanted)
        await copy(store, target)
        for each in (store, target):
            await _agree(each, clock)
            await counted(each)
            await _agree(each, clock)


async def _agree(store: Store, clock: FakeClock) -> None:
    for tenant_id in TENANTS:
        await all_agree(store, clock, tenant_id)


@pytest.mark.parametrize("engine", ENGINES)
async def test_counting_while_people_talk(new_url: NewUrl, engine: str) -> None:
    """While two processes count all the time, turns end, are rated and deleted in both, and conversations are purged: nothing is
    lost, nothing counts twice."""
    clock, url = FakeClock(), new_url(engine)
    async with opened(url, clock) as one, opened(url, clock) as other:
        bot, over = await make_bot(one), asyncio.Event()

        async def count(store: Store) -> None:
            while not over.is_set():
                await store.count_figures(OWNER, LEASE_SECONDS, 3)
                await asyncio.sleep(0)

        async def talk(store: Store, number: int) -> None:
            chat = await make_conversation(store, bot=bot, entity=EntityDraft(id=new_id("ent")))
            for turns in range(6):
                answer_id = answer_id_of((await exchange(store, chat)).turn)
                await store.rate_message(TENANT, answer_id, 1 + turns % 5, None)
                if turns == number:
                    await store.delete_turn(TENANT, answer_id)
            if number == 0:
                await store.delete_conversation(TENANT, chat.id)
                await purge_all(store)

        async with asyncio.TaskGroup() as group:
            counting = [group.create_task(count(store)) for store in (one, other)]
            talks = [group.create_task(talk(store, number)) for number in range(5) for store in (one, other)]
            await asyncio.gather(*talks)
            over.set()
            await asyncio.gather(*counting)
        await _agree(one, clock)
        await counted(other)
        await _agree(one, clock)
        (whole,) = await one.figures(TENANT, asked(clock))
        assert (whole.counts["conversations"], whole.counts["turns"], whole.active_entities) == (8, 8 * 5, 8)
