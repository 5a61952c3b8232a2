"""A hub over a real SQLite file, with a model that a test scripts."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest

from palaver.config import Settings
from palaver.hub import HubRoot
from palaver.models.base import ChatModel

OpenHub = Callable[[ChatModel], AbstractAsyncContextManager[HubRoot]]


@pytest.fixture
def open_hub(tmp_path: Path) -> OpenHub:
    """Open a root on this test's file; every bot may name ``model``. May be opened twice: two processes in one."""

    @asynccontextmanager
    async def opened(model: ChatModel) -> AsyncIterator[HubRoot]:
        settings = Settings(store=str(tmp_path / "chat.db"), default_model="model")
        async with HubRoot.open(settings, models={"model": model}) as root:
            yield root

    return opened
