"""From an address to a store."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlsplit

from palaver.clock import Clock
from palaver.errors import StoreRefused
from palaver.stores.base import Store
from palaver.stores.schema import Schema

POOL_SIZE = 5
_MEMORY = ":memory:"
_SQLITE = "sqlite:///"
_PASSWORD = re.compile(r"(?<=://)([^/?@:]*):.*@|([?&]password=)[^&]*")  # greedy: rather too much than a part of it


class Engine(StrEnum):
    """What keeps the rows."""

    SQLITE = "sqlite"
    POSTGRES = "postgresql"
    REDIS = "redis"


_ENGINES = {
    "postgresql": Engine.POSTGRES,
    "postgres": Engine.POSTGRES,
    "redis": Engine.REDIS,
    "rediss": Engine.REDIS,
}
_EXTRAS = {Engine.POSTGRES: "postgres", Engine.REDIS: "redis"}
_DRIVERS = frozenset({"asyncpg", "redis"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """``place`` is a path for SQLite (``:memory:`` is none), and the whole URL for a server."""

    engine: Engine
    place: str

    @property
    def is_memory(self) -> bool:
        """Whether nothing outlives the process."""
        return self.place == _MEMORY


def address_of(url: str) -> Address:
    """Read an address.

    ``sqlite:///file.db`` is relative, ``sqlite:////var/file.db`` absolute; a bare path is a SQLite file, too, and
    ``:memory:`` (or ``sqlite://``) a database that nothing outlives. ``postgresql://…`` and ``redis://…`` name a server.

    Raises:
        StoreRefused: The address names no store.
    """
    scheme, separator, _ = url.partition("://")
    if not separator:
        if not url:
            raise StoreRefused("A store needs an address: sqlite:///palaver.db, a path, or :memory:.")
        _refuse_slip(url)
        return Address(engine=Engine.SQLITE, place=url)
    if url in ("sqlite://", "sqlite:///:memory:"):
        return Address(engine=Engine.SQLITE, place=_MEMORY)
    if url.startswith(_SQLITE) and len(url) > len(_SQLITE):
        return Address(engine=Engine.SQLITE, place=url.removeprefix(_SQLITE))
    if scheme in _ENGINES:
        _refuse_garbled(url)
        return Address(engine=_ENGINES[scheme], place=url)
    raise StoreRefused(f"{scheme}:// is no store: use sqlite:///palaver.db, a path, postgresql://… or redis://….")


def _refuse_slip(path: str) -> None:
    """``postgresql:/user:password@host`` is no file that anybody wants."""
    scheme = path.partition(":")[0]
    if scheme != path and scheme in (Engine.SQLITE, *_ENGINES):
        raise StoreRefused(
            f"{scheme}: without // is no address: use sqlite:///palaver.db, postgresql://… or redis://…."
        )


def _refuse_garbled(url: str) -> None:
    try:
        urlsplit(url)
    except ValueError:  # its words may hold a piece of the password
        raise StoreRefused("The address can't be read: what is special in its password is written like %2F.") from None


def without_password(url: str) -> str:
    """Return an address as it may be printed and logged."""

    def starred(found: re.Match[str]) -> str:
        return f"{found[2]}***" if found[2] else f"{found[1]}:***@"

    return _PASSWORD.sub(starred, url)


def store_for(url: str, *, clock: Clock | None = None, pool_size: int = POOL_SIZE) -> Store:
    """Return the store at an address (see ``address_of``); it is not opened yet.

    ``pool_size`` is how many connections to a database server this process opens at most, next to one for wake-ups.

    Raises:
        StoreRefused: The address names no store, or its driver is not installed.
    """
    address = address_of(url)
    with _driver_of(address.engine):
        match address.engine:  # adapters are imported when they are used
            case Engine.SQLITE:
                from palaver.stores.sqlite import SqliteStore

                return SqliteStore(address.place, clock=clock)
            case Engine.POSTGRES:
                from palaver.stores.postgres import PostgresStore

                return PostgresStore(address.place, clock=clock, pool_size=pool_size)
            case Engine.REDIS:
                from palaver.stores.redis import RedisStore

                return RedisStore(address.place, clock=clock)


def schema_for(url: str) -> Schema:
    """Return the schema of the store at an address (see ``address_of``), which need not be open.

    Raises:
        StoreRefused: The address names no store, or its driver is not installed.
    """
    address = address_of(url)
    with _driver_of(address.engine):
        match address.engine:
            case Engine.SQLITE:
                from palaver.stores.sqlite.schema import SqliteSchema

                return SqliteSchema(address.place)
            case Engine.POSTGRES:
                from palaver.stores.postgres.schema import PostgresSchema

                return PostgresSchema(address.place)
            case Engine.REDIS:
                from palaver.stores.redis.schema import RedisSchema

                return RedisSchema(address.place)


@contextmanager
def _driver_of(engine: Engine) -> Iterator[None]:
    try:
        yield
    except ModuleNotFoundError as error:
        extra = _EXTRAS.get(engine)
        if extra is None or error.name not in _DRIVERS:
            raise
        raise StoreRefused(f"The driver of {engine} is not installed: pip install 'palaver[{extra}]'") from error
