"""The one thread that writes, with group commit.

It takes every operation that waits, runs them one after the other in one transaction and commits once: a disk that
syncs 200 times a second still takes thousands of turns. An operation that fails having changed nothing (a conflict, an
unknown id: nearly all) simply gets its error. One that fails half-way makes the group start over with a savepoint
around each; one that the database itself refuses makes each run alone, so that it fails for itself only.

A group with any strict operation commits with ``synchronous = FULL`` (it survives a power cut), a group of cheap ones
with ``NORMAL`` (it survives the process).
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, NamedTuple, TypeVar

from palaver.clock import Clock
from palaver.errors import PalaverError
from palaver.stores.sqlite.connection import Database
from palaver.stores.sqlite.delivery import Answer, deliver
from palaver.stores.sqlite.driver_errors import breaks_connection, is_locked, translated
from palaver.stores.sqlite.jobs import Jobs
from palaver.stores.sqlite.transaction import Operation, Transaction

T = TypeVar("T")
_GROUP_MAX = 1024


class _Job(NamedTuple):
    future: asyncio.Future[Any]
    operation: Callable[[Any], Any]
    strict: bool
    alone: bool  # runs outside a transaction, with the connection itself


class Writer:
    """Owns the writing connection from its start to its stop."""

    def __init__(self, database: Database, queries: Mapping[str, str], clock: Clock) -> None:
        self._database = database
        self._queries = queries
        self._clock = clock
        self._jobs: Jobs[_Job] = Jobs()
        self._connection: sqlite3.Connection | None = None
        self._synchronous = ""
        self._thread = threading.Thread(target=self._work, name="palaver-writer", daemon=True)

    def start(self, connection: sqlite3.Connection) -> None:
        """Take over an opened connection and begin to work."""
        self._connection = connection
        self._thread.start()
        self._jobs.open()

    def stop(self) -> None:
        """Finish what was submitted and close the connection. Blocks."""
        self._jobs.close(workers=1)
        if self._thread.ident is not None:
            self._thread.join()

    async def write(self, operation: Operation[T], *, cheap: bool = False) -> T:
        """Run an operation in a transaction and return what it returned, once that is committed."""
        return await self._submit(operation, strict=not cheap, alone=False)

    async def alone(self, operation: Callable[[sqlite3.Connection], T]) -> T:
        """Run something that can't be done in a transaction."""
        return await self._submit(operation, strict=True, alone=True)

    async def _submit(self, operation: Callable[[Any], T], *, strict: bool, alone: bool) -> T:
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._jobs.put(_Job(future, operation, strict, alone))
        return await future

    def _work(self) -> None:
        while (job := self._jobs.next()) is not None:
            deliver(self._answers(self._jobs.group(job, _GROUP_MAX)))
        if self._connection is not None:
            self._connection.close()

    def _answers(self, jobs: Sequence[_Job]) -> Iterator[Answer]:
        """Run the jobs in their order: in groups, and by themselves those that need no transaction."""
        for alone, jobs_of_a_kind in groupby(jobs, key=lambda job: job.alone):
            group = list(jobs_of_a_kind)
            yield from map(self._run_alone, group) if alone else self._settled(group)

    def _settled(self, group: Sequence[_Job]) -> Sequence[Answer]:
        """Run a group, and whatever of it must be run again after a failure."""
        try:
            return self._committed(group)
        except _HalfDone:
            return [answer for job in group for answer in self._settled([job])]
        except sqlite3.Error as error:
            self._recover(error)
            if len(group) == 1 or breaks_connection(error) or is_locked(error):
                return [Answer(job.future, None, translated(error)) for job in group]
            return [answer for job in group for answer in self._settled([job])]
        except Exception as error:  # noqa: BLE001 - the loop of a thread: a bug in an operation is its caller's to see
            if len(group) == 1:
                return [Answer(group[0].future, None, error)]
            return [answer for job in group for answer in self._settled([job])]

    def _committed(self, group: Sequence[_Job]) -> Sequence[Answer]:
        connection = self._connected()
        self._set_synchronous(connection, "FULL" if any(job.strict for job in group) else "NORMAL")
        connection.execute("BEGIN IMMEDIATE")
        try:
            answers = [self._run(connection, job, last_chance=len(group) == 1) for job in group]
            if connection.in_transaction:
                connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        return answers

    def _run(self, connection: sqlite3.Connection, job: _Job, *, last_chance: bool) -> Answer:
        before = connection.total_changes
        try:
            return Answer(job.future, job.operation(self._transaction(connection)), None)
        except PalaverError as error:
            if connection.total_changes != before:
                if not last_chance:
                    raise _HalfDone from error
                connection.execute("ROLLBACK")
            return Answer(job.future, None, error)
        except sqlite3.IntegrityError as error:
            if connection.total_changes != before or not connection.in_transaction:
                raise
            return Answer(job.future, None, translated(error))

    def _run_alone(self, job: _Job) -> Answer:
        try:
            return Answer(job.future, job.operation(self._connected()), None)
        except PalaverError as error:
            return Answer(job.future, None, error)
        except sqlite3.Error as error:
            self._recover(error)
            return Answer(job.future, None, translated(error))

    def _transaction(self, connection: sqlite3.Connection) -> Transaction:
        return Transaction(connection, self._queries, self._clock.micros())

    def _connected(self) -> sqlite3.Connection:
        if self._connection is None:
            try:
                self._connection = self._database.connect_writer()
            except PalaverError as error:
                raise sqlite3.OperationalError(str(error)) from error
            self._synchronous = ""
        return self._connection

    def _set_synchronous(self, connection: sqlite3.Connection, level: str) -> None:
        if level != self._synchronous:
            # SQLite applies this pragma when it is compiled: a cached statement would do nothing, a script is compiled.
            connection.executescript(f"PRAGMA synchronous = {level}")
            self._synchronous = level

    def _recover(self, error: sqlite3.Error) -> None:
        """Leave no transaction behind; let go of a connection that can't be trusted. One in memory is all there is."""
        if self._connection is not None and breaks_connection(error) and not self._database.in_memory:
            self._connection.close()
            self._connection = None


class _HalfDone(Exception):
    """An operation of a group failed after it had changed something."""
