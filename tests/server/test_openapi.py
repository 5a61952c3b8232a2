"""The OpenAPI document is true: schemathesis holds every answer against it, and every value against its schema."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

import httpx2
import jsonschema_rs
import pytest

import pictures
from crash.process import ServerProcess, serving
from palaver.jsonable import encode
from server.world import World

HERE = Path(__file__).parent


async def _seeded(server: ServerProcess) -> dict[str, str]:
    """Make one of everything that has an id in a path."""
    async with httpx2.AsyncClient(base_url=server.url) as http:

        async def made(path: str, body: dict[str, str]) -> dict:
            answer = await http.post(path, json=body)
            assert answer.status_code == 201, answer.text
            return answer.json()

        bot = await made("/v1/bots", {"name": "Helper"})
        entity = await made("/v1/entities", {})
        conversation = await made("/v1/conversations", {"bot_id": bot["id"]})
        sent = await made(f"/v1/conversations/{conversation['id']}/messages", {"text": "Hello?"})
        document = await made(f"/v1/bots/{bot['id']}/documents", {"text": "Refunds take 14 days."})
        file = await made("/v1/files", {"data": pictures.data_url(pictures.plain())})
    return {
        "bot": bot["id"],
        "ent": entity["id"],
        "conv": conversation["id"],
        "doc": document["id"],
        "turn": sent["turn"]["id"],
        "msg": sent["message"]["id"],
        "question": sent["user_message"]["id"],
        "att": file["id"],
    }


@pytest.mark.slow
async def test_schemathesis_finds_nothing(tmp_path: Path) -> None:
    """Thousands of valid and invalid requests: no 5xx, and every status, header, type and body is as documented.

    All checks but one run: the server is open here, so there is no credential to be ignored. The keys' route is left out,
    since the first key would close the server.
    """
    async with serving(tmp_path / "chat.db", {"PALAVER_DEFAULT_MODEL": "scripted:hello"}) as server:
        ids = await _seeded(server)
        env = {**os.environ, "PALAVER_TEST_IDS": json.dumps(ids), "PYTHONPATH": str(HERE.parent), "COLUMNS": "150"}
        command = [
            str(Path(sys.executable).with_name("schemathesis")),
            "--config-file",
            str(HERE / "schemathesis.toml"),
        ]
        options = ["--max-examples", "10", "--generation-deterministic", "--exclude-path", "/v1/keys", "--no-color"]
        process = await asyncio.create_subprocess_exec(
            *command,
            "run",
            f"{server.url}/openapi.json",
            *options,
            cwd=tmp_path,
            env={**env, "SCHEMATHESIS_HOOKS": "server.schemathesis_hooks"},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await asyncio.wait_for(process.communicate(), 600)
        assert process.returncode == 0, output.decode()
        assert "Traceback" not in server.log


async def test_every_value_has_the_shape_that_is_documented(world: World) -> None:
    """A value's JSON has exactly the fields of its schema, and is valid against it."""
    document = world.app.openapi()
    hub = world.root.for_tenant()
    key = await hub.keys.create(scope="read")
    bot = await hub.bots.create(name="Helper", params={"temperature": 0.5}, metadata={"a": [1]})
    chat = await hub.conversations.create(bot.id, entity_type="USER")
    file = await hub.files.add(pictures.plain(), name="a.png")
    reply = await hub.messages.send(chat.id, "Hello?", attachments=[file])
    again = await hub.messages.regenerate(reply.id)
    rated = await hub.messages.rate(again.id, 5, feedback="good")
    chat = await hub.conversations.get(chat.id)
    branch = (await hub.conversations.branches(chat.id))[0]
    tenant = (await hub.tenants.list()).data[0]
    added = await hub.documents.add(bot.id, "Refunds take 14 days.", metadata={"a": [1]})
    chunk = (await hub.documents.chunks(added.id)).data[0]
    found = await hub.search(bot.id, "refunds")
    report = await hub.train(bot.id, dry_run=True)
    assert found.hits
    assert report.pairs
    assert chat.entity is not None
    lines = (await hub.conversations.export(chat.id, format="jsonl")).splitlines()
    loaded = await hub.conversations.load([json.loads(line) for line in lines])
    figures = await hub.analytics.figures(by="bot")
    alone = await hub.analytics.conversation(chat.id)
    unfound = (await hub.analytics.unfound()).data
    assert unfound
    summed = (figures, *figures.rows, figures.total, figures.total.response_seconds, figures.total.message_ratings)
    parts = (alone, alone.messages, alone.flow, alone.quality, *alone.topics, *unfound)
    told = (*summed, *parts, key, key.key, bot, chat, chat.entity, reply.turn, rated, branch, tenant, file, loaded)
    for value in (*told, added, chunk, found, *found.hits, report, *report.pairs):
        name = value.__class__.__name__
        schema = document["components"]["schemas"][name]
        shape = encode(value)
        assert set(shape) == set(schema["properties"]) == set(schema["required"]), name
        root = {"$ref": f"#/components/schemas/{name}", "components": document["components"]}
        assert jsonschema_rs.is_valid(root, shape), name


def test_every_operation_says_how_it_is_refused(world: World) -> None:
    """Each operation documents an answer that works, and each problem as a problem document; 304 is none."""
    for path, operations in world.app.openapi()["paths"].items():
        for method, operation in operations.items():
            statuses = set(operation["responses"])
            assert any(status.startswith("2") for status in statuses), (method, path)
            for status, response in operation["responses"].items():
                if status >= "4":
                    assert list(response["content"]) == ["application/problem+json"], (method, path, status)
            assert operation["summary"]
            assert ("requestBody" in operation) == (method in {"post", "patch"}), (method, path)
