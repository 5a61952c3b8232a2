"""Live streams over HTTP: CPU an event, memory a stream, and what is added to the model's first token."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.measure import median, strict_commit_seconds
from bench.sse import servers
from bench.tables import Goal, Table, ms

STREAMS = {"quick": 20, "default": 500, "full": 500}
SECONDS = {"quick": 1, "default": 6, "full": 20}
FIRSTS = {"quick": 10, "default": 100, "full": 500}
_DELAY_SECONDS = 0.05
_STAGGER_SECONDS = 0.004


def _order(kind: str, server: servers.Server, requests: list[str], **more: Any) -> dict[str, Any]:
    return {"kind": kind, "port": server.port, "pid": server.pid, "requests": requests, **more}


def _count(scale: str) -> int:
    lasts = STREAMS[scale] * _STAGGER_SECONDS * 3 + SECONDS[scale] + 6
    return round(lasts / _DELAY_SECONDS)


def _measured(
    server: servers.Server, warm: list[str], requests: list[str], firsts: list[str], scale: str
) -> dict[str, Any]:
    servers.client(_order("first", server, warm))
    first = servers.client(_order("first", server, firsts))
    live = _order("live", server, requests, stagger=_STAGGER_SECONDS, seconds=SECONDS[scale])
    return servers.client(live) | {"first": median(first["taken"])}


def _bare(folder: Path, scale: str) -> dict[str, Any]:
    with servers.bare(folder) as server:
        quick = servers.get("/stream?count=3")
        live = servers.get(f"/stream?count={_count(scale)}&delay={_DELAY_SECONDS}")
        return _measured(server, [quick] * 20, [live] * STREAMS[scale], [quick] * FIRSTS[scale], scale)


def _sends(server: servers.Server, model: str, count: int) -> list[str]:
    bot = server.call("POST", "/v1/bots", {"name": model, "model": model})["id"]
    paths = []
    for _ in range(count):
        conversation = server.call("POST", "/v1/conversations", {"bot_id": bot})["id"]
        paths.append(f"/v1/conversations/{conversation}/messages")
    return [servers.post(path, {"text": "Tell me everything."}) for path in paths]


def _ours(folder: Path, scale: str) -> dict[str, Any]:
    with servers.ours(f"sqlite:///{folder / 'live.db'}", folder / "live.log") as server:
        # The database's page cache fills up once a process, not once a stream: fill it before the memory is read.
        long = _sends(server, "scripted:words?count=20000", 40)
        servers.client(_order("first", server, long))
        quick = _sends(server, "scripted:words?count=3", 20 + FIRSTS[scale])
        live = _sends(server, f"scripted:words?count={_count(scale)}&delay={_DELAY_SECONDS}", STREAMS[scale])
        return _measured(server, quick[:20], live, quick[20:], scale)


def _row(name: str, result: Mapping[str, Any]) -> tuple[str, ...]:
    per_event = result["cpu"] / max(1, result["events"])
    return (
        name,
        f"{per_event * 1e6:.1f}",
        f"{result['events'] / result['seconds']:,.0f}",
        f"{result['cpu'] / result['seconds']:.0%}",
        f"{result['resident'] / result['streams'] / 1024:.1f}",
        ms(result["first"]),
    )


async def measure(folder: Path, *, scale: str) -> list[Table]:
    """500 streams at 20 events a second each: ours (every delta persisted first) and a bare app's, one after the other."""
    bare, ours = _bare(folder, scale), _ours(folder, scale)
    commit = strict_commit_seconds(folder)
    cpu = (ours["cpu"] / max(1, ours["events"])) / (bare["cpu"] / max(1, bare["events"]))
    streams = STREAMS[scale]
    table = Table(
        title=f"{streams} live streams over HTTP at 20 tokens a second each",
        columns=("", "µs CPU an event", "events/s", "of one core", "KiB a stream", "to the first token, ms"),
        rows=[_row("bare Starlette, nothing stored", bare), _row("Palaver, persisted first", ours)],
        note=f"CPU of the server's process over {SECONDS[scale]} s; resident memory over the same process before; first token: "
        f"median of {FIRSTS[scale]}, the model answers at once; a strict commit took {ms(commit)} ms.",
        goals=[
            Goal(text=f"{streams} live streams, CPU an event × bare", measured=cpu, limit=3),
            Goal(text="memory a live stream, KiB", measured=ours["resident"] / ours["streams"] / 1024, limit=64),
            Goal(
                text="time to the first token, ms over two strict commits",
                measured=(ours["first"] - 2 * commit) * 1000,
                limit=5,
            ),
        ],
    )
    return [table]
