"""What is asked of Abacus.AI's surface with another tenant's ids."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from server.foreign import CANARY, Probe

NOTHING: tuple[Probe, ...] = ()
"""There is no place for an id in the route, or it has no place here at all."""
MESSAGE = {"deploymentConversationId": "{conv}", "message": "x"}
TOKEN = "deploymentToken=x"


def shown(headers: dict[str, str]) -> dict[str, str]:
    """The key as these clients show it."""
    return {"apiKey": headers["Authorization"].removeprefix("Bearer ")}


def api(action: str, body: Any = None, status: int = 404, version: str = "") -> Probe:
    return Probe(f"/api/{version}{action}", body, status)


def sends(action: str) -> tuple[Probe, ...]:
    return (
        api(f"{action}?deploymentId={{bot}}", {"message": "x"}),
        api(action, {"deploymentId": "{bot}", "message": "x", "externalSessionId": CANARY}),
        api(f"{action}?deploymentId={{own_bot}}&{TOKEN}", MESSAGE),
        api(action, {"deploymentId": "{bot}", **MESSAGE}, version="v0/"),
    )


def chats(action: str) -> tuple[Probe, ...]:
    return (api(f"{action}?deploymentId={{bot}}", {"messages": [{"is_user": True, "text": "x"}]}),)


def names(action: str, more: str = "") -> tuple[Probe, ...]:
    return (
        api(f"{action}?deploymentConversationId={{conv}}{more}"),
        api(f"{action}?deploymentConversationId={{conv}}&deploymentId={{bot}}{more}", version="v0/"),
        api(f"{action}?externalSessionId={CANARY}{more}"),
    )


WALK: Mapping[str, tuple[Probe, ...]] = {
    "GET /api/getApiEndpoint": NOTHING,
    "GET /api/version": NOTHING,
    "POST /api/createChatSession": (api("createChatSession", {"projectId": "{bot}"}),),
    "GET /api/getChatSession": (api("getChatSession?chatSessionId={conv}"),),
    "GET /api/listChatSessions": (
        api("listChatSessions", status=200),
        api("listChatSessions?mostRecentPerProject=true", status=200, version="v0/"),
    ),
    "POST /api/renameChatSession": (api("renameChatSession", {"chatSessionId": "{conv}", "name": "x"}),),
    "DELETE /api/deleteChatMessage": (api("deleteChatMessage?chatSessionId={conv}&messageIndex=0"),),
    "POST /api/exportChatSession": (api("exportChatSession", {"chatSessionId": "{conv}"}),),
    "POST /api/sendChatMessage": (api("sendChatMessage", {"chatSessionId": "{conv}", "message": "x"}),),
    "POST /api/createDeploymentConversation": (api("createDeploymentConversation?deploymentId={bot}", {"name": "x"}),),
    "GET /api/getDeploymentConversation": names("getDeploymentConversation"),
    "GET /api/listDeploymentConversations": (
        api("listDeploymentConversations?deploymentId={bot}", status=200),
        api(f"listDeploymentConversations?search={CANARY}", status=200),
        api(f"listDeploymentConversations?externalApplicationId={CANARY}", status=200),
    ),
    "GET /api/exportDeploymentConversation": names("exportDeploymentConversation"),
    "POST /api/renameDeploymentConversation": (
        api("renameDeploymentConversation", {"deploymentConversationId": "{conv}", "name": "x"}),
        api("renameDeploymentConversation?deploymentId={bot}", {"deploymentConversationId": "{own_conv}", "name": "x"}),
    ),
    "DELETE /api/deleteDeploymentConversation": (
        *names("deleteDeploymentConversation"),
        api("deleteDeploymentConversation?deploymentConversationId={own_conv}&deploymentId={bot}"),
    ),
    "POST /api/clearDeploymentConversation": (
        api("clearDeploymentConversation", {"deploymentConversationId": "{conv}"}),
        api("clearDeploymentConversation", {"externalSessionId": CANARY, "userMessageIndices": [0]}),
    ),
    "POST /api/setDeploymentConversationFeedback": (
        api(
            "setDeploymentConversationFeedback",
            {"deploymentConversationId": "{conv}", "messageIndex": 0, "isUseful": True},
        ),
    ),
    "GET /api/getDeploymentConversationEventSegments": names(
        "getDeploymentConversationEventSegments", "&conversationSequenceNumber=0"
    ),
    "GET /api/getDeploymentConversationFile": NOTHING,
    "GET /api/downloadDeploymentConversationArtifacts": NOTHING,
    "POST /api/getConversationResponse": sends("getConversationResponse"),
    "POST /api/getStreamingConversationResponse": sends("getStreamingConversationResponse"),
    "POST /api/getChatResponse": chats("getChatResponse"),
    "POST /api/getStreamingChatResponse": chats("getStreamingChatResponse"),
    "POST /api/getConversationResponseWithBinaryData": NOTHING,
    "POST /api/getStreamingConversationResponseWithBinaryData": NOTHING,
    "POST /api/getChatResponseWithBinaryData": NOTHING,
    "POST /api/getStreamingChatResponseWithBinaryData": NOTHING,
    "POST /api/executeSyncConversationAgent": NOTHING,
    "POST /api/executeConversationAgentStreaming": NOTHING,
    "POST /api/getDeepAgentResponse": NOTHING,
}
