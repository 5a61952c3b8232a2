"""What the log of our own process says of a failure, and what it must not say."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator

import pytest
import structlog

from palaver.background import forever
from palaver.server.logs import configure_structlog
from palaver.stores.postgres import PostgresStore

PASSWORD = "hunter2secret"


@pytest.fixture
def logs() -> Iterator[None]:
    """Our logs, as a server writes them."""
    configure_structlog(logging.INFO)
    yield
    structlog.reset_defaults()


@pytest.mark.usefixtures("logs")
async def test_a_refused_connection_shows_no_password(postgres_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A database that lets nobody in any more is logged with its whole traceback, but not with the password."""
    store = PostgresStore(postgres_url.replace("palaver@", f"nobody_there:{PASSWORD}@"))

    async def listen() -> None:
        await anext(store.wakeups())

    listening = asyncio.create_task(forever("wakeups", listen))
    logged = ""
    async with asyncio.timeout(5):
        while "background_broke" not in logged:
            await asyncio.sleep(0.02)
            logged += capsys.readouterr().err
    listening.cancel()
    assert "StoreRefused" in logged
    assert PASSWORD not in logged
    assert PASSWORD not in repr(store._line._database)
