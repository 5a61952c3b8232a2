"""The PostgreSQL store on tables that are cut into partitions by tenant: what ``docs/scale.md`` promises, held to the contract."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace

import pytest

from palaver.stores.postgres import PostgresStore
from palaver.stores.postgres.schema import PostgresSchema, migrations
from palaver.testing import FakeClock
from palaver.testing.stores.chunks import ChunkConformance, ChunkSearchConformance, VectorConformance
from palaver.testing.stores.conversations import ListingConformance
from palaver.testing.stores.documents import DocumentConformance, IngestionConformance
from palaver.testing.stores.ends import FinishConformance, LogConformance, RecoveryConformance
from palaver.testing.stores.figures import FigureConformance
from palaver.testing.stores.lifecycle import DeletionConformance, LifecycleConformance
from palaver.testing.stores.messages import BranchConformance, MessageConformance
from palaver.testing.stores.quotes import QuoteConformance
from palaver.testing.stores.search import SearchConformance
from palaver.testing.stores.training import TrainingConformance
from palaver.testing.stores.turns import BeginConformance, QueueConformance
from servers.postgres import PostgresServer, name_of

WHOLE = ("meta", "tenants", "api_keys", "leases")
PARTITIONS = 4
_TABLE = re.compile(r"CREATE TABLE (\w+) \((.*?)\n\)( WITH \([^)]*\))?;", re.DOTALL)


def _partitioned(script: str) -> str:
    def table(found: re.Match[str]) -> str:
        name, columns, options = found[1], found[2], found[3] or ""
        if name in WHOLE:
            return found[0]
        parts = [
            f"CREATE TABLE {name}_{number} PARTITION OF {name}"
            f" FOR VALUES WITH (MODULUS {PARTITIONS}, REMAINDER {number}){options};"
            for number in range(PARTITIONS)
        ]
        return "\n".join([f"CREATE TABLE {name} ({columns}\n) PARTITION BY HASH (tenant_id);", *parts])

    return _TABLE.sub(table, script)


@pytest.fixture(scope="module")
def partitioned(postgres_server: PostgresServer) -> Iterator[str]:
    """A database whose tables are partitioned."""
    with postgres_server.database() as url:
        steps = [replace(step, script=_partitioned(step.script)) for step in migrations()]
        asyncio.run(PostgresSchema(url, steps).apply())
        yield url


class TestPartitioned(
    BeginConformance,
    QueueConformance,
    FinishConformance,
    FigureConformance,
    LogConformance,
    RecoveryConformance,
    MessageConformance,
    BranchConformance,
    ListingConformance,
    SearchConformance,
    DeletionConformance,
    LifecycleConformance,
    DocumentConformance,
    IngestionConformance,
    ChunkConformance,
    ChunkSearchConformance,
    VectorConformance,
    TrainingConformance,
    QuoteConformance,
):
    @pytest.fixture
    def clock(self) -> FakeClock:
        return FakeClock()

    @pytest.fixture
    async def store(
        self, postgres_server: PostgresServer, partitioned: str, clock: FakeClock
    ) -> AsyncIterator[PostgresStore]:
        postgres_server.empty(name_of(partitioned))
        store = PostgresStore(partitioned, clock=clock)
        await store.open()
        yield store
        await store.close()

    def test_the_tables_are_partitioned(self, partitioned: str, postgres_server: PostgresServer) -> None:
        """What these tests run on is what they say."""
        assert int(postgres_server.execute("SELECT count(*) FROM pg_partitioned_table", name_of(partitioned))) >= 19
