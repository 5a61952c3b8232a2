"""The way to the server: scripts are sent, a slot at a time where that matters, and errors come back as ours."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from redis.asyncio.cluster import RedisCluster
from redis.exceptions import NoScriptError

from palaver.errors import PalaverError, StoreUnavailable
from palaver.stores.redis.connection import Client, Place
from palaver.stores.redis.driver_errors import (
    DRIVER_ERRORS,
    RETRY_AFTER_SECONDS,
    fell_silent,
    lost_connection,
    translated,
)
from palaver.stores.redis.script import Call, Command, step

_AT_ONCE = 32
_ACQUIRE_SECONDS = 5.0
_PAUSE_SECONDS = 0.25
"""After a connection that could not be made nobody tries for about so long: a server that comes back is not run over."""


def slot_of(key: str) -> str:
    """Return what decides where a key lies: what is in its first braces, else all of it."""
    _, opened, rest = key.partition("{")
    tag, closed, _ = rest.partition("}")
    return tag if opened and closed and tag else key


class Wire:
    """A client, used by at most 32 at once.

    ``is_cluster``: what lies in several slots can't be done in one step.
    """

    def __init__(self, place: Place) -> None:
        self._place = place
        self._client: Client | None = None
        self._room = asyncio.Semaphore(_AT_ONCE)
        self._refused: PalaverError | None = None
        self._refused_until = 0.0
        self.is_cluster = False

    async def open(self) -> None:
        """Connect."""
        self._client = await self._place.connect()
        self.is_cluster = isinstance(self._client, RedisCluster)

    async def close(self) -> None:
        """Wait for nobody, and hang up."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    async def ask(self, commands: Sequence[Command]) -> list[Any]:
        """Run commands that read, those of one slot in one snapshot; return their answers. Without a connection they are
        sent once more."""
        try:
            return await self._ask(commands)
        except DRIVER_ERRORS as error:
            if fell_silent(error) or not lost_connection(error):
                raise translated(error) from error
        return await self.put(commands)

    async def put(self, commands: Sequence[Command]) -> list[Any]:
        """Run commands, those of one slot in one step; return their answers."""
        try:
            return await self._ask(commands)
        except DRIVER_ERRORS as error:
            raise translated(error) from error

    async def run(self, call: Call) -> Any:
        """Run a script; return its answer."""
        try:
            return await self._run(call)
        except DRIVER_ERRORS as error:
            raise translated(error) from error

    async def run_all(self, calls: Sequence[Call]) -> list[Any]:
        """Run scripts, each a step of its own; return their answers."""
        if len(calls) == 1:
            return [await self.run(calls[0])]
        if self.is_cluster:
            return list(await asyncio.gather(*(self.run(call) for call in calls)))
        try:
            return await self._pipelined(calls)
        except NoScriptError:
            return [await self.run(call) for call in calls]
        except DRIVER_ERRORS as error:
            raise translated(error) from error

    async def say(self, *words: str) -> Any:
        """Run one command that has no key. In a cluster any node's answer will do."""
        async with self._translating() as client:
            options = {"target_nodes": client.get_default_node()} if isinstance(client, RedisCluster) else {}
            return await client.execute_command(*words, **options)

    @asynccontextmanager
    async def _translating(self) -> AsyncIterator[Client]:
        try:
            async with self._lent() as client:
                yield client
        except DRIVER_ERRORS as error:
            raise translated(error) from error

    async def info(self, section: str) -> dict[str, str]:
        """Return a section of what the server says of itself."""
        found: dict[str, Any] = await self.say("INFO", section)
        return {str(name): str(value) for name, value in found.items()}

    async def config(self, name: str) -> dict[str, str]:
        """Return a setting of the server.

        Raises:
            StoreRefused, StoreUnavailable: It may not be asked for.
        """
        found: dict[Any, Any] = await self.say("CONFIG GET", name)
        return {_text(key): _text(value) for key, value in found.items()}

    async def _ask(self, commands: Sequence[Command]) -> list[Any]:
        if not commands:
            return []
        if not self.is_cluster:
            answers: list[Any] = await self._run(step(commands))
            return answers
        slots: dict[str, list[int]] = {}
        for number, command in enumerate(commands):
            slots.setdefault(slot_of(str(command[1])), []).append(number)
        parts = await asyncio.gather(
            *(self._run(step([commands[number] for number in numbers])) for numbers in slots.values())
        )
        found = {
            number: answer
            for numbers, part in zip(slots.values(), parts, strict=True)
            for number, answer in zip(numbers, part, strict=True)
        }
        return [found[number] for number in range(len(commands))]

    async def _run(self, call: Call) -> Any:
        async with self._lent() as client:
            try:
                return await client.execute_command("EVALSHA", call.script.sha, *call.words())
            except NoScriptError:
                return await client.execute_command("EVAL", call.script.body, *call.words())

    async def _pipelined(self, calls: Sequence[Call]) -> list[Any]:
        async with self._lent() as client:
            pipeline = client.pipeline(transaction=False)
            for call in calls:
                pipeline.execute_command("EVALSHA", call.script.sha, *call.words())
            answers: list[Any] = await pipeline.execute()
            return answers

    @asynccontextmanager
    async def _lent(self) -> AsyncIterator[Client]:
        client = self._client
        if client is None:
            raise StoreUnavailable("The store is not open.")
        try:
            async with asyncio.timeout(_ACQUIRE_SECONDS):
                await self._room.acquire()
        except TimeoutError as error:
            raise StoreUnavailable(
                "All connections to the database are in use.", retry_after_seconds=RETRY_AFTER_SECONDS
            ) from error
        try:
            if self._refused is not None and time.monotonic() < self._refused_until:
                raise self._refused
            yield client
            self._refused = None
        except DRIVER_ERRORS as error:
            if self._refused is not None and lost_connection(error):
                self._refused_until = time.monotonic() + _PAUSE_SECONDS * (0.5 + random.random())
            if lost_connection(error):
                self._refused = translated(error)
            raise
        finally:
            self._room.release()


def _text(word: Any) -> str:
    return word.decode() if isinstance(word, bytes) else str(word)
