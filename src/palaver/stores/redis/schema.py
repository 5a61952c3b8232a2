"""The schema of a Redis store: which layout of keys it has. ``{all}:schema`` says so, and the oldest one that a program must
know to use it.

A step is a function that can be run again after it was cut; the version is written when it is done.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

from palaver.errors import StoreRefused
from palaver.stores.migrations import plan_of
from palaver.stores.redis.connection import Place
from palaver.stores.redis.keys import Keys
from palaver.stores.redis.script import step as step_call
from palaver.stores.redis.wire import Wire
from palaver.stores.schema import SchemaPlan, SchemaStep

OLDEST = (6, 2)
"""The oldest server that has all commands."""

Take = Callable[[Wire, Keys], Awaitable[None]]


async def _nothing(_wire: Wire, _keys: Keys) -> None:
    """An empty store has the first layout."""


_FIRST = SchemaStep(
    version=1, min_compatible=1, name="the first layout", script="Keys are as palaver/stores/redis/keys.py says.\n"
)
STEPS: Sequence[tuple[SchemaStep, Take]] = ((_FIRST, _nothing),)


class RedisSchema:
    """``stores.schema.Schema``"""

    def __init__(self, url: str, known: Sequence[tuple[SchemaStep, Take]] = STEPS) -> None:
        self._place = Place.at(url)
        self._keys = Keys(self._place.prefix)
        self._known = known

    async def plan(self) -> SchemaPlan:
        async with self._connected() as wire:
            return await self._plan(wire)

    async def apply(self, taken: Callable[[SchemaStep], None] | None = None) -> SchemaPlan:
        async with self._connected() as wire:
            while (plan := await self._plan(wire)).missing:
                step = plan.missing[0]
                await next(take for known, take in self._known if known.version == step.version)(wire, self._keys)
                if await self._write(wire, plan.version, step) and taken is not None:
                    taken(step)
            return plan

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[Wire]:
        wire = Wire(self._place)
        await wire.open()
        try:
            await self._refuse_old(wire)
            yield wire
        finally:
            await wire.close()

    async def _refuse_old(self, wire: Wire) -> None:
        version = (await wire.info("server")).get("redis_version", "0.0")
        major, minor, *_ = (int(part) for part in version.split("."))
        if (major, minor) < OLDEST:
            raise StoreRefused(f"This is Redis {version}: Palaver needs {OLDEST[0]}.{OLDEST[1]} or newer.")

    async def _plan(self, wire: Wire) -> SchemaPlan:
        found = (await wire.ask([("HMGET", self._keys.all("schema"), "version", "min_compatible")]))[0]
        version, min_compatible = (int(each or 0) for each in found)
        return plan_of(version, min_compatible, [step for step, _ in self._known])

    async def _write(self, wire: Wire, version: int, step: SchemaStep) -> bool:
        """Note that a step was taken, unless another process was faster."""
        key = self._keys.all("schema")
        words = ("version", step.version, "min_compatible", step.min_compatible)
        expected = str(version) if version else ""
        call = step_call([("HSET", key, *words)], checks=[(("HGET", key, "version"), expected)])
        return isinstance(await wire.run(call), list)


async def prepare(schema: RedisSchema) -> None:
    """Make an empty database ours.

    Raises:
        StoreRefused: It has an older program's layout: to change that is for a person to decide. Or a newer one's.
    """
    plan = await schema.plan()
    if plan.version == 0:
        await schema.apply()
    elif plan.missing:
        raise StoreRefused(
            f"The database has schema {plan.version}, this program needs {plan.newest}: run `palaver migrate --store URL`."
        )
