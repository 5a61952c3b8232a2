"""The schema of a Redis store: a version, and steps that lead to the next one.

Redis has no tables to make: an empty store begins by the newest version, which says that the keys are a store of ours. A
step that leads an older store on is a function that reads and writes things in small pieces, so that one that was cut can be run
again.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager

from palaver.errors import StoreRefused
from palaver.stores.migrations import plan_of
from palaver.stores.redis.driver_errors import DRIVER_ERRORS, translated
from palaver.stores.redis.restorable import enter_restorable
from palaver.stores.redis.server import Address, Server, read_scripts
from palaver.stores.redis.stored import UNCOUNTED, UNFOUND, StoredTurn, id_of, unpacked
from palaver.stores.redis.untrained import enter_untrained
from palaver.stores.schema import SchemaPlan, SchemaStep

_META = "schema"
_AT_ONCE = 500
Take = Callable[[Server], Awaitable[None]]


async def _note(_server: Server) -> None:
    """The version alone says it."""


async def _stretches(server: Server, key: str) -> AsyncGenerator[Sequence[bytes]]:
    """Yield what is in a sorted set, a stretch at a time."""
    start = 0
    while members := await server.run(("ZRANGE", key, start, start + _AT_ONCE - 1)):
        yield members
        start += len(members)


async def _members(server: Server, index: str) -> AsyncGenerator[tuple[str, Sequence[bytes]]]:
    """Yield the ids of all tenants, each with every stretch of an index of its own."""
    async with aclosing(_stretches(server, server.keys.named("tenants"))) as tenants:
        async for ids in tenants:
            for tenant_id in map(bytes.decode, ids):
                async with aclosing(_stretches(server, server.keys.index(f"{index}:{tenant_id}"))) as stretches:
                    async for members in stretches:
                        yield tenant_id, members


async def _mark_all(server: Server) -> None:
    """All conversations that are there are to be counted: enter them in the indexes of those."""
    async with aclosing(_members(server, "conversations")) as found:
        async for tenant_id, members in found:
            entries = [word for member in members for word in (int(member.partition(b":")[0]), member)]
            for index in (UNCOUNTED, f"{UNCOUNTED}:{tenant_id}"):
                await server.run(("ZADD", server.keys.index(index), *entries))


async def _enter_unfound(server: Server) -> None:
    """Enter the turns whose model was given nothing of a document in the index of those."""
    async with aclosing(_members(server, "turns")) as found:
        async for tenant_id, members in found:
            kept = await server.ask([("GET", server.keys.of(StoredTurn.KIND, id_of(each))) for each in members])
            turns = [unpacked(StoredTurn, each) for each in kept if each is not None]
            entries = [word for each in turns if each.is_unfound for word in (each.created_at, each.member)]
            if entries:
                await server.run(("ZADD", server.keys.index(f"{UNFOUND}:{tenant_id}"), *entries))


STEPS: Mapping[SchemaStep, Take] = {
    SchemaStep(version=1, min_compatible=1, name="the first keys", script="Writes the version down."): _note,
    SchemaStep(
        version=2,
        min_compatible=2,
        name="what is untrained",
        script="Goes through all conversations and training documents, and enters those that a run of training has to look at.",
    ): enter_untrained,
    SchemaStep(
        version=3, min_compatible=3, name="figures", script="Has all conversations counted, in the background."
    ): _mark_all,
    SchemaStep(
        version=4,
        min_compatible=4,
        name="what was not found",
        script="Goes through all turns, and enters those whose model was given no passage of a document.",
    ): _enter_unfound,
    SchemaStep(
        version=5,
        min_compatible=5,
        name="widgets",
        script="Nothing: an older program would forget the widget of a bot it edits.",
    ): _note,
    SchemaStep(
        version=6,
        min_compatible=6,
        name="restored turns",
        script="Goes through all deleted turns, and enters them and their messages where a restore and a list find them.",
    ): enter_restorable,
}


async def version_of(server: Server) -> tuple[int, int]:
    """Return the version of a store and the oldest one that a program must know to use it; zeros for an empty one."""
    version, min_compatible = await server.run(("HMGET", server.keys.named(_META), "version", "min_compatible"))
    return int(version or 0), int(min_compatible or 0)


class RedisSchema:
    """``stores.schema.Schema``"""

    def __init__(self, url: str, known: Mapping[SchemaStep, Take] | None = None) -> None:
        self._address = Address.of(url)
        self._known = STEPS if known is None else known

    async def plan(self) -> SchemaPlan:
        async with self._connected() as server:
            return await self.plan_for(server)

    async def apply(self, taken: Callable[[SchemaStep], None] | None = None) -> SchemaPlan:
        async with self._connected() as server:
            return await self.apply_to(server, taken)

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[Server]:
        server = Server(self._address)
        await server.open(read_scripts())
        try:
            yield server
        except DRIVER_ERRORS as error:
            raise translated(error) from error
        finally:
            await server.close()

    async def plan_for(self, server: Server) -> SchemaPlan:
        """Say what a store lacks."""
        version, min_compatible = await version_of(server)
        return plan_of(version, min_compatible, self._steps())

    def _steps(self) -> Sequence[SchemaStep]:
        return sorted(self._known, key=lambda step: step.version)

    async def apply_to(self, server: Server, taken: Callable[[SchemaStep], None] | None = None) -> SchemaPlan:
        """Take the steps that a store lacks: an empty one, which has nothing to change, all of them at once.

        So whoever opens it in the same moment finds it empty or whole.
        """
        while (plan := await self.plan_for(server)).missing:
            steps = plan.missing if plan.version == 0 else plan.missing[:1]
            if plan.version:
                await self._known[steps[0]](server)
            if await _advance(server, plan.version, steps[-1]) and taken is not None:
                for step in steps:
                    taken(step)
        return plan


async def _advance(server: Server, version: int, step: SchemaStep) -> bool:
    """Write a version down, unless another process was faster."""
    key = server.keys.named(_META)
    words = (1, version or "", 3, "HGET", key, "version")
    write = ("HSET", key, "version", step.version, "min_compatible", step.min_compatible)
    return bool(await server.run(server.script("move", [key], *words, len(write), *write)))


async def prepare(schema: RedisSchema, server: Server) -> None:
    """Begin an empty store.

    Raises:
        StoreRefused: It is an older program's: to change it is for a person to decide. Or a newer one's.
    """
    plan = await schema.plan_for(server)
    if plan.version == 0:
        await schema.apply_to(server)
    elif plan.missing:
        raise StoreRefused(
            f"The store has schema {plan.version}, this program needs {plan.newest}: run `palaver migrate --store URL`."
        )
