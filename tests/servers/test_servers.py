"""The servers of the tests do what the tests of faults rely on."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from redis.exceptions import RedisError

from servers.postgres import PostgresServer, name_of
from servers.process import DatabaseServer, family, find_program
from servers.redis import RedisServer

KINDS = [PostgresServer, RedisServer]


@pytest.fixture(params=KINDS)
def server(request: pytest.FixtureRequest) -> Iterator[DatabaseServer]:
    with request.param() as server:
        yield server


def _keep(server: DatabaseServer) -> None:
    match server:
        case PostgresServer():
            server.execute("CREATE TABLE kept AS SELECT 'a word' AS word")
        case RedisServer():
            server.execute("SET", "word", "a word")


def _kept(server: DatabaseServer) -> str:
    match server:
        case PostgresServer():
            return server.execute("SELECT word FROM kept")
        case RedisServer():
            return str(server.execute("GET", "word"), "ascii")
        case _:
            raise AssertionError


def _state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def _wait_until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.parametrize("end", [DatabaseServer.stop, DatabaseServer.kill])
def test_a_server_comes_back_on_its_port_with_its_data(server: DatabaseServer, end: object) -> None:
    """Stopped or killed, nothing of it runs on; started again it has what it had, where it was."""
    _keep(server)
    everything, port = family(server.pid), server.port
    assert callable(end)
    end(server)
    assert not server.is_ready()
    assert not [pid for pid in everything if Path(f"/proc/{pid}/exe").exists()]
    server.start()
    assert (server.port, _kept(server)) == (port, "a word")


def test_a_frozen_server_answers_when_it_goes_on(server: DatabaseServer) -> None:
    """Between ``pause`` and ``resume`` nothing answers, and nothing is lost."""
    _keep(server)
    server.pause()
    _wait_until(lambda: {_state(pid) for pid in family(server.pid)} <= {"T", "Z"})  # nobody buries the dead meanwhile
    server.resume()
    assert _kept(server) == "a word"


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_left_of_a_killed_test_run(kind: type[DatabaseServer]) -> None:
    """When the process that started a server is killed, the server and its folder go, too."""
    program = (
        f"from servers.{kind.__module__.rpartition('.')[2]} import {kind.__name__} as Server\n"
        "with Server() as server:\n"
        "    print(server.pid, server.folder, flush=True)\n"
        "    import time; time.sleep(60)"
    )
    run = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parent.parent
    )
    assert run.stdout is not None
    pid, folder = run.stdout.readline().split()
    assert family(int(pid)), "it runs"
    run.kill()
    run.wait()
    run.stdout.close()
    _wait_until(lambda: not Path(f"/proc/{pid}/exe").exists() and not Path(folder).exists())


def test_a_database_is_empty_and_dropped_with_whoever_is_in_it(postgres_server: PostgresServer) -> None:
    """Each test has a database of its own, and a connection that it forgot is in nobody's way."""
    with postgres_server.database() as first:
        postgres_server.execute("CREATE TABLE mine ()", name_of(first))
        psql = find_program("psql", "postgresql")
        forgotten = subprocess.Popen([psql, first], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    forgotten.communicate()
    with postgres_server.database() as second:
        count = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"
        assert postgres_server.execute(count, name_of(second)) == "0"


def test_a_cluster_refuses_what_lies_in_two_slots(redis_cluster: RedisServer) -> None:
    """In cluster mode a command over two slots fails; one within a slot works."""
    redis_cluster.execute("MSET", "{a}1", "x", "{a}2", "y")
    with pytest.raises(RedisError, match="same slot"):
        redis_cluster.execute("MSET", "a", "x", "b", "y")


def test_a_missing_server_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without the program a test fails, with the command that installs it; it never skips."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(AssertionError, match="apt-get install redis-server"):
        find_program("redis-server", "redis-server")
