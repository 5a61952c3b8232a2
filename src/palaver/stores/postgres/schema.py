"""The schema of a PostgreSQL store: each migration is one transaction together with the version it leads to.

One that was cut leaves nothing behind and can be run again; two processes that migrate wait for each other. An empty
database takes all of them in one transaction: who opens it meanwhile finds it empty, or whole.
``schema_info`` says which version is there and the oldest one a program must know to use it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from importlib.resources import files

from palaver.errors import StoreRefused
from palaver.stores.migrations import load_steps, plan_of
from palaver.stores.postgres.connection import Connection, Database
from palaver.stores.postgres.driver_errors import DRIVER_ERRORS, translated
from palaver.stores.schema import SchemaPlan, SchemaStep

_NO_TIMEOUTS = "SET statement_timeout = 0; SET lock_timeout = 0; SET idle_in_transaction_session_timeout = 0"
_STEP_SECONDS = 24 * 3600.0  # of the driver, which has no "never"; the server has none
_INFO = "CREATE TABLE IF NOT EXISTS schema_info (version integer NOT NULL, min_compatible integer NOT NULL)"
_TABLES = (
    "SELECT array_agg(relname::text) FROM pg_class WHERE relnamespace = to_regnamespace($1) AND relkind IN ('r', 'p')"
)


def migrations() -> Sequence[SchemaStep]:
    """Return all steps that this program knows, in order. Reads files."""
    return load_steps(files("palaver.stores.postgres").joinpath("migrations"))


class PostgresSchema:
    """``stores.schema.Schema``"""

    def __init__(self, url: str, known: Sequence[SchemaStep] | None = None) -> None:
        self._database = Database.at(url)
        self._known = migrations() if known is None else known

    async def plan(self) -> SchemaPlan:
        async with self._connected() as connection:
            return await self._plan(connection)

    async def apply(self, taken: Callable[[SchemaStep], None] | None = None) -> SchemaPlan:
        async with self._connected() as connection:
            await connection.execute(_NO_TIMEOUTS, timeout=self._database.statement_seconds)
            while (plan := await self._plan(connection)).missing:
                steps = plan.missing if plan.version == 0 else plan.missing[:1]
                if await self._take(connection, steps) and taken is not None:
                    for step in steps:
                        taken(step)
            return plan

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[Connection]:
        connection = await self._database.connect()
        try:
            yield connection
        except DRIVER_ERRORS as error:
            raise translated(error) from error
        finally:
            connection.terminate()

    async def _plan(self, connection: Connection) -> SchemaPlan:
        version, min_compatible = await self._version(connection)
        return plan_of(version, min_compatible, self._known)

    async def _version(self, connection: Connection) -> tuple[int, int]:
        schema = self._database.schema
        tables = await connection.fetchval(_TABLES, schema) or []
        if "schema_info" not in tables:
            if tables:
                raise StoreRefused(f"The schema {schema} is another program's: name another, ?schema=… in the address.")
            return 0, 0
        row = await connection.fetchrow("SELECT version, min_compatible FROM schema_info")
        return (row[0], row[1]) if row else (0, 0)

    async def _take(self, connection: Connection, steps: Sequence[SchemaStep]) -> bool:
        """Take steps together, unless another process was faster."""
        schema = self._database.schema
        async with connection.transaction():
            lock = "SELECT pg_advisory_xact_lock(hashtext('palaver schema ' || $1))"
            await connection.execute(lock, schema, timeout=_STEP_SECONDS)  # another process may be at a long step
            version, _ = await self._version(connection)
            if version >= steps[0].version:
                return False
            if version == 0:
                if await connection.fetchval("SELECT to_regnamespace($1) IS NULL", schema):
                    await connection.execute(f"CREATE SCHEMA {schema}")  # whose schema was made for it may not do this
                await connection.execute(_INFO)
            for step in steps:
                await connection.execute(step.script, timeout=_STEP_SECONDS)
            await connection.execute("DELETE FROM schema_info")
            await connection.execute(
                "INSERT INTO schema_info (version, min_compatible) VALUES ($1, $2)",
                steps[-1].version,
                steps[-1].min_compatible,
            )
        return True


async def prepare(schema: PostgresSchema) -> None:
    """Make the tables of an empty database.

    Raises:
        StoreRefused: They are an older program's: to change them is for a person to decide. Or a newer one's.
    """
    plan = await schema.plan()
    if plan.version == 0:
        await schema.apply()
    elif plan.missing:
        raise StoreRefused(
            f"The database has schema {plan.version}, this program needs {plan.newest}: run `palaver migrate --store URL`."
        )
