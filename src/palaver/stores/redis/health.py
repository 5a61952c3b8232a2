"""What an acknowledgement means on this server, with the settings that decide it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from redis.exceptions import ResponseError

from palaver.stores.orders import StoreHealth
from palaver.stores.redis.schema import version_of
from palaver.stores.redis.server import ANSWER_SECONDS, Server

_WITHOUT_LOSS = "noeviction"
_KEPT = "Redis: every write is in its append-only file before it is acknowledged."
_IN_MEMORY = "Redis without an append-only file: what is acknowledged is in its memory."


async def health(server: Server) -> StoreHealth:
    """``Store.health``"""
    async with asyncio.timeout(ANSWER_SECONDS):
        info = await _info(server)
        fsync = await _appendfsync(server)
    settings = {
        "appendonly": "yes" if info.get("aof_enabled") else "no",
        "appendfsync": fsync or "unknown",
        "maxmemory_policy": str(info.get("maxmemory_policy", "unknown")),
        "role": str(info.get("role", "")),
        "replicas": str(info.get("connected_slaves", 0)),
        "cluster": "yes" if server.is_cluster else "no",
    }
    version, _ = await version_of(server)
    always = info.get("aof_enabled") and fsync == "always"
    return StoreHealth(
        engine="redis",
        survives_kill=bool(info.get("aof_enabled")) and settings["maxmemory_policy"] == _WITHOUT_LOSS,
        survives_power_cut=bool(always) and settings["maxmemory_policy"] == _WITHOUT_LOSS,
        schema_version=version,
        detail=_KEPT if info.get("aof_enabled") else _IN_MEMORY,
        engine_version=str(info.get("redis_version", "")),
        settings=settings,
        risks=tuple(_risks(settings)),
        notes=tuple(_notes(settings)),
    )


async def size_of(server: Server) -> int:
    """``Store.size_bytes``: the memory of the servers that are no replicas."""
    async with asyncio.timeout(ANSWER_SECONDS):
        nodes = await _nodes(server)
    return sum(int(node.get("used_memory", 0)) for node in nodes if len(nodes) == 1 or node.get("role") == "master")


async def _info(server: Server) -> Mapping[str, Any]:
    nodes = await _nodes(server)
    return nodes[0] if len(nodes) == 1 else _worst(nodes)


async def _nodes(server: Server) -> list[Mapping[str, Any]]:
    found: Mapping[str, Any] = await server.client.info()
    if server.is_cluster and found and all(isinstance(each, dict) for each in found.values()):
        return list(found.values())
    return [found]


def _worst(nodes: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """Return what holds for a cluster: what its weakest node promises."""
    first = dict(nodes[0])
    first["aof_enabled"] = min(node.get("aof_enabled", 0) for node in nodes)
    first["connected_slaves"] = sum(node.get("connected_slaves", 0) for node in nodes)
    evicting = [node["maxmemory_policy"] for node in nodes if node.get("maxmemory_policy") != _WITHOUT_LOSS]
    return {**first, "maxmemory_policy": evicting[0] if evicting else _WITHOUT_LOSS}


async def _appendfsync(server: Server) -> str | None:
    """Return when writes are flushed to the disk; None where the server does not say."""
    try:
        found = await server.client.config_get("appendfsync")
    except ResponseError:
        return None
    value = found.get("appendfsync") if isinstance(found, dict) else None
    return value.decode() if isinstance(value, bytes) else value


def _risks(settings: Mapping[str, str]) -> Iterator[str]:
    if settings["appendonly"] == "no":
        yield "appendonly is no: a restart of Redis loses what was acknowledged since its last snapshot, or all: set it to yes."
    if settings["maxmemory_policy"] != _WITHOUT_LOSS:
        policy = settings["maxmemory_policy"]
        yield f"maxmemory-policy is {policy}: Redis may throw conversations away to make room: set it to noeviction."
    if settings["appendfsync"] == "no":
        yield "appendfsync is no: a power cut can lose half a minute of what was acknowledged: set it to always."


def _notes(settings: Mapping[str, str]) -> Iterator[str]:
    if settings["appendfsync"] == "everysec":
        yield "appendfsync is everysec: a power cut can lose the last second or two of what was acknowledged."
    if settings["appendfsync"] == "unknown":
        yield "The server does not say when it flushes its append-only file: a power cut may lose what was acknowledged last."
    if settings["role"] == "slave":
        yield "This server is a replica: it can only be read."
    if settings["replicas"] != "0":
        yield "Its replicas follow asynchronously: a failover can lose what was acknowledged last."
