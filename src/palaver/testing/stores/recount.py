"""Figures, counted from the records of a store one by one: what ``figures`` must say at any time."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Sequence
from functools import partial

from palaver.bot import Bot
from palaver.clock import to_micros
from palaver.conversation import Conversation, TurnStatus
from palaver.page import Window
from palaver.stores.base import Store
from palaver.stores.figures import QUARTER_MICROS, FiguresQuery, Grouping, Tally, latency_class
from palaver.stores.records import (
    BotRecord,
    ConversationRecord,
    EntityRecord,
    Inside,
    MessageRecord,
    Record,
    Shelf,
    TurnRecord,
)
from palaver.testing.stores.making import walk

Key = tuple[int, str, str, str | None]
"""A quarter, a bot, a model, an entity."""


async def recount(store: Store, tenant_id: str, wanted: FiguresQuery) -> Sequence[Tally]:
    """Return what is asked for, counted from all records of a tenant."""
    counts: dict[int | str, Counter[str]] = defaultdict(Counter)
    active: dict[int | str, set[str]] = defaultdict(set)
    async for (quarter, bot_id, model, entity_id), found in _everything(store, tenant_id):
        if not wanted.bounds[0] <= quarter < wanted.bounds[-1]:
            continue
        if wanted.bot_id not in (None, bot_id) or wanted.model not in (None, model):
            continue
        if wanted.entity_id not in (None, entity_id):
            continue
        span = max(number for number, bound in enumerate(wanted.bounds) if bound <= quarter)
        keys: dict[Grouping, int | str | None] = {
            Grouping.SPAN: span,
            Grouping.BOT: bot_id,
            Grouping.MODEL: model,
            Grouping.ENTITY: entity_id,
        }
        key = keys[wanted.by]
        if key is not None:
            counts[key].update(found)
            if found["turns"] and entity_id is not None:
                active[key].add(entity_id)
    tallies = [
        Tally(
            key=key,
            counts={name: each for name, each in sorted(all_of.items()) if each},
            active_entities=len(active[key]),
        )
        for key, all_of in counts.items()
    ]
    return sorted((tally for tally in tallies if tally.counts), key=lambda tally: tally.key)


async def _everything(store: Store, tenant_id: str) -> AsyncIterator[tuple[Key, Counter[str]]]:
    bots = {each.bot.id: each.bot for each in await _shelf(store, Shelf.BOTS, tenant_id) if isinstance(each, BotRecord)}
    entities = {
        each.entity.id for each in await _shelf(store, Shelf.ENTITIES, tenant_id) if isinstance(each, EntityRecord)
    }
    for record in await _shelf(store, Shelf.CONVERSATIONS, tenant_id):
        assert isinstance(record, ConversationRecord)
        chat = record.conversation
        if chat.deleted_at is None and not _is_gone(bots.get(chat.bot_id)):
            entity_id = chat.entity.id if chat.entity is not None and chat.entity.id in entities else None
            for key, found in await _of_conversation(store, tenant_id, chat, entity_id):
                yield key, found


def _is_gone(bot: Bot | None) -> bool:
    return bot is None or bot.deleted_at is not None


async def _shelf(store: Store, shelf: Shelf, tenant_id: str) -> list[Record]:
    return await walk(partial(store.page_records, shelf, tenant_id), 100)


async def _inside(store: Store, inside: Inside, tenant_id: str, conversation_id: str) -> list[Record]:
    async def page(window: Window) -> object:
        return await store.page_inside(inside, tenant_id, conversation_id, window)

    return await walk(page, 100)  # type: ignore[arg-type]


async def _of_conversation(
    store: Store, tenant_id: str, chat: Conversation, entity_id: str | None
) -> list[tuple[Key, Counter[str]]]:
    turns = [each for each in await _inside(store, Inside.TURNS, tenant_id, chat.id) if isinstance(each, TurnRecord)]
    said = [
        each for each in await _inside(store, Inside.MESSAGES, tenant_id, chat.id) if isinstance(each, MessageRecord)
    ]
    counted = sorted(
        (each for each in turns if each.deleted_at is None and each.turn.status.is_terminal),
        key=lambda each: each.turn.index,
    )
    model = next((each.turn.model for each in counted if each.turn.model), "")
    began = Counter({"conversations": 1})
    if chat.rating is not None:
        began[f"conversation_rated.{chat.rating}"] += 1
    found = [((to_micros(chat.started_at) // QUARTER_MICROS, chat.bot_id, model, entity_id), began)]
    if chat.ended_at is not None and chat.end_reason is not None:
        quarter = to_micros(chat.ended_at) // QUARTER_MICROS
        found.append(((quarter, chat.bot_id, model, entity_id), Counter({f"ended.{chat.end_reason}": 1})))
    for each in counted:
        quarter = to_micros(each.turn.created_at) // QUARTER_MICROS
        found.append(((quarter, chat.bot_id, each.turn.model, entity_id), _of_turn(each, said)))
    return found


def _of_turn(record: TurnRecord, said: Sequence[MessageRecord]) -> Counter[str]:
    turn = record.turn
    found = Counter({"turns": 1, turn.status.value: 1})
    for each in said:
        if each.deleted_at is None and each.message.turn_id == turn.id:
            found["questions" if each.message.id == turn.user_message_id else "answers"] += 1
            if each.message.rating is not None:
                found[f"rated.{each.message.rating}"] += 1
    found["input_tokens"] += turn.usage.input_tokens
    found["output_tokens"] += turn.usage.output_tokens
    found["cost_micro"] += turn.usage.cost_micro or 0
    if turn.model:
        found["unpriced"] += turn.usage.cost_micro is None
        asked_at = to_micros(turn.created_at)
        if turn.status is TurnStatus.COMPLETED and turn.finished_at is not None:
            found["unfound"] += turn.context is not None and turn.context.chunks == 0
            found[f"response.{latency_class(to_micros(turn.finished_at) - asked_at)}"] += 1
            found["response_micros"] += to_micros(turn.finished_at) - asked_at
        if turn.first_token_at is not None:
            micros = max(to_micros(turn.first_token_at) - asked_at, 0)
            found[f"first_token.{latency_class(micros)}"] += 1
            found["first_token_micros"] += micros
    return +found
