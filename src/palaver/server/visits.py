"""Keeping a visitor to its bot and its entity: everything else does not exist for it."""

from __future__ import annotations

from collections.abc import Sequence

from palaver.allowances import Rate
from palaver.attachment import PREFIX, is_attachment_id
from palaver.conversation import Conversation
from palaver.errors import Forbidden, NotFound
from palaver.http.sse import StreamSlots
from palaver.server.call import Call
from palaver.wire.conversations import ConversationCreate, ConversationQuery
from palaver.wire.files import FileUpload
from palaver.wire.messages import MessageRegenerate
from palaver.wire.widget import LeadForm, Widget, widget_of

VISITOR_STREAMS_MAX = 8


def _is_own(call: Call, conversation: Conversation) -> bool:
    entity = conversation.entity
    return conversation.bot_id == call.access.bot_id and entity is not None and entity.id == call.access.entity_id


async def check_conversation(call: Call, conversation_id: str) -> None:
    """Raise ``NotFound`` unless the caller may see this conversation."""
    if call.access.is_visitor and not _is_own(call, await call.hub.conversations.get(conversation_id)):
        raise NotFound


async def conversation_id(call: Call) -> str:
    """Return the conversation's id in the path, which the caller may see."""
    known = call.id("conv")
    await check_conversation(call, known)
    return known


async def message_id(call: Call) -> str:
    """Return the message's id in the path, which the caller may see."""
    known = call.id("msg")
    if call.access.is_visitor:
        message = await call.serving.root.store.get_message(call.access.tenant_id, known)
        await check_conversation(call, message.conversation_id)
    return known


async def turn_id(call: Call) -> str:
    """Return the turn's id in the path, which the caller may see."""
    known = call.id("turn")
    if call.access.is_visitor:
        await check_conversation(call, (await call.hub.turns.get(known)).conversation_id)
    return known


def _visitor(call: Call) -> str:
    return f"{call.access.bot_id} {call.access.entity_id}"


def own_upload(call: Call) -> dict[str, str]:
    """Return the id and the owner of what a caller uploads: a visitor's is known as its own by its id."""
    if not call.access.is_visitor:
        return {}
    owner = _visitor(call)
    return {"owner": owner, "file_id": call.serving.root.owned_ids.new(PREFIX, owner)}


async def file_id(call: Call) -> str:
    """Return the file's id in the path, which the caller may see."""
    known = call.id(PREFIX)
    await check_files(call, [known])
    return known


async def check_files(call: Call, given: Sequence[str | FileUpload]) -> None:
    """Raise ``NotFound`` for the id of a file that a visitor may not see: it sees what it uploaded, and what messages of its
    conversations refer to."""
    for each in given if call.access.is_visitor else ():
        if isinstance(each, str) and is_attachment_id(each) and not await _is_own_file(call, each):
            raise NotFound


async def _is_own_file(call: Call, known: str) -> bool:
    if call.serving.root.owned_ids.is_of(known, _visitor(call)):
        return True
    whose = {"bot_id": call.access.bot_id, "entity_id": call.access.entity_id}
    return await call.serving.root.store.shows_attachment(call.access.tenant_id, known, **whose)


def own_conversation(call: Call, wanted: ConversationCreate) -> dict[str, object]:
    """Return what a caller may create: a visitor's conversation is with its bot and its entity."""
    given = wanted.given()
    if not call.access.is_visitor:
        return given
    if wanted.bot_id != call.access.bot_id or wanted.entity_id not in (None, call.access.entity_id):
        raise NotFound
    if wanted.entity is not None or wanted.entity_type is not None:
        raise Forbidden("A visitor talks as its own entity.")
    return {**given, "entity_id": call.access.entity_id}


def own_listing(call: Call, wanted: ConversationQuery) -> dict[str, object]:
    """Return what a caller may list: a visitor's own conversations, deleted ones never."""
    given = wanted.given()
    if not call.access.is_visitor:
        return given
    if wanted.deleted:
        raise Forbidden("A visitor does not see what was deleted.")
    own = {"bot_id": call.access.bot_id, "entity_id": call.access.entity_id}
    if any(given.get(name, mine) != mine for name, mine in own.items()):
        raise NotFound
    return {**given, **own}


async def check_sending(call: Call, wanted: MessageRegenerate) -> None:
    """Let a visitor send, or not.

    Raises:
        Forbidden: It sets the model's parameters, which are the bot's; or (``lead_required``) it did not say who it is.
        RateLimited: It says too much.
    """
    if not call.access.is_visitor:
        return
    if "params" in wanted.model_fields_set:
        raise Forbidden("A visitor does not set the model's parameters.")
    widget = await _widget(call)
    visit = call.access.visit
    if widget is not None and widget.lead is LeadForm.REQUIRED and visit is not None and not visit.named:
        entity = await call.hub.entities.get(call.access.entity_id or "")
        if entity.email is None:
            raise Forbidden("Say first who you are.", code="lead_required")
    _take(call, "message", widget)


def slots(call: Call) -> StreamSlots:
    """Return the event streams that a caller may open: a visitor only a few, so that others find room."""
    streams = call.serving.streams
    return streams.of(_visitor(call), VISITOR_STREAMS_MAX) if call.access.is_visitor else streams


async def check_making(call: Call, what: str) -> None:
    """Raise ``RateLimited`` where a visitor makes too much of something: as much of each as it may say."""
    if call.access.is_visitor:
        _take(call, what, await _widget(call))


async def _widget(call: Call) -> Widget | None:
    return widget_of(await call.hub.bots.get(call.access.bot_id or ""))


def _take(call: Call, what: str, widget: Widget | None) -> None:
    """Count it, where there is a widget that says how much may be; elsewhere it is for whoever made the key."""
    if widget is None:
        return
    minute = Rate(times=widget.messages_per_minute, seconds=60)
    day = Rate(times=widget.messages_per_day, seconds=86_400)
    call.serving.allowances.take(f"{what} {_visitor(call)}", minute, day)
