"""What an acknowledgement means on a database server as it is found: shown, refused where it means nothing, and logged."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest
from command_line import Command

from crash.process import serving
from servers.postgres import PostgresServer

PASSWORD = "pw-canary"


def _with_password(url: str) -> str:
    return url.replace("palaver@", f"palaver:{PASSWORD}@")


def test_doctor_shows_the_settings_of_a_database(command: Command, postgres_url: str) -> None:
    """The settings that decide are shown, nothing is in the way, and the password is nowhere."""
    ran = command("doctor", "--store", _with_password(postgres_url))
    assert ran.status == 0, ran.out
    assert "fsync = on" in ran.out
    assert "palaver:***@" in ran.out
    assert PASSWORD not in ran.out + ran.err
    facts = command("doctor", "--store", postgres_url, "--json").json["facts"]
    assert facts["settings"]["full_page_writes"] == "on"


async def test_a_database_that_can_lose_what_was_acknowledged_is_refused(command: Command) -> None:
    """A server does not start on it and names the setting, doctor has it as a trouble; told to take the risk it starts, and warns."""
    with PostgresServer({"fsync": "off"}) as unsafe, unsafe.database() as url:
        program = [Path(sys.executable).with_name("palaver"), "serve", "--port", "0", "--store", _with_password(url)]
        refused = await asyncio.to_thread(subprocess.run, program, capture_output=True, text=True, timeout=20)
        assert (refused.returncode, refused.stdout) == (1, "")
        assert "fsync is off" in refused.stderr
        assert "--unsafe-durability" in refused.stderr
        assert PASSWORD not in refused.stderr
        found = await asyncio.to_thread(command, "doctor", "--store", url, "--json")
        assert (found.status, found.json["healthy"]) == (1, False)
        assert ["fsync" in trouble for trouble in found.json["troubles"]] == [True]
        env = {"PALAVER_UNSAFE_DURABILITY": "true"}
        async with serving(_with_password(url), env) as server, httpx2.AsyncClient(base_url=server.url) as http:
            assert (await http.get("/readyz")).json()["store"]["risks"] == found.json["troubles"]
            said = [json.loads(line) for line in server.log.splitlines() if line.startswith("{")]
            assert [(line["event"], line["level"]) for line in said[:1]] == [("guarantee", "warning")]
            assert PASSWORD not in server.log


@pytest.mark.parametrize(
    "where",
    ["127.0.0.1:1/db", "127.0.0.1:port/db", "/{0}@127.0.0.1:1/db", "[::1/db", "127.0.0.1/db?sslmode=odd", "x:1,y:1"],
)
def test_an_address_that_leads_nowhere_is_a_sentence(command: Command, where: str) -> None:
    """An address that is wrong, or a password that is not written as a URL wants it, is said to be, and not one letter of it is shown."""
    url = f"postgresql://me:{PASSWORD}@{where}".format(PASSWORD)
    for arguments in (["bots", "list"], ["migrate", "--plan"], ["serve"]):
        refused = command(*arguments, "--store", url)
        assert (refused.status, refused.out) == (1, "")
        assert refused.err.startswith("palaver: ")
        assert "canary" not in refused.err
    found = command("doctor", "--store", url)
    assert (found.status, "trouble" in found.out) == (1, True)
    assert "canary" not in found.out + found.err
