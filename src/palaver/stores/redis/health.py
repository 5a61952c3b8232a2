"""What an acknowledgement means with the settings that the server runs with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from palaver.errors import StoreRefused, StoreUnavailable
from palaver.stores.orders import StoreHealth
from palaver.stores.redis.keys import Keys
from palaver.stores.redis.wire import Wire

_SETTINGS = ("appendonly", "appendfsync", "maxmemory", "maxmemory-policy", "save")
_UNKNOWN = "unknown"


async def health(wire: Wire, keys: Keys) -> StoreHealth:
    """``Store.health``"""
    version = (await wire.ask([("HGET", keys.all("schema"), "version")]))[0]
    told = await _told(wire)
    settings = await _settings(wire, told)
    always = settings["appendonly"] == "yes" and settings["appendfsync"] == "always"
    risks = tuple(_risks(settings))
    return StoreHealth(
        engine="redis",
        survives_kill=not risks,
        survives_power_cut=always and not risks,
        schema_version=int(version or 0),
        detail=_detail(settings, always=always),
        settings=settings,
        risks=risks,
        notes=tuple(_notes(settings, always=always)),
    )


async def _told(wire: Wire) -> Mapping[str, str]:
    """Return what INFO says; a server always lets it be asked."""
    return {**await wire.info("persistence"), **await wire.info("replication"), **await wire.info("memory")}


async def _settings(wire: Wire, told: Mapping[str, str]) -> dict[str, str]:
    """Return the settings that count. A managed server may not show them: then what INFO tells is all that is known."""
    found: dict[str, str] = dict.fromkeys(_SETTINGS, _UNKNOWN)
    found["appendonly"] = "yes" if told.get("aof_enabled") == "1" else "no"
    found["maxmemory"] = told.get("maxmemory", _UNKNOWN)
    found["maxmemory-policy"] = told.get("maxmemory_policy", _UNKNOWN)
    try:
        for name in _SETTINGS:
            found |= await wire.config(name)
    except (
        StoreRefused,
        StoreUnavailable,
    ):  # CONFIG is forbidden, renamed or unknown; a server that is gone has said so by now
        pass
    found["role"] = told.get("role", _UNKNOWN)
    found["replicas"] = told.get("connected_slaves", "0")
    found["aof_last_write_status"] = told.get("aof_last_write_status", _UNKNOWN)
    return found


def _detail(settings: Mapping[str, str], *, always: bool) -> str:
    if settings["appendonly"] != "yes":
        return "Redis keeps nothing on its disk: what was acknowledged is lost when it restarts."
    if always:
        return "Redis: every write is synced to the disk of its server before it is acknowledged."
    return "Redis: a write is in the memory of its server when it is acknowledged, on its disk about a second later."


def _risks(settings: Mapping[str, str]) -> Iterator[str]:
    if settings["appendonly"] != "yes":
        yield "appendonly is off: a restart of Redis loses what was acknowledged: turn it on."
    if settings["maxmemory-policy"] not in ("noeviction", _UNKNOWN):
        yield "maxmemory-policy lets Redis drop history when its memory is full: set it to noeviction."


def _notes(settings: Mapping[str, str], *, always: bool) -> Iterator[str]:
    if settings["appendonly"] == "yes" and not always:
        yield f"appendfsync is {settings['appendfsync']}: a power cut can lose what was acknowledged last; always keeps it."
    if _UNKNOWN in (settings["appendfsync"], settings["maxmemory-policy"]):
        yield "The server does not show all of its settings: appendfsync and maxmemory-policy have to be known from elsewhere."
    if settings["role"] not in ("master", _UNKNOWN):
        yield "This server is a replica: it can only be read."
    if settings["replicas"] not in ("0", ""):
        yield "Its replicas follow asynchronously: a failover can lose what was acknowledged last."
    if settings["maxmemory"] == "0":
        yield "maxmemory is not set: a server that runs out of memory is ended by its system instead of refusing writes."
