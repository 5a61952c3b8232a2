"""A few threads that read, each with a connection of its own: a snapshot never waits for the writer."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Mapping
from typing import Any, NamedTuple, TypeVar

from palaver.clock import Clock
from palaver.errors import PalaverError
from palaver.stores.sqlite.connection import Database
from palaver.stores.sqlite.delivery import Answer, deliver
from palaver.stores.sqlite.driver_errors import breaks_connection, translated
from palaver.stores.sqlite.jobs import Jobs
from palaver.stores.sqlite.transaction import Operation, Transaction

T = TypeVar("T")


class _Job(NamedTuple):
    future: asyncio.Future[Any]
    operation: Operation[Any]
    snapshot: bool


class Readers:
    """A pool of reading threads."""

    def __init__(self, database: Database, queries: Mapping[str, str], clock: Clock, *, threads: int = 3) -> None:
        self._database = database
        self._queries = queries
        self._clock = clock
        self._jobs: Jobs[_Job] = Jobs()
        self._threads = [
            threading.Thread(target=self._work, name=f"palaver-reader-{number}", daemon=True)
            for number in range(threads)
        ]

    def start(self) -> None:
        """Begin to work. Connections are opened when they are first used."""
        for thread in self._threads:
            thread.start()
        self._jobs.open()

    def stop(self) -> None:
        """Finish what was submitted and close the connections. Blocks."""
        self._jobs.close(workers=len(self._threads))
        for thread in self._threads:
            if thread.ident is not None:
                thread.join()

    async def read(self, operation: Operation[T], *, snapshot: bool = False) -> T:
        """Run an operation that only reads; with ``snapshot`` all its queries see one state of the database."""
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._jobs.put(_Job(future, operation, snapshot))
        return await future

    def _work(self) -> None:
        connection: sqlite3.Connection | None = None
        while (job := self._jobs.next()) is not None:
            try:
                connection = connection or self._database.connect_reader()
                answer = Answer(job.future, self._run(connection, job), None)
            except PalaverError as error:
                answer = Answer(job.future, None, error)
            except sqlite3.Error as error:
                answer = Answer(job.future, None, translated(error))
                if connection is not None and breaks_connection(error):
                    connection.close()
                    connection = None
            except Exception as error:  # noqa: BLE001 - the loop of a thread: a bug in an operation is its caller's to see
                answer = Answer(job.future, None, error)
            deliver((answer,))
        if connection is not None:
            connection.close()

    def _run(self, connection: sqlite3.Connection, job: _Job) -> Any:
        transaction = Transaction(connection, self._queries, self._clock.micros())
        if not job.snapshot:
            return job.operation(transaction)
        connection.execute("BEGIN")
        try:
            return job.operation(transaction)
        finally:
            if connection.in_transaction:
                connection.execute("COMMIT")
