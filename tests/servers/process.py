"""A database server that a test starts, stops, freezes and kills, always on the same port and data."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Self

START_SECONDS = 60.0
STOP_SECONDS = 30.0


def free_port() -> int:
    """A port of the loopback that nobody listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def find_program(name: str, package: str, *folders: Path) -> Path:
    """Where a server's program is: on the PATH, else in the first of these folders that has it."""
    places = os.pathsep.join([os.environ.get("PATH", ""), *map(str, folders)])
    found = shutil.which(name, path=places)
    assert found, (
        f"The tests need {name}: apt-get install {package}, or put it on the PATH (`make setup` does it as root)."
    )
    return Path(found)


def family(pid: int) -> list[int]:
    """A process and its children: PostgreSQL puts each of them into a process group of its own."""
    children = Path(f"/proc/{pid}/task/{pid}/children")
    with suppress(FileNotFoundError, ProcessLookupError):
        return [pid, *map(int, children.read_text().split())]
    return []


def signal_all(pid: int, number: signal.Signals) -> None:
    """Send a signal to a process and its children."""
    with suppress(ProcessLookupError):
        if number != signal.SIGCONT:
            os.kill(pid, signal.SIGSTOP)  # it can't start another child, nor mourn one, meanwhile
        for each in reversed(family(pid)):
            with suppress(ProcessLookupError):
                os.kill(each, number)


class DatabaseServer(ABC):
    """One server; used as a context, it is started, and gone afterwards with all its data.

    Nothing of it outlives the process that made it: its watchdog sees that end, too. All methods block; on a loop that
    has something to do meanwhile call them in a thread.
    """

    owner: str | None = None
    """The user whose processes they are; None: ours."""

    def __init__(self, settings: Mapping[str, str] | None = None) -> None:
        self.port = free_port()
        self.settings = dict(settings or {})
        self.folder = Path(tempfile.mkdtemp(prefix="palaver-test-"))
        if self.owner:
            shutil.chown(self.folder, self.owner)
        self._process: subprocess.Popen[bytes] | None = None
        self._watchdog = subprocess.Popen(
            [sys.executable, "-m", "servers.watchdog", str(self.folder)],
            stdin=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parent.parent,
            start_new_session=True,
        )

    @abstractmethod
    def command(self) -> Sequence[str | Path]:
        """What starts it, with the settings of now."""

    @abstractmethod
    def url(self) -> str:
        """Where its first database is."""

    @abstractmethod
    def is_ready(self) -> bool:
        """Whether it answers."""

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def pid(self) -> int:
        """Its first process."""
        assert self._process is not None
        return self._process.pid

    @property
    def log(self) -> str:
        """What it wrote to its standard output and error."""
        return (self.folder / "server.log").read_text(errors="replace")

    def start(self, *, wait: bool = True) -> None:
        """Start it; ``wait`` until it answers."""
        with (self.folder / "server.log").open("ab") as log:
            self._process = self._run(self.command(), log)
        self._tell(self._process.pid)
        if wait:
            self.wait_until_ready()

    def wait_until_ready(self) -> None:
        """Return once it answers."""
        assert self._process is not None
        deadline = time.monotonic() + START_SECONDS
        while not self.is_ready():
            assert self._process.poll() is None, f"it left at once:\n{self.log}"
            assert time.monotonic() < deadline, f"not ready after {START_SECONDS} s:\n{self.log}"
            time.sleep(0.02)

    def stop(self) -> None:
        """Ask it to leave; whoever is connected is sent away."""
        self._end(lambda process: process.send_signal(signal.SIGINT))

    def kill(self) -> None:
        """SIGKILL, all of it: no goodbye."""
        self._end(lambda process: signal_all(process.pid, signal.SIGKILL))

    def pause(self) -> None:
        """Freeze it: connections stay open, nothing answers."""
        signal_all(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        signal_all(self.pid, signal.SIGCONT)

    def restart(self) -> None:
        """Stop it, if it runs, and start it with the settings of now."""
        self.stop()
        self.start()

    def close(self) -> None:
        """End it and remove its data: the watchdog's work, done now."""
        assert self._watchdog.stdin is not None
        self._watchdog.stdin.close()
        self._watchdog.wait(STOP_SECONDS)
        if self._process is not None:
            self._process.wait(STOP_SECONDS)

    def _run(self, command: Sequence[str | Path], log: IO[bytes]) -> subprocess.Popen[bytes]:
        """Start a program as the owner, in the folder."""
        account = pwd.getpwnam(self.owner) if self.owner else None
        return subprocess.Popen(
            command,
            cwd=self.folder,
            user=account and account.pw_uid,
            group=account and account.pw_gid,
            extra_groups=[] if account else None,
            start_new_session=True,
            stdout=log,
            stderr=log,
        )

    def _end(self, how: Callable[[subprocess.Popen[bytes]], None]) -> None:
        if self._process is not None and self._process.poll() is None:
            how(self._process)
            self._process.wait(STOP_SECONDS)
            self._tell(0)

    def _tell(self, pid: int) -> None:
        assert self._watchdog.stdin is not None
        self._watchdog.stdin.write(f"{pid}\n")
        self._watchdog.stdin.flush()
