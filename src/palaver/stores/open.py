"""From an address to a store."""

from __future__ import annotations

from palaver.clock import Clock
from palaver.errors import StoreRefused
from palaver.stores.base import Store

_SQLITE = "sqlite:///"
_LATER = ("postgresql", "postgres", "redis", "rediss")


def store_for(url: str, *, clock: Clock | None = None) -> Store:
    """Return the store at an address; it is not opened yet.

    ``sqlite:///file.db`` is relative, ``sqlite:////var/file.db`` absolute; a bare path is a SQLite file, too, and
    ``:memory:`` (or ``sqlite://``) a database that nothing outlives.

    Raises:
        StoreRefused: The address names no store that this version has.
    """
    from palaver.stores.sqlite import SqliteStore  # adapters are imported when they are used

    scheme, separator, _ = url.partition("://")
    if not separator:
        if not url:
            raise StoreRefused("A store needs an address: sqlite:///palaver.db, a path, or :memory:.")
        return SqliteStore(url, clock=clock)
    if url in ("sqlite://", "sqlite:///:memory:"):
        return SqliteStore(":memory:", clock=clock)
    if url.startswith(_SQLITE) and len(url) > len(_SQLITE):
        return SqliteStore(url.removeprefix(_SQLITE), clock=clock)
    if scheme in _LATER:
        raise StoreRefused(f"This version has no {scheme} store yet: use sqlite:///palaver.db.")
    raise StoreRefused(f"{scheme}:// is no store: use sqlite:///palaver.db, a path, or :memory:.")
