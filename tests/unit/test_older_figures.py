"""A store that is older than its figures: its conversations are counted once it is migrated."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

import asyncpg
import pytest
from older_stores import AFTER_FIGURES, AFTER_FIGURES_ON_POSTGRES

from palaver.conversation import ContextUse
from palaver.errors import StoreRefused
from palaver.stores.base import Store
from palaver.stores.figures import UnfoundFilter
from palaver.stores.postgres import PostgresStore
from palaver.stores.postgres.schema import PostgresSchema
from palaver.stores.redis import RedisStore
from palaver.stores.redis.schema import RedisSchema
from palaver.stores.redis.stored import StoredConversation, id_of
from palaver.stores.sqlite import SqliteStore
from palaver.testing import FakeClock
from palaver.testing.stores.figures import all_agree, counted, totals
from palaver.testing.stores.making import TENANT, completed, make_conversation, running, walk
from palaver.testing.stores.world import furnish

TABLES = ("uncounted", "sheets", "figures", "entity_figures", "leases")


async def _furnished(store: Store, clock: FakeClock) -> None:
    await store.open()
    await furnish(store, clock)
    for _ in range(10):
        context = ContextUse(history_messages=0, chunks=0, tokens=9)
        claim = await running(store, await make_conversation(store))
        await store.finish_turn(claim, completed("Nobody knows.", context=context), promote=None)
    await counted(store)
    await store.close()


async def _is_counted(store: Store, clock: FakeClock) -> None:
    await store.open()
    await all_agree(store, clock)
    found = await totals(store, clock)
    assert min(found["conversations"], found["unfound"]) > 0
    assert (
        len(await walk(partial(store.page_unfound, TENANT, UnfoundFilter(first=0, last=2**31)), 7)) == found["unfound"]
    )
    assert await counted(store) > 0
    await all_agree(store, clock)
    await store.close()


async def test_a_file(tmp_path: Path) -> None:
    """A file of schema 3 is migrated when it is opened, and its figures are those of its rows at once."""
    clock, path = FakeClock(), tmp_path / "chat.db"
    await _furnished(SqliteStore(path, clock=clock), clock)

    def age() -> None:
        with sqlite3.connect(path) as connection:
            for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
                connection.execute(f"DROP TRIGGER {name}")
            for name in TABLES:
                connection.execute(f"DROP TABLE {name}")
            for statement in AFTER_FIGURES:
                connection.execute(statement)
            connection.execute("UPDATE schema_info SET version = 3, min_compatible = 3")

    await asyncio.to_thread(age)
    await _is_counted(SqliteStore(path, clock=clock), clock)


async def test_a_database(empty_postgres_url: str) -> None:
    """A PostgreSQL database of schema 2 is refused until it is migrated; then its figures are those of its rows."""
    clock = FakeClock()
    await _furnished(PostgresStore(empty_postgres_url, clock=clock), clock)
    connection = await asyncpg.connect(empty_postgres_url)
    await connection.execute("SET search_path = palaver")
    await connection.execute(f"DROP TABLE {', '.join(TABLES)}")
    await connection.execute("DROP FUNCTION mark_uncounted, mark_conversation_uncounted CASCADE")
    for statement in AFTER_FIGURES_ON_POSTGRES:
        await connection.execute(statement)
    await connection.execute("UPDATE schema_info SET version = 2, min_compatible = 2")
    await connection.close()
    await _migrated(lambda: PostgresStore(empty_postgres_url, clock=clock), PostgresSchema(empty_postgres_url).apply)
    await _is_counted(PostgresStore(empty_postgres_url, clock=clock), clock)


@pytest.mark.parametrize("server", ["redis_url", "redis_cluster_url"])
async def test_a_redis(server: str, request: pytest.FixtureRequest) -> None:
    """A Redis store of schema 2 is refused until it is migrated; then its figures are those of its rows."""
    clock, url = FakeClock(), request.getfixturevalue(server)
    store = RedisStore(url, clock=clock)
    await _furnished(store, clock)
    schema = RedisSchema(url)
    async with schema._connected() as connected:
        keys = connected.keys
        for tenant_id in ("default", "other"):
            for member in await connected.run(("ZRANGE", keys.index(f"conversations:{tenant_id}"), 0, -1)):
                key = keys.of(StoredConversation.KIND, id_of(member))
                fields = json.loads(await connected.run(("GET", key)))
                fields.pop()  # the head that was lost
                assert fields.pop() in (True, False)  # whether it is counted
                await connected.run(("SET", key, json.dumps(fields)))
            await connected.run(("DEL", keys.index(f"conversations.uncounted:{tenant_id}")))
            await connected.run(("DEL", keys.index(f"turns.unfound:{tenant_id}")))
            for name in ("sheets", "version"):
                await connected.run(("DEL", keys.figures(tenant_id, name)))
            for quarter in await connected.run(("ZRANGE", keys.figures(tenant_id, "quarters"), 0, -1)):
                for kind in ("sums", "entities"):
                    await connected.run(("DEL", keys.figures(tenant_id, f"{kind}:{quarter.decode()}")))
        await connected.run(("DEL", keys.index("conversations.uncounted")))
        await connected.run(("HSET", keys.named("schema"), "version", 2, "min_compatible", 2))
    await _migrated(lambda: RedisStore(url, clock=clock), schema.apply)
    await _is_counted(RedisStore(url, clock=clock), clock)


async def _migrated(store: Callable[[], Store], apply: Callable[[], Awaitable[object]]) -> None:
    with pytest.raises(StoreRefused, match="palaver migrate"):
        await store().open()
    await apply()
