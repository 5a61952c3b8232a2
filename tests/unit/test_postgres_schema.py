"""Opening a PostgreSQL database: made, migrated, found as it was left, or refused with a word about what to do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import asyncpg
import pytest

from palaver.errors import SchemaTooNew, StoreRefused
from palaver.page import Window
from palaver.stores.postgres import PostgresStore
from palaver.stores.postgres.schema import PostgresSchema, migrations, prepare
from palaver.stores.schema import SchemaStep
from palaver.testing.stores.making import TENANT, exchange, make_conversation, path_of
from servers.postgres import PostgresServer, name_of

NEWEST = migrations()[-1].version
LATER = SchemaStep(
    version=NEWEST + 1,
    min_compatible=1,
    name="a later one",
    script="CREATE TABLE later (n int); INSERT INTO later VALUES (1); SELECT pg_sleep(0.3); INSERT INTO later VALUES (2)",
)
KNOWN_LATER = (*migrations(), LATER)


@pytest.fixture
async def database(empty_postgres_url: str) -> AsyncIterator[asyncpg.Connection]:
    """The database, from the side."""
    connection = await asyncpg.connect(empty_postgres_url, server_settings={"search_path": "palaver"})
    yield connection
    await connection.close()


async def conversed(url: str) -> str:
    """Make a store with a conversation in it, whose id is returned."""
    store = PostgresStore(url)
    await store.open()
    conversation = await make_conversation(store)
    await exchange(store, conversation)
    await store.close()
    return conversation.id


async def test_migrations_are_numbered_without_gaps() -> None:
    """Versions count from 1, and none is incompatible with itself."""
    assert [step.version for step in migrations()] == list(range(1, NEWEST + 1))
    assert all(step.min_compatible <= step.version for step in migrations())


async def test_an_empty_database_is_made(empty_postgres_url: str) -> None:
    """The first open makes the tables; many may do so at once, and all work."""
    stores = [PostgresStore(empty_postgres_url) for _ in range(5)]
    await asyncio.gather(*(store.open() for store in stores))
    assert len({await store.secret() for store in stores}) == 1
    conversation = await make_conversation(stores[0])
    for store in stores:
        assert await store.get_conversation(TENANT, conversation.id) == conversation
        await store.close()
    assert (await PostgresSchema(empty_postgres_url).plan()).missing == ()


async def test_what_the_planner_was_taught_is_gone(empty_postgres_url: str, database: asyncpg.Connection) -> None:
    """A new store is empty."""
    await PostgresSchema(empty_postgres_url).apply()
    tables = await database.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'palaver'")
    filled = [row[0] for row in tables if await database.fetchval(f"SELECT EXISTS (SELECT 1 FROM {row[0]})")]
    assert filled == ["schema_info"]


async def test_schemas_are_stores_of_their_own(empty_postgres_url: str) -> None:
    """``?schema=`` names another store in the same database."""
    await conversed(empty_postgres_url)
    other = PostgresStore(f"{empty_postgres_url}?schema=other")
    await other.open()
    assert (await other.page_bots(TENANT, Window())).data == ()
    await other.close()


async def test_an_older_schema_is_migrated_by_a_person_only(empty_postgres_url: str) -> None:
    """A server does not change an older store: it says what to run."""
    await conversed(empty_postgres_url)
    schema = PostgresSchema(empty_postgres_url, KNOWN_LATER)
    plan = await schema.plan()
    assert plan.missing == (LATER,)
    with pytest.raises(StoreRefused) as refused:
        await prepare(schema)
    assert "palaver migrate" in refused.value.message


async def test_a_migration_that_was_cut_is_run_again(empty_postgres_url: str, database: asyncpg.Connection) -> None:
    """A migration whose process dies in its midst leaves nothing behind; what was there stays, and the next run completes it."""
    conversation_id = await conversed(empty_postgres_url)
    migrating = asyncio.create_task(PostgresSchema(empty_postgres_url, KNOWN_LATER).apply())
    async with asyncio.timeout(5):
        while (
            not await database.fetchval("SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(0.3)%'") > 1
        ):
            await asyncio.sleep(0.01)
    await database.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(0.3)%' AND pid <> pg_backend_pid()"
    )
    assert isinstance((await asyncio.gather(migrating, return_exceptions=True))[0], Exception)
    assert await database.fetchval("SELECT to_regclass('palaver.later')") is None
    store = PostgresStore(empty_postgres_url)
    await store.open()
    conversation = await store.get_conversation(TENANT, conversation_id)
    assert await path_of(store, conversation) == ["Hello?", "Hello."]
    await store.close()
    taken: list[int] = []
    plan = await PostgresSchema(empty_postgres_url, KNOWN_LATER).apply(lambda step: taken.append(step.version))
    assert (plan.version, plan.missing, taken) == (LATER.version, (), [LATER.version])
    assert await database.fetchval("SELECT sum(n) FROM later") == 3


async def test_two_that_migrate_at_once_take_each_step_once(
    empty_postgres_url: str, database: asyncpg.Connection
) -> None:
    """Two processes may migrate at once: one takes the step, the other finds it taken."""
    await conversed(empty_postgres_url)
    plans = await asyncio.gather(*(PostgresSchema(empty_postgres_url, KNOWN_LATER).apply() for _ in range(3)))
    assert {plan.version for plan in plans} == {LATER.version}
    assert await database.fetchval("SELECT count(*) FROM later") == 2


async def test_who_migrates_waits_for_a_long_step(empty_postgres_url: str, database: asyncpg.Connection) -> None:
    """A process that finds another one at a step waits for it, longer than for any statement."""
    await conversed(empty_postgres_url)
    schema = PostgresSchema(empty_postgres_url, KNOWN_LATER)
    schema._database = replace(schema._database, statement_seconds=0.5)
    async with database.transaction():
        await database.execute("SELECT pg_advisory_xact_lock(hashtext('palaver schema palaver'))")
        waiting = asyncio.create_task(schema.apply())
        await asyncio.sleep(1)
    assert (await waiting).version == LATER.version


async def test_a_schema_that_was_made_for_us_is_enough(
    empty_postgres_url: str, postgres_server: PostgresServer
) -> None:
    """A user who owns an empty schema, and may make none, has a store there."""
    name = name_of(empty_postgres_url)
    postgres_server.execute("CREATE ROLE modest LOGIN")
    postgres_server.execute("CREATE SCHEMA palaver AUTHORIZATION modest", name)
    store = PostgresStore(empty_postgres_url.replace("palaver@", "modest@"))
    await store.open()
    await exchange(store, await make_conversation(store))
    await store.close()
    postgres_server.execute("DROP OWNED BY modest CASCADE; DROP ROLE modest", name)


async def test_a_newer_schema_that_has_room_for_us_is_used(empty_postgres_url: str) -> None:
    """A server goes on with a store that a newer one has migrated, for as long as that says it may."""
    conversation_id = await conversed(empty_postgres_url)
    await PostgresSchema(empty_postgres_url, KNOWN_LATER).apply()
    store = PostgresStore(empty_postgres_url)
    await store.open()
    conversation = await store.get_conversation(TENANT, conversation_id)
    assert conversation.message_count == 2
    await exchange(store, conversation)
    assert (await store.health()).schema_version == LATER.version
    await store.close()


async def test_a_schema_that_is_too_new_is_refused(empty_postgres_url: str, database: asyncpg.Connection) -> None:
    """A store that says that this program can't use it is not touched."""
    await conversed(empty_postgres_url)
    await database.execute("UPDATE schema_info SET version = 99, min_compatible = 99")
    with pytest.raises(SchemaTooNew):
        await PostgresStore(empty_postgres_url).open()
    with pytest.raises(SchemaTooNew):
        await PostgresSchema(empty_postgres_url).apply()


async def test_another_program_s_schema_is_refused(empty_postgres_url: str, database: asyncpg.Connection) -> None:
    """Tables that are not ours are left alone."""
    await database.execute("CREATE SCHEMA palaver; CREATE TABLE palaver.theirs (n int)")
    with pytest.raises(StoreRefused) as refused:
        await PostgresStore(empty_postgres_url).open()
    assert "?schema=" in refused.value.message
    assert [row[0] for row in await database.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'palaver'")] == [
        "theirs"
    ]
