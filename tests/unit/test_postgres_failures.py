"""What PostgreSQL's errors become, raised by the server itself."""

from __future__ import annotations

from collections.abc import AsyncIterator

import asyncpg
import pytest

from palaver.errors import Conflict, PalaverError, StoreFull, StoreRefused, StoreUnavailable
from palaver.stores.postgres import PostgresStore
from palaver.testing.stores.making import exchange, make_conversation

# Fails with an SQLSTATE as often as it is told to: what a sequence counts is not rolled back.
_FAILS = """
CREATE SEQUENCE palaver.calls;
CREATE FUNCTION palaver.fails(state text, times bigint) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE number bigint := nextval('palaver.calls');
BEGIN
    IF number <= times THEN RAISE EXCEPTION 'as told' USING ERRCODE = state; END IF;
    RETURN number;
END $$
"""
_ALWAYS = 1_000


@pytest.fixture
async def store(postgres_url: str) -> AsyncIterator[PostgresStore]:
    """A store whose database can be told to fail."""
    store = PostgresStore(postgres_url)
    await store.open()
    connection = await asyncpg.connect(postgres_url)
    await connection.execute(_FAILS)
    await connection.close()
    yield store
    await store.close()


async def call(store: PostgresStore, how: str, state: str, times: int = _ALWAYS) -> int:
    """Read or write with a statement that fails so often; return how often it was run."""
    ways = {"read": store._read, "step": store._step, "write": store._write}
    rows = await ways[how](lambda db: db.select("SELECT fails(:state, :times)", {"state": state, "times": times}))
    return int(rows[0][0])


@pytest.mark.parametrize("how", ["read", "step", "write"])
@pytest.mark.parametrize(
    ("state", "kind"),
    [
        ("53100", StoreFull),  # disk full
        ("53200", StoreUnavailable),  # out of memory
        ("53300", StoreUnavailable),  # too many connections
        ("55P03", StoreUnavailable),  # lock not available
        ("57014", StoreUnavailable),  # statement time-out
        ("57P01", StoreUnavailable),  # shutdown
        ("57P02", StoreUnavailable),  # crash
        ("57P03", StoreUnavailable),  # starting up
        ("25006", StoreUnavailable),  # read-only
        ("08006", StoreUnavailable),  # connection failure
        ("42501", StoreRefused),  # insufficient privilege
        ("23502", Conflict),  # it refers to what is not there
        ("XX000", StoreUnavailable),  # internal
    ],
)
async def test_errors_of_the_server_are_ours(
    store: PostgresStore, how: str, state: str, kind: type[PalaverError]
) -> None:
    """Each error of the server is one of ours, never the driver's; whoever can come again is told when; the store goes on."""
    with pytest.raises(PalaverError) as raised:
        await call(store, how, state)
    assert type(raised.value) is kind
    if kind in (StoreFull, StoreUnavailable):
        assert raised.value.retry_after_seconds
    await exchange(store, await make_conversation(store))


@pytest.mark.parametrize("state", ["40001", "40P01", "23505"])
async def test_who_was_outrun_tries_again(store: PostgresStore, state: str) -> None:
    """A serialization failure, a deadlock and somebody else's row are tried again, and not for ever."""
    assert await call(store, "write", state, times=3) == 4
    with pytest.raises((StoreUnavailable, Conflict)):
        await call(store, "write", state)


async def test_other_errors_are_not_tried_again(store: PostgresStore) -> None:
    """A full disk is told at once."""
    with pytest.raises(StoreFull):
        await call(store, "write", "53100")
    assert await call(store, "write", "53100", times=0) == 2


async def test_a_setting_that_is_none_is_refused(postgres_url: str) -> None:
    """A slip behind the ``?`` of an address is a refusal that says where to look, not a database that is away."""
    with pytest.raises(StoreRefused, match="behind the \\?"):
        await PostgresStore(f"{postgres_url}?shema=other").open()
