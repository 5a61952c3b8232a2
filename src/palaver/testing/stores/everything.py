"""All that a store says of what it holds, read through its contract: what two stores that hold the same agree on."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from functools import partial
from typing import Any

from palaver.bot import Bot
from palaver.conversation import Conversation, TurnStatus
from palaver.page import Order, Slice, Window
from palaver.stores.base import Feature, Store
from palaver.stores.figures import FiguresQuery, Grouping, Tally, UnfoundFilter
from palaver.stores.knowledge_orders import DocumentFilter, TrainingFilter
from palaver.stores.orders import ConversationFilter, ConversationSort, SearchQuery
from palaver.testing.stores.making import walk

LIMIT = 7
"""Small pages, so that many of them are read."""
_FOREVER = 2**31
"""In quarters of an hour: 61,000 years."""


async def everything(store: Store, words: Sequence[str] = ("Hello", "word")) -> dict[str, Any]:
    """Return what all reading methods say, by what was asked. A search is made for each of the words."""
    tenants = await walk(store.page_tenants, LIMIT)
    found: dict[str, Any] = {
        "tenants": tenants,
        "keys": await walk(partial(store.page_keys, None), LIMIT),
        "turns": await walk(partial(store.page_turns, None, None), LIMIT),
        "closed": await store.any_key_ever(),
    }
    for tenant in tenants:
        found |= {f"{tenant.id}: {asked}": said async for asked, said in _of_tenant(store, tenant.id, words)}
    return found


async def _of_tenant(store: Store, tenant_id: str, words: Sequence[str]) -> AsyncIterator[tuple[str, Any]]:
    yield "keys", await walk(partial(store.page_keys, tenant_id), LIMIT)
    yield "entities", await walk(partial(store.page_entities, tenant_id), LIMIT)
    for deleted in (False, True):
        yield f"bots, deleted: {deleted}", await walk(partial(store.page_bots, tenant_id, deleted=deleted), LIMIT)
    for status in (None, *TurnStatus):
        yield f"turns, {status}", await walk(partial(store.page_turns, tenant_id, status), LIMIT)
    yield "figures", await _figures(store, tenant_id)
    ever = UnfoundFilter(first=0, last=_FOREVER)
    yield "unfound", await walk(partial(store.page_unfound, tenant_id, ever), LIMIT)
    for wanted in _FILTERS:
        yield f"conversations, {wanted}", await _conversations(store, tenant_id, wanted)
    if Feature.MESSAGE_SEARCH in store.features:
        for word in words:
            yield f"messages with {word}", await walk(_searching(store, tenant_id, word), LIMIT)
    for bot in await walk(partial(store.page_bots, tenant_id), LIMIT):
        async for asked, said in _of_bot(store, tenant_id, bot):
            yield f"{bot.id}: {asked}", said
    for conversation in await _conversations(store, tenant_id, ConversationFilter()):
        async for asked, said in _of_conversation(store, tenant_id, conversation):
            yield f"{conversation.id}: {asked}", said


async def _figures(store: Store, tenant_id: str) -> Sequence[Sequence[Tally]]:
    return [await store.figures(tenant_id, FiguresQuery(bounds=(0, _FOREVER), by=by)) for by in Grouping]


def _searching(store: Store, tenant_id: str, word: str) -> Any:
    return partial(store.search_messages, tenant_id, SearchQuery(text=word))


_FILTERS = (
    *(ConversationFilter(sort=sort, order=order) for sort in ConversationSort for order in Order),
    ConversationFilter(deleted=True),
)


async def _conversations(store: Store, tenant_id: str, wanted: ConversationFilter) -> Sequence[Conversation]:
    return await walk(partial(store.page_conversations, tenant_id, wanted), LIMIT)


async def _of_bot(store: Store, tenant_id: str, bot: Bot) -> AsyncIterator[tuple[str, Any]]:
    yield "index", await store.bot_index(tenant_id, bot.id)
    yield "changes", await store.index_changes(tenant_id, bot.id, after=0, limit=1000)
    pairs = await store.page_untrained(tenant_id, TrainingFilter(bot_id=bot.id), Window(limit=1000))
    yield "untrained", pairs.data
    for deleted in (False, True):
        wanted = DocumentFilter(bot_id=bot.id, deleted=deleted)
        documents = await walk(partial(store.page_documents, tenant_id, wanted), LIMIT)
        yield f"documents, deleted: {deleted}", documents
        for document in documents:
            yield f"{document.id}: chunks", await walk(partial(store.page_chunk_records, tenant_id, document.id), LIMIT)
            yield f"{document.id}: content", await store.record_content(tenant_id, document.id)


async def _of_conversation(store: Store, tenant_id: str, conversation: Conversation) -> AsyncIterator[tuple[str, Any]]:
    async def page(window: Window) -> Slice[Any]:
        return await store.page_messages(tenant_id, conversation.id, window)

    messages = await walk(page, LIMIT)
    branches = await store.branches(tenant_id, conversation.id)
    yield "messages", messages
    yield "branches", branches
    turn_ids = {message.turn_id for message in messages} | {branch.turn_id for branch in branches}
    for turn_id in sorted(turn_ids):
        yield f"{turn_id}: itself", await store.get_turn(tenant_id, turn_id)
        yield f"{turn_id}: log", await store.read_log(tenant_id, turn_id, after=0, limit=1000, deleted=True)
        yield f"{turn_id}: lineage", await store.lineage(tenant_id, turn_id, turns=5)
