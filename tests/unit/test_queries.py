"""Where the SQL stands."""

from __future__ import annotations

from importlib.resources.abc import Traversable

import pytest

from palaver.stores.postgres.extensions import Extensions
from palaver.stores.postgres.store import QUERIES as POSTGRES
from palaver.stores.queries import SHARED, load_queries
from palaver.stores.sqlite.store import QUERIES as SQLITE


def written(folder: Traversable) -> str:
    """All that stands in the files of a folder."""
    return "\n".join(file.read_text(encoding="utf-8") for file in folder.iterdir())


def test_what_both_databases_say_alike_stands_once() -> None:
    """A query that has one name and one text in SQLite and PostgreSQL is in the shared folder, and in no other."""
    sqlite, postgres = load_queries(SQLITE), load_queries(POSTGRES, Extensions().parts())
    alike = {name for name in sqlite.keys() & postgres.keys() if sqlite[name] == postgres[name]}
    own = {name for name in alike if f": {name}\n" in written(SQLITE) and f": {name}\n" in written(POSTGRES)}
    assert own == set()
    assert len(alike) >= 28
    assert all(f": {name}\n" in written(SHARED) for name in alike)


def test_a_name_is_one_querys(tmp_path) -> None:
    """A database that says something of its own under a shared name is refused before anything runs."""
    (tmp_path / "own.sql").write_text("-- name: tenant\nSELECT 1\n")
    with pytest.raises(ValueError, match="tenant"):
        load_queries(tmp_path)
