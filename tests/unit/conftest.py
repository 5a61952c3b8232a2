"""Fixtures of the tests of single parts."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import asyncpg
import pytest
from command_line import Command, Ran

from palaver.cli.main import run
from palaver.stores.postgres import PostgresStore
from palaver.testing import FakeClock


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Command:
    """Runs the command line in this process, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    for name in ("PALAVER_STORE", "PALAVER_API_KEY", "OPENAI_API_KEY", "OPENAI_BASE_URL", "GROQ_API_KEY"):
        monkeypatch.delenv(name, raising=False)

    def ran(*arguments: str) -> Ran:
        capsys.readouterr()
        with pytest.raises(SystemExit) as left:
            run(arguments)
        said = capsys.readouterr()
        return Ran(int(left.value.code or 0), said.out, said.err)

    return ran


@pytest.fixture
def clock() -> FakeClock:
    """The clock of the stores."""
    return FakeClock()


@pytest.fixture
async def stores(postgres_url: str, clock: FakeClock) -> AsyncIterator[list[PostgresStore]]:
    """Two stores on one PostgreSQL database, as two processes have them."""
    async with AsyncExitStack() as stack:
        opened = []
        for _ in range(2):
            store = PostgresStore(postgres_url, clock=clock)
            await store.open()
            stack.push_async_callback(store.close)
            opened.append(store)
        yield opened


@pytest.fixture
async def database(postgres_url: str) -> AsyncIterator[asyncpg.Connection]:
    """The database, from the side."""
    connection = await asyncpg.connect(postgres_url, server_settings={"search_path": "palaver"})
    yield connection
    await connection.close()
