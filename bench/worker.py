"""A process of its own that holds conversations, for what takes several: it talks when it is told to.

``python -m bench.worker KIND HOME CONVERSATIONS`` opens the peer of that class at its home and says ``ready``; each line
of its standard input is a number of seconds to talk for, each line of its answer the JSON of a ``Talked``.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from typing import Self

from bench.peers.base import Peer, Talk
from bench.peers.everyone import EVERYONE, ON_SERVERS, opened

_LEAVE_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Talked:
    """How many turns were taken in how many seconds, and the CPU time that they took this process."""

    turns: int
    seconds: float
    cpu: float


async def talk_for(talks: Sequence[Talk], seconds: float) -> Talked:
    """Take turns in all of these conversations at once."""
    cpu, begun = time.process_time(), time.perf_counter()
    turns = await asyncio.gather(*[_talk_until(talk, begun + seconds) for talk in talks])
    return Talked(sum(turns), time.perf_counter() - begun, time.process_time() - cpu)


async def _talk_until(talk: Talk, deadline: float) -> int:
    turns = 0
    while time.perf_counter() < deadline:
        await talk.turn()
        turns += 1
    return turns


class Worker:
    """Such a process, from outside. Its methods block."""

    def __init__(self, kind: type[Peer], home: str, conversations: int) -> None:
        command = [sys.executable, "-m", "bench.worker", kind.__name__, home, str(conversations)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._listen()

    @property
    def pid(self) -> int:
        """Its process."""
        return self._process.pid

    def begin(self, seconds: float) -> None:
        """Tell it to talk."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{seconds}\n")
        self._process.stdin.flush()

    def end(self) -> Talked:
        """Wait until it has talked."""
        return Talked(**json.loads(self._listen()))

    def _listen(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the worker ended with {self._process.wait()}")
        return line

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(_LEAVE_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


async def _serve(kind: type[Peer], home: str, conversations: int) -> None:
    async with opened([kind], lambda _: nullcontext(home)) as (peer,):
        talks = [await peer.talk(0) for _ in range(conversations)]
        print("ready", flush=True)
        while line := await asyncio.to_thread(sys.stdin.readline):
            print(json.dumps(asdict(await talk_for(talks, float(line)))), flush=True)


def main(name: str, home: str, conversations: str) -> None:
    """Be the worker."""
    kind = next(kind for kind in (*EVERYONE, *ON_SERVERS) if kind.__name__ == name)
    asyncio.run(_serve(kind, home, int(conversations)))


if __name__ == "__main__":
    main(*sys.argv[1:])
