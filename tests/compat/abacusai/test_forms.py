"""Calls without the Python client, as curl and pages make them: forms, and a token in the body."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx2
import pytest

from crash.process import serving
from server.world import World

API = "/abacusai/api/v0"


async def bot(world: World, **options: Any) -> str:
    return str((await world.made("/v1/bots", {"name": "Echo"}, **options))["id"])


async def sent(world: World, action: str, **fields: str) -> Any:
    """Send a form that must be taken; return the result."""
    answer = await world.http.post(f"{API}/{action}", data=fields)
    assert answer.status_code == 200, answer.text
    return answer.json()["result"]


async def test_a_form_is_taken_like_a_body(world: World) -> None:
    """Texts are taken as they are, also those that look like JSON; numbers, flags, lists and objects are spelled as JSON."""
    known = await bot(world)
    session = await sent(world, "createChatSession", projectId=known, name="7")
    assert session["name"] == "7"
    said = await sent(world, "sendChatMessage", chatSessionId=session["chatSessionId"], message='{"a": "é & ü"}')
    assert said["answer"] == "You said: " + '{"a": "é & ü"}'
    options = {"deploymentId": known, "temperature": "0.5", "chatConfig": '{"behavior_instructions": "Be brief."}'}
    messages = json.dumps([{"is_user": True, "text": "hi"}])
    answered = await sent(world, "getChatResponse", **options, messages=messages)
    assert answered["messages"][-1]["text"] == "You said: hi"
    flags = {"messageIndex": "1", "isUseful": "true", "isNotUseful": "null"}
    rated = {"deploymentConversationId": session["chatSessionId"], **flags}
    assert await sent(world, "setDeploymentConversationFeedback", **rated) is None


@pytest.mark.parametrize(
    ("raw", "status", "kind"),
    [
        (b"chatSessionId=x&chatSessionId=y", 400, "InvalidRequest"),
        (b'{"chatSessionId": "x"}', 400, "InvalidRequest"),
        (b"name=%ff", 400, "InvalidRequest"),
        (b"\xff=1", 400, "InvalidRequest"),
        (b"&".join(b"a%d=1" % number for number in range(101)), 400, "InvalidRequest"),
        (b"name=a%00b&chatSessionId=x", 422, "InvalidParameterError"),
        (b"chatSessionId=x&name=n&more=1", 422, "InvalidParameterError"),
        (b"", 422, "MissingParameterError"),
    ],
)
async def test_a_bad_form_is_refused_by_name(world: World, raw: bytes, status: int, kind: str) -> None:
    """What is no form, or asks for what no call has, is told so in the client's envelope."""
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = await world.http.post(f"{API}/renameChatSession", content=raw, headers=headers)
    assert (answer.status_code, answer.json()["errorType"]) == (status, kind), answer.text


@pytest.mark.parametrize("value", ["x", "1, 2", '0, "message": "y"', "[" * 90, "1e400", "NaN"])
async def test_a_value_that_spells_nothing_is_refused_by_its_field(world: World, value: str) -> None:
    """A number that is none can't smuggle in another field, and breaks nothing."""
    fields = {"deploymentId": await bot(world), "message": "x", "temperature": value}
    answer = await world.http.post(f"{API}/getConversationResponse", data=fields)
    assert (answer.status_code, answer.json()["errorType"]) == (422, "InvalidParameterError"), answer.text


async def test_a_token_in_the_body_lets_in(world: World) -> None:
    """With no key in a header or the query the one in the body counts, of JSON and of a form; a shown one goes before it."""
    key = await world.key("write")
    secret = key["Authorization"].removeprefix("Bearer ")
    known = await bot(world, headers=key)
    said = {"deploymentId": known, "messages": [{"is_user": True, "text": "hi"}]}
    form = {**said, "messages": json.dumps(said["messages"])}
    path = f"{API}/getChatResponse"
    for body in ({"json": {**said, "deploymentToken": secret}}, {"data": {**form, "deploymentToken": secret}}):
        answer = await world.http.post(path, **body)
        assert answer.json()["result"]["messages"][-1]["text"] == "You said: hi"
        assert (await world.http.post(path, **body, headers={"apiKey": "pk_wrong"})).status_code == 401
        assert (await world.http.post(path, **body, params={"deploymentToken": "pk_wrong"})).status_code == 401
    for content in (
        b"",
        b"{",
        b'{"deploymentToken": 7}',
        b'{"deploymentToken": ""}',
        b"[]",
        b'{"deploymentToken": "x"}',
    ):
        answer = await world.http.post(path, content=content, headers={"Content-Type": "application/json"})
        assert (answer.status_code, answer.json()["errorType"]) == (401, "GenericPermissionDeniedError"), content
    large = await world.http.post(path, content=b"x" * (world.root.settings.limits.body_bytes + 1))
    assert large.status_code == 413


async def test_curl_is_answered(tmp_path: Path) -> None:
    """``curl -d`` sends a form by itself; with a token in it, that is all there is to say."""
    async with serving(tmp_path / "chat.db", {"PALAVER_DEFAULT_MODEL": "scripted:echo"}) as server:
        async with httpx2.AsyncClient(base_url=server.url) as http:
            known = (await http.post("/v1/bots", json={"name": "Echo"})).json()["id"]
            secret = (await http.post("/v1/keys", json={"scope": "write"})).json()["secret"]
        fields = [f"deploymentToken={secret}", f"deploymentId={known}", "message=Hello?"]
        asked = [part for field in fields for part in ("--data-urlencode", field)]
        path = f"{server.url}{API}/getStreamingConversationResponse"
        curl = await asyncio.create_subprocess_exec(
            "curl", "-sN", "--noproxy", "*", path, *asked, stdout=asyncio.subprocess.PIPE
        )
        output, _ = await asyncio.wait_for(curl.communicate(), 60)
    lines = [json.loads(line) for line in output.decode().splitlines()]
    assert "".join(line.get("segment", "") for line in lines) == "You said: Hello?"
    assert lines[-1]["success"] is True
