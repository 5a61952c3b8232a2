"""Deployment conversations over HTTP."""

from __future__ import annotations

from starlette.responses import Response

from palaver.compat.abacusai import conversations
from palaver.compat.abacusai.routes import absent, action, bot_of, reader_of, result
from palaver.compat.abacusai.schemas import (
    Clearing,
    ConversationEvent,
    ConversationFeedback,
    ConversationName,
    Conversations,
    ConversationView,
    NewConversation,
    OneConversation,
)
from palaver.serving import Caller
from palaver.tenant import Scope


async def create(caller: Caller, asked: NewConversation) -> Response:
    return result(await conversations.create(reader_of(caller), await bot_of(caller, asked.deployment_id), asked))


async def get(caller: Caller, asked: ConversationView) -> Response:
    return result(await conversations.get(reader_of(caller), asked))


async def get_event(caller: Caller, asked: ConversationEvent) -> Response:
    return result(await conversations.get_event(reader_of(caller), asked))


async def listed(caller: Caller, asked: Conversations) -> Response:
    return result(await conversations.listed(reader_of(caller), asked))


async def export(caller: Caller, asked: OneConversation) -> Response:
    return result(await conversations.export(reader_of(caller), asked))


async def rename(caller: Caller, asked: ConversationName) -> Response:
    await conversations.rename(reader_of(caller), asked, asked.name)
    return result(None)


async def delete(caller: Caller, asked: OneConversation) -> Response:
    await conversations.delete(reader_of(caller), asked)
    return result(None)


async def clear(caller: Caller, asked: Clearing) -> Response:
    await conversations.clear(reader_of(caller), asked)
    return result(None)


async def set_feedback(caller: Caller, asked: ConversationFeedback) -> Response:
    await conversations.set_feedback(reader_of(caller), asked)
    return result(None)


_FILES = "give the bot a document instead, or the message an image, over /v1"

ROUTES = (
    action("POST", "createDeploymentConversation", NewConversation, create, Scope.WRITE),
    action("GET", "getDeploymentConversation", ConversationView, get),
    action("GET", "getDeploymentConversationEventSegments", ConversationEvent, get_event),
    action("GET", "listDeploymentConversations", Conversations, listed),
    action("GET", "exportDeploymentConversation", OneConversation, export),
    action("POST", "renameDeploymentConversation", ConversationName, rename, Scope.WRITE),
    action("DELETE", "deleteDeploymentConversation", OneConversation, delete, Scope.WRITE),
    action("POST", "clearDeploymentConversation", Clearing, clear, Scope.WRITE),
    action("POST", "setDeploymentConversationFeedback", ConversationFeedback, set_feedback, Scope.WRITE),
    absent("GET", "getDeploymentConversationFile", _FILES),
    absent("GET", "downloadDeploymentConversationArtifacts", "conversations here hold no other files than images"),
)
