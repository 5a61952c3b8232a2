"""Conversations as Knowrithm's callers begin, find and change them, on any hub."""

from __future__ import annotations

from typing import Any

from palaver.arguments import ConversationEdits, ConversationFields
from palaver.compat.knowrithm.agents import agent_id_of
from palaver.compat.knowrithm.paging import Rows, each
from palaver.compat.knowrithm.schemas import ConversationBegin, ConversationChange, ConversationQuery, Shown
from palaver.compat.knowrithm.translate import CONTEXT_LENGTH
from palaver.conversation import Conversation, ConversationStatus
from palaver.surface import Hub


async def begin(hub: Hub, wanted: ConversationBegin) -> Conversation:
    """Begin a conversation. With no ``entity_id`` somebody new talks, of the type that is said."""
    metadata = dict(wanted.metadata or {})
    if wanted.max_context_length is not None:
        metadata[CONTEXT_LENGTH] = wanted.max_context_length
    fields: ConversationFields = {"title": wanted.title, "metadata": metadata}
    if wanted.entity_id is not None:
        fields["entity_id"] = wanted.entity_id
    elif wanted.entity_type is not None:
        fields["entity_type"] = wanted.entity_type
    return await hub.conversations.create(await agent_id_of(hub, wanted.agent_id), **fields)


async def listed(hub: Hub, query: ConversationQuery, **fixed: Any) -> Rows[Conversation]:
    """Return the conversations that are asked for, in their order; ``fixed`` stands over the query."""
    asked = query.model_copy(update=fixed)
    filters: dict[str, Any] = {
        "bot_id": None if asked.agent_id is None else await agent_id_of(hub, asked.agent_id),
        "entity_id": asked.entity_id,
        "entity_type": asked.entity_type,
        "status": Shown(asked.status).status,
        "q": asked.search,
        "created_after": asked.created_after,
        "created_before": asked.created_before,
    }
    return each(
        hub.conversations.list,
        **{name: value for name, value in filters.items() if value is not None},
        deleted=asked.status == Shown.DELETED,
        sort=asked.sort_by.sort,
        order=asked.sort_order,
    )


async def change(hub: Hub, conversation_id: str, wanted: ConversationChange) -> Conversation:
    """Change a conversation: its title, its metadata (merged; None removes a key), its status."""
    edits: ConversationEdits = {}
    if "title" in wanted.model_fields_set:
        edits["title"] = wanted.title
    if wanted.metadata is not None:
        edits["metadata"] = wanted.metadata
    changed = await hub.conversations.update(conversation_id, **edits)
    match wanted.status:
        case None | changed.status:
            return changed
        case ConversationStatus.ACTIVE:
            return await hub.conversations.reopen(conversation_id)
        case ConversationStatus.ENDED:
            return await hub.conversations.end(conversation_id)
        case ConversationStatus.ARCHIVED:
            return await hub.conversations.archive(conversation_id)
