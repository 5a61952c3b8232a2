"""What an acknowledgement means on this server, with the settings that decide it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from palaver.stores.orders import StoreHealth
from palaver.stores.postgres.extensions import Extensions
from palaver.stores.postgres.session import Session

_SETTINGS = (
    "server_version",
    "synchronous_commit",
    "fsync",
    "full_page_writes",
    "synchronous_standby_names",
    "wal_level",
)


async def health(db: Session, extensions: Extensions) -> StoreHealth:
    """``Store.health``"""
    version = await db.row("schema_version")
    rows = await db.rows("settings", names=list(_SETTINGS))
    settings = {row[0]: row[1] for row in rows}
    engine_version = settings.pop("server_version", "")
    replica = await db.row("replication")
    in_recovery, replicas = (bool(replica[0]), int(replica[1])) if replica else (False, 0)
    risks = tuple(_risks(settings))
    return StoreHealth(
        engine="postgresql",
        survives_kill=True,
        survives_power_cut=not risks,
        schema_version=int(version[0]) if version else 0,
        detail="PostgreSQL: begin and end of a turn are synced to the disk of its server before they are acknowledged.",
        engine_version=engine_version,
        settings={**settings, "in_recovery": "on" if in_recovery else "off", "replicas": str(replicas)},
        risks=risks,
        notes=(*_notes(settings, in_recovery=in_recovery, replicas=replicas), *_lacks(extensions)),
    )


def _risks(settings: Mapping[str, str]) -> Iterator[str]:
    if settings.get("fsync") == "off":
        yield "fsync is off: a crash of the database's machine can lose what was acknowledged, or all of it: turn it on."
    if (
        settings.get("synchronous_commit") == "off"
    ):  # we ask for it on every connection: something between us undoes that
        yield "synchronous_commit is off: a crash of the database can lose what was acknowledged last."
    if settings.get("full_page_writes") == "off":
        yield "full_page_writes is off: a crash of the database's machine can tear pages: turn it on."


def _notes(settings: Mapping[str, str], *, in_recovery: bool, replicas: int) -> Iterator[str]:
    if in_recovery:
        yield "This server is a replica: it can only be read."
    if replicas and not settings.get("synchronous_standby_names"):
        yield "Its replicas follow asynchronously: a failover can lose what was acknowledged last."


def _lacks(extensions: Extensions) -> Iterator[str]:
    if extensions.trigrams is None:
        yield "pg_trgm is not there: misspelt words of a question are not found (CREATE EXTENSION pg_trgm)."
