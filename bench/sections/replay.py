"""Replays over HTTP: a finished turn of many events, read again and again, against a bare app that makes them up."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bench.peers.ours import store_with_long_turn
from bench.sse import servers
from bench.tables import Goal, Table

EVENTS = {"quick": 200, "default": 2_000, "full": 2_000}
SECONDS = {"quick": 1, "default": 5, "full": 15}
_CONNECTIONS = (1, 16)


def _measured(server: servers.Server, path: str, connections: int, seconds: float) -> dict[str, Any]:
    order = {"kind": "throughput", "port": server.port, "pid": server.pid, "requests": [servers.get(path)]}
    return servers.client({**order, "seconds": seconds, "connections": connections})


def _row(name: str, results: list[dict[str, Any]]) -> tuple[str, ...]:
    return (name, *[f"{_rate(each):,.0f} ({each['cpu'] / each['events'] * 1e6:.1f})" for each in results])


def _rate(result: dict[str, Any]) -> float:
    return float(result["events"] / result["seconds"])


async def measure(folder: Path, *, scale: str) -> list[Table]:
    """Events a second, and the server's CPU an event, with one reader and with several."""
    count, seconds = EVENTS[scale], SECONDS[scale]
    turn_id = await store_with_long_turn(folder / "replay.db", count)
    with servers.bare(folder) as server:
        bare = [_measured(server, f"/stream?count={count}", number, seconds) for number in _CONNECTIONS]
    with servers.ours(f"sqlite:///{folder / 'replay.db'}", folder / "replay.log") as server:
        ours = [_measured(server, f"/v1/turns/{turn_id}/events", number, seconds) for number in _CONNECTIONS]
    ratio = min(_rate(mine) / _rate(floor) for mine, floor in zip(ours, bare, strict=True))
    table = Table(
        title=f"Replay of a finished turn of {count:,} events over HTTP, events/s (µs CPU of the server an event)",
        columns=("", *[f"{number} reader{'s' if number > 1 else ''}" for number in _CONNECTIONS]),
        rows=[_row("bare Starlette, nothing read", bare), _row("Palaver, read from SQLite", ours)],
        note=f"uvicorn, uvloop, httptools, one worker; the client is another process; {seconds} s each.",
        goals=[
            Goal(text="replay of a finished turn, × bare events/s (worst)", measured=ratio, limit=0.5, at_least=True)
        ],
    )
    return [table]
