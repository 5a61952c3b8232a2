"""One log below all surfaces: a conversation that is begun through one is gone on with and read through every other."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from itertools import pairwise
from typing import Any

import pytest

from palaver.compat import SURFACES
from server.world import World

SAID = ["First?", "You said: First?", "Second?", "You said: Second?"]
OPENAI, LONGTRAINER, ABACUSAI, KNOWRITHM = "/openai/v1", "/longtrainer", "/abacusai/api", "/knowrithm/v1"


async def done(world: World, method: str, path: str, body: Any = None) -> Any:
    """Return what a call that must work answers."""
    answer = await world.http.request(method, path, json=body)
    assert answer.status_code in {200, 201}, answer.text
    return answer.json() if answer.headers["content-type"].startswith("application/json") else answer.text


async def begin(world: World, surface: str, bot: str) -> str:
    """Begin a conversation through a surface, and return the id that its client is told."""
    match surface:
        case "sessions":
            return str((await done(world, "POST", "/new_session"))["session_id"])
        case "openai":
            return str((await done(world, "POST", f"{OPENAI}/conversations", {"metadata": {"model": bot}}))["id"])
        case "longtrainer":
            return str((await done(world, "POST", f"{LONGTRAINER}/bots/{bot}/chats"))["chat_id"])
        case "abacusai":
            made = await done(
                world, "POST", f"{ABACUSAI}/createDeploymentConversation?deploymentId={bot}", {"name": "n"}
            )
            return str(made["result"]["deploymentConversationId"])
        case _:
            return str((await done(world, "POST", f"{KNOWRITHM}/conversation", {"agent_id": bot}))["id"])


async def ask(world: World, surface: str, bot: str, conv: str, text: str) -> None:
    """Ask through a surface, and wait for the answer."""
    match surface:
        case "sessions":
            await done(world, "POST", "/chat", {"session_id": conv, "message": text})
        case "openai":
            await done(world, "POST", f"{OPENAI}/responses", {"model": bot, "conversation": conv, "input": text})
        case "longtrainer":
            await done(world, "POST", f"{LONGTRAINER}/bots/{bot}/chats/{conv}", {"query": text})
        case "abacusai":
            await done(world, "POST", f"{ABACUSAI}/sendChatMessage", {"chatSessionId": conv, "message": text})
        case _:
            await done(world, "POST", f"{KNOWRITHM}/conversation/{conv}/chat", {"message": text})


async def read_sessions(world: World, conv: str) -> tuple[list[str], list[str]]:
    pairs = (await done(world, "GET", f"/session/{conv}/history"))["history"]
    return [text for pair in pairs for text in (pair["input"], pair["output"])], []


async def read_openai(world: World, conv: str) -> tuple[list[str], list[str]]:
    items = (await done(world, "GET", f"{OPENAI}/conversations/{conv}/items?order=asc"))["data"]
    return [item["content"][0]["text"] for item in items], [item["id"] for item in items]


async def read_longtrainer(world: World, conv: str) -> tuple[list[str], list[str]]:
    rows = (await done(world, "GET", f"{LONGTRAINER}/chats/{conv}?order=oldest"))["messages"]
    assert {row["chat_id"] for row in rows} == {conv}
    return [text for row in rows for text in (row["question"], row["answer"])], []


async def read_abacusai(world: World, conv: str) -> tuple[list[str], list[str]]:
    session = (await done(world, "GET", f"{ABACUSAI}/getChatSession?chatSessionId={conv}"))["result"]
    path = f"{ABACUSAI}/getDeploymentConversation?deploymentConversationId={conv}"
    deployment = (await done(world, "GET", path))["result"]
    assert (session["chatSessionId"], deployment["deploymentConversationId"]) == (conv, conv)
    texts = [event["text"] for event in deployment["history"]]
    assert [[part["segment"] for part in message["text"]] for message in session["chatHistory"]] == [[t] for t in texts]
    return texts, []


async def read_knowrithm(world: World, conv: str) -> tuple[list[str], list[str]]:
    messages = (await done(world, "GET", f"{KNOWRITHM}/conversation/{conv}/messages"))["messages"]
    assert {message["conversation_id"] for message in messages} == {conv}
    return [message["content"] for message in messages], [message["id"] for message in messages]


READERS: Mapping[str, Callable[[World, str], Awaitable[tuple[list[str], list[str]]]]] = {
    "sessions": read_sessions,
    "openai": read_openai,
    "longtrainer": read_longtrainer,
    "abacusai": read_abacusai,
    "knowrithm": read_knowrithm,
}
NAMES = list(READERS)


def test_every_surface_reads() -> None:
    """A surface that is new has a reader here, too."""
    assert set(READERS) == {surface.name for surface in SURFACES}


@pytest.mark.parametrize(("first", "second"), list(pairwise([*NAMES, NAMES[0]])))
async def test_what_is_said_through_one_is_read_through_all(world: World, first: str, second: str) -> None:
    """Begun and asked through one surface, asked again through another: each shows the same texts in their order under the
    conversation's one id, and the messages' own ids where its clients know such."""
    made = await begin(world, first, (await done(world, "POST", "/v1/bots", {"name": "Helper"}))["id"])
    bot = (await done(world, "GET", f"/v1/conversations/{made}"))["bot_id"]
    for surface, text in ((first, SAID[0]), (second, SAID[2])):
        await ask(world, surface, bot, made, text)
    messages = (await done(world, "GET", f"/v1/conversations/{made}/messages"))["data"]
    ids = [message["id"] for message in messages]
    assert len(ids) == len(SAID)
    for name, read in READERS.items():
        texts, told = await read(world, made)
        assert texts == SAID, name
        assert told in ([], ids), name
    assert world.model.call_count == 2
