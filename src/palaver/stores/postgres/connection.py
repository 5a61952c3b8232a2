"""Where the database is, and how a connection to it is made."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TypeAlias
from urllib.parse import parse_qsl, urlencode

import asyncpg

from palaver.errors import StoreRefused
from palaver.stores.postgres.driver_errors import DRIVER_ERRORS, translated

Connection: TypeAlias = asyncpg.Connection

SCHEMA = "palaver"
_SCHEMA_NAME = re.compile(r"[a-z_][a-z0-9_]{0,47}")
_STATEMENTS_CACHED = 400
_OLDEST = 13

# jit: its compiler takes longer than any of our statements. The plan of each is made once, for tables of any size: by
# look-ups, whatever the values of the moment. The time-outs are so that nothing waits for ever for anything.
_SETTINGS = """
SELECT set_config('search_path', $1, false), set_config('application_name', 'palaver', false), set_config('jit', 'off', false),
    set_config('plan_cache_mode', 'force_generic_plan', false), set_config('enable_seqscan', 'off', false),
    set_config('enable_hashjoin', 'off', false), set_config('enable_mergejoin', 'off', false),
    set_config('statement_timeout', '10s', false), set_config('lock_timeout', '5s', false),
    set_config('idle_in_transaction_session_timeout', '5s', false),
    set_config('default_transaction_isolation', 'read committed', false),
    set_config('synchronous_commit',
        CASE current_setting('synchronous_commit') WHEN 'remote_apply' THEN 'remote_apply' ELSE 'on' END, false)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Database:
    """A database, and the schema in it that holds everything of ours."""

    url: str = field(repr=False)  # it may hold a password
    schema: str
    connect_seconds: int = 5
    statement_seconds: float = 12.0

    @classmethod
    def at(cls, url: str) -> Database:
        """Return what an address names: ``postgresql://user@host/database?schema=palaver``.

        Behind the ``?`` may also stand what asyncpg knows (``sslmode`` and its like), and settings of a session.

        Raises:
            StoreRefused: The schema's name is none.
        """
        place, _, query = url.partition("?")
        options = dict(parse_qsl(query))
        schema = options.pop("schema", SCHEMA)
        if not _SCHEMA_NAME.fullmatch(schema):
            raise StoreRefused("A schema is named with small letters, digits and _: ?schema=palaver.")
        return cls(url=f"{place}?{urlencode(options)}" if options else place, schema=schema)

    async def connect(self) -> Connection:
        """Return a new connection, whose commits are strict.

        Raises:
            StoreUnavailable, StoreRefused.
        """
        try:
            return await self._connect()
        except asyncpg.exceptions.ClientConfigurationError as error:
            raise StoreRefused(f"This is no address of a PostgreSQL database: {error}") from error
        except DRIVER_ERRORS as error:
            raise translated(error) from error
        except ValueError:  # of the driver's own parser, whose words may hold a piece of the password
            raise StoreRefused(
                "This is no address of a PostgreSQL database: what is special in its password is written like %2F."
            ) from None

    async def _connect(self) -> Connection:
        connection: Connection = await asyncpg.connect(
            self.url,
            timeout=self.connect_seconds,
            command_timeout=self.statement_seconds,
            statement_cache_size=_STATEMENTS_CACHED,
            max_cached_statement_lifetime=0,
            max_cacheable_statement_size=0,
        )
        try:
            _refuse_unfit(connection)
            await connection.fetchrow(_SETTINGS, self.schema)
        except BaseException:
            connection.terminate()
            raise
        return connection


def _refuse_unfit(connection: Connection) -> None:
    if connection.get_server_version().major < _OLDEST:
        raise StoreRefused(f"This PostgreSQL is too old: Palaver needs {_OLDEST} or newer.")
    if connection.get_settings().server_encoding != "UTF8":
        raise StoreRefused("The database does not keep UTF-8: create one with ENCODING 'UTF8'.")
