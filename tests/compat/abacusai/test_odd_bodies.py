"""Whatever is sent has a definite answer in the clients' envelope, and never a 500."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from palaver.compat.abacusai import SURFACE
from server.world import World

ODD: tuple[Any, ...] = (
    True,
    -1,
    10**30,
    1e308,
    "",
    " ",
    "a\x00b",
    "\ud800",
    "../x",
    "x" * 5_000,
    [],
    [[]],
    [{}],
    [None],
    ["x"],
    {},
    {"behavior_instructions": "\ud800", "x": 1},
    {"behavior_instructions": {}},
    [{"is_user": "x", "text": 7}],
    [{"is_user": True, "text": "\ud800"}],
)
RAW = (b"null", b"[]", b"7", b'"x"', b"{", b'{"a":1,"a":2}', b'{"a":NaN}', b"[" * 200, b"\xff")
_HOW = dict.fromkeys(
    [
        "numCompletionTokens",
        "temperature",
        "llmName",
        "systemMessage",
        "chatConfig",
        "filterKeyValues",
        "searchScoreCutoff",
        "docInfos",
        "userInfo",
        "ignoreDocuments",
        "executeUsercodeTool",
        "includeSearchResults",
        "excludeThinkingSegments",
    ]
)
_SEND = {
    "deploymentId": "{bot}",
    "deploymentConversationId": "{conv}",
    "externalSessionId": None,
    "message": "x",
    **_HOW,
}
_CHAT = {"deploymentId": "{bot}", "messages": [{"is_user": True, "text": "x"}], **_HOW}
_ONE = {"deploymentConversationId": "{conv}", "externalSessionId": None, "deploymentId": None}
GOOD: Mapping[str, Mapping[str, Any]] = {
    "createChatSession": {"projectId": "{bot}", "name": "n"},
    "renameChatSession": {"chatSessionId": "{conv}", "name": "n"},
    "exportChatSession": {"chatSessionId": "{conv}"},
    "sendChatMessage": {"chatSessionId": "{conv}", "message": "x"},
    "createDeploymentConversation": {"deploymentId": "{bot}", "name": "n", "externalApplicationId": "a"},
    "renameDeploymentConversation": {**_ONE, "name": "n"},
    "clearDeploymentConversation": {**_ONE, "userMessageIndices": None},
    "setDeploymentConversationFeedback": {
        **_ONE,
        "messageIndex": 0,
        "isUseful": True,
        "isNotUseful": None,
        "feedback": "f",
    },
    "getConversationResponse": _SEND,
    "getChatResponse": _CHAT,
    "getStreamingConversationResponse": {"deploymentId": "{bot}", "message": "x", "chatConfig": None},
    "getStreamingChatResponse": {"deploymentId": "{bot}", "messages": [{"is_user": True, "text": "x"}]},
    "getChatSession": {"chatSessionId": "{conv}"},
    "listChatSessions": {"mostRecentPerProject": True},
    "deleteChatMessage": {"chatSessionId": "{conv}", "messageIndex": 0},
    "getDeploymentConversation": {**_ONE, "start": 0, "limit": 3},
    "getDeploymentConversationEventSegments": {**_ONE, "conversationSequenceNumber": 0},
    "listDeploymentConversations": {"deploymentId": "{bot}", "search": "n", "limit": 5, "externalApplicationId": "a"},
    "exportDeploymentConversation": _ONE,
}
"""What is taken, with all fields; null says nothing. A delete of a whole conversation would leave nothing to ask for."""
METHODS = {route.path.removeprefix("/api/"): route.method for route in SURFACE.routes}


def variants(good: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for name in good:
        for odd in ODD:
            yield {**good, name: odd}
        yield {other: value for other, value in good.items() if other != name}


@pytest.mark.parametrize("action", GOOD)
async def test_odd_calls_have_a_definite_answer(world: World, action: str) -> None:
    """Every field of every call with every odd value: a result, or an error that the client raises as one of its own."""
    bot = (await world.made("/v1/bots", {"name": "Helper"}))["id"]
    conversation = (await world.made("/v1/conversations", {"bot_id": bot}))["id"]
    await world.sent(conversation)
    known = {"{bot}": bot, "{conv}": conversation}
    good = {name: known.get(value, value) if isinstance(value, str) else value for name, value in GOOD[action].items()}
    url, is_post = f"/abacusai/api/{action}", METHODS[action] == "POST"
    headers = {"Content-Type": "application/json"}

    async def answer(asked: Mapping[str, Any]) -> int:
        if is_post:
            said = await world.http.post(url, content=json.dumps(asked).encode(), headers=headers)
        else:
            texts = {
                name: str(value).encode(errors="replace").decode() for name, value in asked.items() if value is not None
            }
            said = await world.http.request(METHODS[action], url, params=texts)
        assert said.status_code < 500, (asked, said.text)
        if said.status_code >= 400:
            assert set(said.json()) == {"success", "error", "errorType"}
            assert said.json()["errorType"] != "InternalServerError"
        return said.status_code

    assert await answer(good) == 200
    for asked in variants(good):
        await answer(asked)
    for raw in RAW if is_post else ():
        said = await world.http.post(url, content=raw, headers=headers)
        assert (said.status_code, said.json()["errorType"]) == (400, "InvalidRequest"), raw
