"""Which lists a row is in, and where: a pure function of the row, so that what it was in and what it is in can be compared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from palaver.clock import to_micros
from palaver.conversation import Conversation, ConversationStatus, TurnStatus
from palaver.page import Order
from palaver.stores.orders import ConversationSort
from palaver.stores.redis.kept import KeptBot, KeptConversation, KeptEntity, KeptMessage, KeptTurn
from palaver.stores.redis.keys import (
    GONE_BOTS,
    GONE_CONVERSATIONS,
    GONE_TURNS,
    IDLING,
    LEASES,
    LOGS,
    STALLED,
    TALKING,
    Keys,
    active_of_bot,
    digits,
    of_bot,
    of_entity,
    of_external_id,
    with_status,
)

Entries = Mapping[tuple[str, str], int]
"""(list, member) → score."""

LISTED_TURNS = (TurnStatus.QUEUED, TurnStatus.RUNNING, TurnStatus.INTERRUPTED, TurnStatus.FAILED)
"""Those of the other state are found among all."""

SORTED_BY: Mapping[tuple[ConversationSort, Order], str] = {
    (ConversationSort.LAST_ACTIVITY_AT, Order.DESC): "activity",
    (ConversationSort.LAST_ACTIVITY_AT, Order.ASC): "activity",
    (ConversationSort.STARTED_AT, Order.DESC): "start",
    (ConversationSort.STARTED_AT, Order.ASC): "start",
    (ConversationSort.CREATED_AT, Order.DESC): "making",
    (ConversationSort.CREATED_AT, Order.ASC): "making",
    (ConversationSort.RATING, Order.DESC): "best",
    (ConversationSort.RATING, Order.ASC): "worst",
    (ConversationSort.MESSAGE_COUNT, Order.DESC): "count",
    (ConversationSort.MESSAGE_COUNT, Order.ASC): "count",
}


def sort_key(conversation: Conversation, sorted_by: str) -> int:
    """Return what a list sorts a conversation by. Unrated ones come last in both orders."""
    match sorted_by:
        case "activity":
            return to_micros(conversation.last_activity_at)
        case "start":
            return to_micros(conversation.started_at)
        case "best":
            return conversation.rating or 0
        case "worst":
            return conversation.rating or 6
        case "count":
            return conversation.message_count
        case _:
            return 0


def member_of(kept: KeptConversation, sorted_by: str) -> str:
    """Return the member of a list that stands for a conversation."""
    return f"{digits(sort_key(kept.value, sorted_by))} {kept.place} {kept.id}"


def sorted_list(sorted_by: str, *, deleted: bool) -> str:
    """Return the list of a tenant's conversations that is sorted by this."""
    return f"{'deleted' if deleted else 'by'}/{sorted_by}"


def _lists_of(kept: KeptConversation) -> Iterator[tuple[str, str]]:
    """The lists that a conversation is in, and what they are sorted by."""
    conversation = kept.value
    deleted = conversation.deleted_at is not None
    for sorted_by in set(SORTED_BY.values()):
        yield sorted_list(sorted_by, deleted=deleted), sorted_by
    yield of_bot(conversation.bot_id), "activity"
    if deleted:
        return
    yield with_status(conversation.status), "activity"
    if conversation.status is ConversationStatus.ACTIVE:
        yield active_of_bot(conversation.bot_id), "activity"
    if kept.entity_id is not None:
        yield of_entity(kept.entity_id), "activity"
    if conversation.external_id is not None:
        yield of_external_id(conversation.external_id), "activity"


def conversation_entries(keys: Keys, kept: KeptConversation) -> Entries:
    """Where a conversation is listed."""
    conversation = kept.value
    found = {
        (keys.conversations(kept.tenant_id, name), member_of(kept, sorted_by)): 0 for name, sorted_by in _lists_of(kept)
    }
    if conversation.deleted_at is not None:
        found[keys.listing(GONE_CONVERSATIONS), kept.id] = to_micros(conversation.deleted_at)
    elif kept.waiting and conversation.running_turn_id is None:
        found[keys.listing(STALLED), kept.id] = 0
    return found


def turn_entries(keys: Keys, kept: KeptTurn) -> Entries:
    """Where a turn is listed."""
    turn, record = kept.value, kept.record
    found: dict[tuple[str, str], int] = {(keys.listing(TALKING), kept.tenant_id): 0}
    if record.deleted_at is None:
        member = f"{kept.place} {kept.id}"
        found[keys.turns(kept.tenant_id, None), member] = 0
        if turn.status in LISTED_TURNS:
            found[keys.turns(kept.tenant_id, turn.status), member] = 0
    else:
        found[keys.listing(GONE_TURNS), kept.id] = to_micros(record.deleted_at)
    if turn.status is TurnStatus.RUNNING:
        found[keys.listing(LEASES), kept.id] = record.lease_until or 0
    if turn.status is TurnStatus.QUEUED and record.owner is not None:
        found[keys.queued(record.owner), kept.id] = 0
    if kept.has_log and turn.finished_at is not None:
        found[keys.listing(LOGS), kept.id] = to_micros(turn.finished_at)
    return found


def bot_entries(keys: Keys, kept: KeptBot) -> Entries:
    """Where a bot is listed: in its tenant's list always."""
    bot = kept.bot
    member = f"{bot.id} {kept.tenant_id}"
    found = {(keys.tenant(kept.tenant_id, "bots"), f"{kept.place} {bot.id}"): 0}
    if bot.deleted_at is not None:
        found[keys.listing(GONE_BOTS), member] = to_micros(bot.deleted_at)
    elif bot.idle_timeout_minutes is not None:
        found[keys.listing(IDLING), member] = 0
    return found


def entity_entries(keys: Keys, kept: KeptEntity) -> Entries:
    """Where an entity is listed."""
    return {(keys.tenant(kept.tenant_id, "entities"), f"{kept.place} {kept.entity.id}"): 0}


Kept = KeptBot | KeptEntity | KeptConversation | KeptTurn | KeptMessage


def entries_of(keys: Keys, kept: Kept | None) -> Entries:
    """Where a row is listed; nowhere if there is none."""
    match kept:
        case KeptConversation():
            return conversation_entries(keys, kept)
        case KeptTurn():
            return turn_entries(keys, kept)
        case KeptBot():
            return bot_entries(keys, kept)
        case KeptEntity():
            return entity_entries(keys, kept)
        case _:
            return {}
