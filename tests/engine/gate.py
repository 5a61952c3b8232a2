"""A chat model that says what the test says, when the test says it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager

from palaver.errors import ModelError
from palaver.models.base import ChatModel, Ended, Prompt, Said, TextSaid
from palaver.models.patience import Patience, PatientModel


class GateCall:
    """One call: open until the engine leaves it."""

    def __init__(self, prompt: Prompt) -> None:
        self.prompt = prompt
        self.steps: asyncio.Queue[Said | ModelError] = asyncio.Queue()
        self.is_open = True


class Gate:
    """A ``ChatModel``; the newest call is the one that ``say``, ``end`` and ``fail`` speak through."""

    has_vision = False

    def __init__(self) -> None:
        self.calls: list[GateCall] = []
        self._changed = asyncio.Event()

    @property
    def open_calls(self) -> int:
        """How many calls are open."""
        return sum(call.is_open for call in self.calls)

    def say(self, text: str) -> None:
        """Say a piece of the answer."""
        self.calls[-1].steps.put_nowait(TextSaid(text))

    def end(self) -> None:
        """Say the end marker."""
        self.calls[-1].steps.put_nowait(Ended())

    def fail(self, error: ModelError) -> None:
        """Break."""
        self.calls[-1].steps.put_nowait(error)

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait until calls were opened or left so that this holds."""
        async with asyncio.timeout(5):
            while not holds():
                await self._changed.wait()

    def _note(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    @asynccontextmanager
    async def stream(self, prompt: Prompt) -> AsyncIterator[AsyncIterator[Said]]:
        """See ``ChatModel``."""
        call = GateCall(prompt)
        self.calls.append(call)
        self._note()
        try:
            yield _read(call)
        finally:
            call.is_open = False
            self._note()


async def _read(call: GateCall) -> AsyncIterator[Said]:
    while True:
        step = await call.steps.get()
        if isinstance(step, ModelError):
            raise step
        yield step
        if isinstance(step, Ended):
            return


class Gates:
    """A ``ModelCatalog`` of models given by name, as patient as those of the real one."""

    def __init__(self, models: Mapping[str, ChatModel]) -> None:
        self._models = models

    def find(self, name: str) -> ChatModel:
        """See ``ModelCatalog``."""
        return PatientModel(self._models[name], Patience())

    def default_name(self) -> str:
        """See ``ModelCatalog``."""
        return next(iter(self._models))
