"""From an address to a store."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from palaver.clock import Clock
from palaver.errors import StoreRefused
from palaver.stores.base import Store
from palaver.stores.schema import Schema

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
    ``:memory:`` (or ``sqlite://``) a database that nothing outlives.

    Raises:
        StoreRefused: The address names no store.
    """
    scheme, separator, _ = url.partition("://")
    if not separator:
        if not url:
            raise StoreRefused("A store needs an address: sqlite:///palaver.db, a path, or :memory:.")
        return Address(engine=Engine.SQLITE, place=url)
    if url in ("sqlite://", "sqlite:///:memory:"):
        return Address(engine=Engine.SQLITE, place=_MEMORY)
    if url.startswith(_SQLITE) and len(url) > len(_SQLITE):
        return Address(engine=Engine.SQLITE, place=url.removeprefix(_SQLITE))
    if scheme in _ENGINES:
        return Address(engine=_ENGINES[scheme], place=url)
    raise StoreRefused(f"{scheme}:// is no store: use sqlite:///palaver.db, a path, or :memory:.")


def without_password(url: str) -> str:
    """Return an address as it may be printed and logged."""

    def starred(found: re.Match[str]) -> str:
        return f"{found[2]}***" if found[2] else f"{found[1]}:***@"

    return _PASSWORD.sub(starred, url)


def store_for(url: str, *, clock: Clock | None = None) -> Store:
    """Return the store at an address (see ``address_of``); it is not opened yet.

    Raises:
        StoreRefused: The address names no store that this version has.
    """
    address = address_of(url)
    match address.engine:  # adapters are imported when they are used
        case Engine.SQLITE:
            from palaver.stores.sqlite import SqliteStore

            return SqliteStore(address.place, clock=clock)
        case Engine.POSTGRES | Engine.REDIS:
            raise _not_yet(address.engine)


def schema_for(url: str) -> Schema:
    """Return the schema of the store at an address (see ``address_of``), which need not be open.

    Raises:
        StoreRefused: The address names no store that this version has.
    """
    address = address_of(url)
    match address.engine:
        case Engine.SQLITE:
            from palaver.stores.sqlite.schema import SqliteSchema

            return SqliteSchema(address.place)
        case Engine.POSTGRES | Engine.REDIS:
            raise _not_yet(address.engine)


def _not_yet(engine: Engine) -> StoreRefused:
    return StoreRefused(f"This version has no {engine} store yet: use sqlite:///palaver.db.")
