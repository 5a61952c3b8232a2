"""What a client gets that no released client asks for: bad input, wrong keys, indices that mean something else by now."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx2
import pytest

from palaver.compat.abacusai import SURFACE
from server.world import World, a_world, unknown

API = "/abacusai/api"


async def call(world: World, method: str, action: str, body: Any = None, **options: Any) -> httpx2.Response:
    return await world.http.request(method, f"{API}/{action}", json=body, **options)


async def done(world: World, method: str, action: str, body: Any = None, **options: Any) -> Any:
    """Return the result of a call that must work."""
    answer = await call(world, method, action, body, **options)
    assert answer.status_code == 200, answer.text
    assert answer.json()["success"] is True
    return answer.json()["result"]


def refused(answer: httpx2.Response, status: int, kind: str) -> str:
    """Return what is said of a call that must not work."""
    said = answer.json()
    assert (answer.status_code, said["success"], said["errorType"]) == (status, False, kind), answer.text
    assert isinstance(said["error"], str)
    assert "result" not in said
    return said["error"]


async def session_with(world: World, *questions: str) -> str:
    made = await done(world, "POST", "createChatSession", {"projectId": None, "name": "n"})
    for question in questions:
        await done(world, "POST", "sendChatMessage", {"chatSessionId": made["chatSessionId"], "message": question})
    return str(made["chatSessionId"])


async def bot_of(world: World, **fields: Any) -> str:
    return str((await world.made("/v1/bots", {"name": "Echo", **fields}))["id"])


@pytest.mark.parametrize(
    ("raw", "status", "kind"),
    [
        (b"{", 400, "InvalidRequest"),
        (b"[]", 400, "InvalidRequest"),
        (b'{"name":"a","name":"b"}', 400, "InvalidRequest"),
        (b'{"name":NaN}', 400, "InvalidRequest"),
        (b'{"name":' + b"[" * 100 + b"]" * 100 + b"}", 400, "InvalidRequest"),
        (b'{"name":"\xff"}', 400, "InvalidRequest"),
        (b'{"name":"a\\u0000"}', 422, "InvalidParameterError"),
        (b'{"name":"\\ud800"}', 422, "InvalidParameterError"),
        (b'{"name":"a\\nb"}', 422, "InvalidParameterError"),
        (b'{"name":7}', 422, "InvalidParameterError"),
        (b'{"status":"ended"}', 422, "InvalidParameterError"),
        (b'{"name":"' + b"x" * 300 + b'"}', 422, "InvalidParameterError"),
    ],
)
async def test_bad_bodies_are_refused_before_anything_is_stored(
    world: World, raw: bytes, status: int, kind: str
) -> None:
    """The strict checks of every body come first, and say what is wrong in the client's words."""
    headers = {"Content-Type": "application/json"}
    refused(await world.http.post(f"{API}/createChatSession", content=raw, headers=headers), status, kind)
    assert await done(world, "GET", "listChatSessions") == []


def test_every_call_is_documented() -> None:
    """docs/drop-in.md names every call of the surface."""
    page = (Path(__file__).parents[3] / "docs" / "drop-in.md").read_text(encoding="utf-8")
    assert all(f"`{route.path.removeprefix('/api/')}`" in page for route in SURFACE.routes)


async def test_bad_parameters_are_named(world: World) -> None:
    """What is missing, given twice, of another type, or can't be done here is refused by its name; nothing is sent."""
    session, bot = await session_with(world), await bot_of(world)
    sends = {"deploymentId": bot, "message": "hi"}
    calls = world.model.call_count
    missing = await call(world, "GET", "getChatSession")
    assert "chatSessionId" in refused(missing, 422, "MissingParameterError")
    twice = await call(world, "GET", f"getChatSession?chatSessionId={session}&chatSessionId={session}")
    assert "chatSessionId is given twice" in refused(twice, 422, "InvalidParameterError")
    flag = await call(world, "GET", "listChatSessions?mostRecentPerProject=yes")
    assert "mostRecentPerProject" in refused(flag, 422, "InvalidParameterError")
    for index in ("-1", "1.5", "x", "9" * 30):
        wrong = await call(world, "DELETE", f"deleteChatMessage?chatSessionId={session}&messageIndex={index}")
        assert "messageIndex" in refused(wrong, 422, "InvalidParameterError")
    empty = await call(world, "POST", "sendChatMessage", {"chatSessionId": session, "message": " \u200b"})
    refused(empty, 422, "MissingParameterError")
    nowhere = await call(world, "GET", "getDeploymentConversation")
    assert "externalSessionId" in refused(nowhere, 422, "MissingParameterError")
    for name, value in {
        "llmName": "another",
        "chatConfig": {"behaviour": "brief"},
        "filterKeyValues": {"a": ["b"]},
        "searchScoreCutoff": 0.5,
        "docInfos": [{"doc_id": "1"}],
        "userInfo": {"email": "a@example.org"},
        "ignoreDocuments": True,
        "executeUsercodeTool": True,
        "temperature": 3,
        "numCompletionTokens": 0,
        "somethingNew": 1,
    }.items():
        for action in ("getConversationResponse", "getStreamingConversationResponse"):
            answer = await call(world, "POST", action, {**sends, name: value})
            refused(answer, 422, "InvalidParameterError")
    unasked = {"deploymentId": bot, "messages": [{"is_user": True, "text": "a"}, {"is_user": False, "text": "b"}]}
    refused(await call(world, "POST", "getChatResponse", unasked), 422, "InvalidParameterError")
    assert world.model.call_count == calls
    assert len(await done(world, "GET", "listDeploymentConversations")) == 1


async def test_ids_and_routes_that_are_not_there(world: World) -> None:
    """Ids that are malformed are like those that are unknown; an action that has no place here says what to do instead."""
    for nobodys in (unknown("conv"), "x", "../x", "conv_" + "z" * 10_000):
        answer = await world.http.get(f"{API}/getChatSession", params={"chatSessionId": nobodys})
        refused(answer, 404, "DataNotFoundError")
    refused(await call(world, "GET", "noSuchThing"), 404, "DataNotFoundError")
    refused(await call(world, "GET", "createChatSession"), 405, "MethodNotAllowed")
    absent = await call(world, "POST", "getDeepAgentResponse", {"message": "hi"})
    assert "bots here have no tools" in refused(absent, 501, "InvalidRequest")


async def test_keys_are_taken_where_the_clients_have_them(world: World) -> None:
    """``apiKey`` in a header of any case, or ``deploymentToken`` in the query; a key that may only read changes nothing."""
    write = (await world.key("write"))["Authorization"].removeprefix("Bearer ")
    read = (await world.key("read"))["Authorization"].removeprefix("Bearer ")
    session = await done(world, "POST", "createChatSession", {}, headers={"APIKEY": write})
    named = {"chatSessionId": session["chatSessionId"]}
    assert await done(world, "GET", "v0/getChatSession", params=named, headers={"apikey": read}) == session
    by_token = {**named, "deploymentToken": read}
    assert await done(world, "GET", "getChatSession", params=by_token) == session
    refused(await call(world, "GET", "getChatSession", params=named), 401, "GenericPermissionDeniedError")
    wrong = {**named, "deploymentToken": "pk_wrong"}
    refused(await call(world, "GET", "getChatSession", params=wrong), 401, "GenericPermissionDeniedError")
    mixed = await call(world, "GET", "getChatSession", params=by_token, headers={"apiKey": "pk_wrong"})
    refused(mixed, 401, "GenericPermissionDeniedError")
    message = {**named, "message": "hi"}
    refused(
        await call(world, "POST", "sendChatMessage", message, headers={"apiKey": read}), 403, "PermissionDeniedError"
    )
    assert (await done(world, "POST", "exportChatSession", named, headers={"apiKey": read})).startswith("<!doctype")


async def test_where_this_server_is(tmp_path: Path) -> None:
    """A client is told the address that it used, or the configured one; its own version is the newest; no key is needed."""
    async with a_world(tmp_path) as world:
        await world.key("write")
        addresses = await done(world, "GET", "v0/getApiEndpoint", headers={"apiKey": "pk_wrong"})
        assert addresses == dict.fromkeys(
            ("apiEndpoint", "predictEndpoint", "proxyEndpoint"), "http://localhost/abacusai"
        )
        assert await done(world, "GET", "v0/version", headers={"clientVersion": "0.78.5"}) == "0.78.5"
        assert await done(world, "GET", "v0/version", headers={"clientVersion": "<b>"}) == "1.4.119"
    async with a_world(tmp_path, public_url="https://chat.example.org/palaver/") as world:
        told = await done(world, "GET", "v0/getApiEndpoint")
        assert set(told.values()) == {"https://chat.example.org/palaver/abacusai"}


async def test_an_index_is_of_the_session_as_it_was_read(world: World) -> None:
    """A session that changed since this key read it is a conflict, whoever changed it; reading it anew settles that."""
    session = await session_with(world, "one", "two", "three")
    delete = f"deleteChatMessage?chatSessionId={session}&messageIndex="
    await world.sent(session, "four")
    refused(await call(world, "DELETE", delete + "0"), 409, "ConflictError")
    await done(world, "GET", f"getChatSession?chatSessionId={session}")
    assert await done(world, "DELETE", delete + "0") is None
    refused(await call(world, "DELETE", delete + "0"), 409, "ConflictError")
    history = (await done(world, "GET", f"getChatSession?chatSessionId={session}"))["chatHistory"]
    assert [message["text"][0]["text"] for message in history][::2] == ["two", "three", "four"]
    a, b = await world.key("write"), await world.key("write")
    for key in (a, b):
        key["apiKey"] = key.pop("Authorization").removeprefix("Bearer ")
        await done(world, "GET", f"getChatSession?chatSessionId={session}", headers=key)
    await done(world, "DELETE", delete + "2", headers=a)
    refused(await call(world, "DELETE", delete + "2", headers=b), 409, "ConflictError")


async def test_a_delete_that_is_sent_again_to_another_process_deletes_nothing_more(tmp_path: Path) -> None:
    """A process that does not know what was read takes an index where it has only one meaning, and no other."""
    async with a_world(tmp_path) as first:
        session = await session_with(first, "one", "two", "three")
        delete = f"deleteChatMessage?chatSessionId={session}&messageIndex="
        async with a_world(tmp_path) as second:
            await done(second, "DELETE", delete + "2")
            refused(await call(first, "DELETE", delete + "2"), 409, "ConflictError")
        async with a_world(tmp_path) as third:
            refused(await call(third, "DELETE", delete + "2"), 409, "ConflictError")
            history = (await done(third, "GET", f"getChatSession?chatSessionId={session}"))["chatHistory"]
            assert [message["text"][0]["text"] for message in history][::2] == ["one", "three"]
            await done(third, "DELETE", delete + "2")


async def test_clearing_leaves_nothing_to_be_seen(world: World) -> None:
    """All messages go, those of other branches too; the conversation stays and goes on."""
    session = await session_with(world, "one", "two")
    messages = (await world.http.get(f"/v1/conversations/{session}/messages")).json()["data"]
    await world.made(f"/v1/messages/{messages[0]['id']}/edit", {"text": "changed"})
    await world.made(f"/v1/messages/{messages[3]['id']}/regenerate", {})
    named = {"deploymentConversationId": session}
    assert await done(world, "POST", "clearDeploymentConversation", named) is None
    assert (await done(world, "GET", "getDeploymentConversation", params=named))["history"] == []
    sent = await done(world, "POST", "sendChatMessage", {"chatSessionId": session, "message": "anew"})
    assert [message["text"][0]["text"] for message in sent["chatHistory"]] == ["anew", "You said: anew"]


async def test_one_id_of_the_callers_is_one_conversation(world: World) -> None:
    """Calls that name the same new conversation at once begin one; a deleted one gives the id free."""
    bot = await bot_of(world)
    sends = {"deploymentId": bot, "message": "hi", "externalSessionId": "visitor"}
    answers = await asyncio.gather(*(call(world, "POST", "getConversationResponse", sends) for _ in range(4)))
    assert {answer.status_code for answer in answers} <= {200, 409}
    [conversation] = await done(world, "GET", f"listDeploymentConversations?deploymentId={bot}")
    assert conversation["externalSessionId"] == "visitor"
    await done(world, "DELETE", "deleteDeploymentConversation?externalSessionId=visitor")
    anew = await done(world, "POST", "getConversationResponse", sends)
    assert anew["deploymentConversationId"] != conversation["deploymentConversationId"]
    other = await world.made("/v1/bots", {"name": "Other"})
    elsewhere = await done(world, "POST", "getConversationResponse", {**sends, "deploymentId": other["id"]})
    assert elsewhere["deploymentConversationId"] != anew["deploymentConversationId"]
    mine = {"deploymentConversationId": anew["deploymentConversationId"], "deploymentId": other["id"]}
    refused(await call(world, "GET", "getDeploymentConversation", params=mine), 404, "DataNotFoundError")


async def test_a_stream_is_one_object_a_line(world: World) -> None:
    """Every line is a JSON object, the text is whole, what was found is told where asked for, and the last line says how it ended."""
    bot = await bot_of(world)
    document = await world.made(f"/v1/bots/{bot}/documents", {"text": "Refunds take a week.\u2028", "title": "Terms"})
    await world.root.for_tenant().documents.wait(document["id"])
    sends = {"deploymentId": bot, "message": "How long do refunds take?", "includeSearchResults": True}
    for action, asked in (
        ("getStreamingConversationResponse", sends),
        ("getStreamingChatResponse", {**sends, "messages": [{"is_user": True, "text": sends["message"]}]}),
    ):
        body = {name: value for name, value in asked.items() if name != "message" or "messages" not in asked}
        answer = await call(world, "POST", action, body)
        assert answer.headers["content-type"] == "application/x-ndjson; charset=utf-8"
        *pieces, last, rest = answer.content.split(b"\n")
        assert rest == b""
        told = [json.loads(piece) for piece in pieces]
        assert told[0]["type"] == "searchResults"
        assert told[0]["searchResults"][0]["title"] == "Terms"
        said = "".join(piece["segment"] for piece in told[1:])
        assert said == "You said: How long do refunds take?"
        assert json.loads(last)["success"] is True


async def test_a_failed_turn_is_told_and_kept(world: World) -> None:
    """A model that fails is a failed dependency; the question is stored, and the history says that there was no answer."""
    failing = await bot_of(world, model="scripted:fail?code=provider_rejected&count=0")
    answer = await call(world, "POST", "getConversationResponse", {"deploymentId": failing, "message": "hi"})
    refused(answer, 502, "FailedDependencyError")
    [conversation] = await done(world, "GET", f"listDeploymentConversations?deploymentId={failing}")
    named = {"deploymentConversationId": conversation["deploymentConversationId"]}
    history = (await done(world, "GET", "getDeploymentConversation", params=named))["history"]
    assert [event["text"] for event in history] == ["hi", ""]
    assert [event["error"] for event in history] == [None, "The answer ended failed."]
    streamed = await call(
        world,
        "POST",
        "getStreamingChatResponse",
        {"deploymentId": failing, "messages": [{"is_user": True, "text": "a"}]},
    )
    assert json.loads(streamed.text.splitlines()[-1])["errorType"] == "FailedDependencyError"


async def test_messages_of_the_client_are_given_to_the_model_and_stored_nowhere(world: World) -> None:
    """The model gets the client's messages in order, its instructions behind the bot's, and what the bot's documents say."""
    bot = await bot_of(world, instructions="Be polite.", params={"max_tokens": 7})
    document = await world.made(f"/v1/bots/{bot}/documents", {"text": "Refunds take a week."})
    await world.root.for_tenant().documents.wait(document["id"])
    messages = [
        {"is_user": True, "text": "Hello"},
        {"is_user": False, "text": "Hi."},
        {"is_user": True, "text": "How long do refunds take?"},
    ]
    asked = {"deploymentId": bot, "messages": messages, "temperature": 0.25}
    found = await done(world, "POST", "getChatResponse", asked)
    assert found["messages"][-1] == {"is_user": False, "text": "You said: How long do refunds take?"}
    assert found["searchResults"][0]["results"][0]["answer"] == "Refunds take a week."
    prompt = world.model.calls[-1].prompt
    assert [message.text for message in prompt.messages] == [message["text"] for message in messages]
    assert (prompt.instructions, dict(prompt.params)) == ("Be polite.", {"max_tokens": 7, "temperature": 0.25})
    assert "Refunds take a week." in prompt.system
    await done(world, "POST", "getChatResponse", {**asked, "chatConfig": {"behavior_instructions": "Be brief."}})
    assert world.model.calls[-1].prompt.instructions == "Be polite.\n\nBe brief."
    assert await done(world, "GET", "listDeploymentConversations") == []


async def test_instructions_hold_for_one_answer(world: World) -> None:
    """In a conversation, too, ``systemMessage`` is laid behind the bot's instructions, and the next message knows nothing of it."""
    asked = {"deploymentId": await bot_of(world, instructions="Be polite."), "externalSessionId": "s", "message": "Hi"}
    for action, said, told in (
        ("getConversationResponse", {"systemMessage": "Be brief."}, "Be polite.\n\nBe brief."),
        ("getConversationResponse", {}, "Be polite."),
        (
            "getStreamingConversationResponse",
            {"chatConfig": {"behavior_instructions": "Rhyme."}},
            "Be polite.\n\nRhyme.",
        ),
    ):
        assert (await call(world, "POST", action, {**asked, **said})).status_code == 200
        assert world.model.calls[-1].prompt.instructions == told
