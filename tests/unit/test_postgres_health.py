"""What an acknowledgement means on a PostgreSQL server, and what it does not start on."""

from __future__ import annotations

from palaver.stores.orders import StoreHealth
from palaver.stores.postgres import PostgresStore
from servers.postgres import PostgresServer, name_of


async def health_of(url: str) -> StoreHealth:
    """Ask a store."""
    store = PostgresStore(url)
    await store.open()
    health = await store.health()
    await store.close()
    return health


async def test_a_server_with_its_defaults_keeps_what_it_acknowledged(postgres_url: str) -> None:
    """As it comes, PostgreSQL survives a kill and a power cut, and nothing is to be said against it."""
    health = await health_of(postgres_url)
    assert (health.engine, health.survives_kill, health.survives_power_cut) == ("postgresql", True, True)
    assert (health.risks, health.notes) == ((), ())
    assert health.settings["fsync"] == "on"
    assert health.settings["synchronous_commit"] == "on"


async def test_a_server_that_syncs_nothing_is_a_risk() -> None:
    """Without ``fsync`` or whole pages in its log, what was acknowledged may be lost with the machine."""
    with PostgresServer({"fsync": "off", "full_page_writes": "off"}) as server:
        health = await health_of(server.url())
    assert not health.survives_power_cut
    assert [risk.split()[0] for risk in health.risks] == ["fsync", "full_page_writes"]


async def test_a_lax_default_is_no_risk(postgres_server: PostgresServer, postgres_url: str) -> None:
    """A database or role whose commits wait for no disk is none of our concern: ours do, on every connection."""
    name = name_of(postgres_url)
    postgres_server.execute(f"ALTER DATABASE {name} SET synchronous_commit = off")
    health = await health_of(postgres_url)
    assert health.risks == ()
    assert health.settings["synchronous_commit"] == "on"


async def test_a_stricter_setting_stays(postgres_server: PostgresServer, postgres_url: str) -> None:
    """Who asked for commits that replicas have applied keeps them."""
    name = name_of(postgres_url)
    postgres_server.execute(f"ALTER DATABASE {name} SET synchronous_commit = remote_apply")
    assert (await health_of(postgres_url)).settings["synchronous_commit"] == "remote_apply"
