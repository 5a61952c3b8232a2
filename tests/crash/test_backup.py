"""A backup that is taken while a server answers, and the store that is made of it."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import httpx2

from crash.journal import Entry, JournalClient, all_messages, created, make_conversation
from crash.process import serving

ENV = {"PALAVER_DEFAULT_MODEL": "scripted:words?count=5&delay=0.002"}
CLIENTS = 4
PALAVER = str(Path(sys.executable).with_name("palaver"))


async def _ran(*arguments: str) -> str:
    command = await asyncio.create_subprocess_exec(
        PALAVER, *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    said, _ = await asyncio.wait_for(command.communicate(), 60)
    assert command.returncode == 0, said.decode()
    return said.decode()


def _acknowledged(clients: list[JournalClient]) -> list[Entry]:
    return [entry for client in clients for entry in client.journal if entry.turn_id is not None]


async def test_a_backup_under_load_holds_what_was_acknowledged_before_it(tmp_path: Path) -> None:
    """Every turn acknowledged before a backup began is in it, nobody's send fails meanwhile, and a server starts on what it restores."""
    stop = asyncio.Event()
    backups: list[tuple[Path, list[Entry]]] = []
    async with serving(tmp_path / "chat.db", ENV) as server, httpx2.AsyncClient(base_url=server.url) as http:
        bot = await created(http, "/v1/bots", {"name": "Helper"})
        ids = [await make_conversation(http, bot["id"]) for _ in range(CLIENTS)]
        clients = [JournalClient([server.url], each, f"c{number}") for number, each in enumerate(ids)]
        async with asyncio.TaskGroup() as talks:
            for client in clients:
                talks.create_task(client.talk(stop))
            for number in range(3):
                await asyncio.sleep(0.5)
                before = _acknowledged(clients)
                target = tmp_path / f"backup-{number}.db"
                await _ran("backup", str(target), "--store", str(server.store))
                backups.append((target, before))
                assert len(_acknowledged(clients)) > len(before), "the server went on while it was copied"
            stop.set()
        assert [client.unexpected for client in clients] == [[]] * CLIENTS
    for target, before in backups:
        restored = target.with_suffix(".restored.db")
        await _ran("restore", str(target), "--store", str(restored))
        async with serving(restored, ENV) as server, httpx2.AsyncClient(base_url=server.url) as http:
            stored = {
                message["turn_id"]: message["text"]
                for each in ids
                for message in await all_messages(http, each, 100)
                if message["role"] == "user"
            }
            assert before, "there was something to keep"
            assert {entry.turn_id: entry.text for entry in before}.items() <= stored.items()
            again = await http.post(f"/v1/conversations/{ids[0]}/messages", json={"text": "Hello?", "policy": "queue"})
            assert again.status_code == 201, again.text
