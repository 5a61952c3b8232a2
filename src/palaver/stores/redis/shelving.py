"""Puts records where they belong: those of a kind that follow each other in one go, those inside a conversation in one step."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from palaver.clock import to_micros
from palaver.conversation import TurnStatus
from palaver.errors import Conflict, InvalidInput
from palaver.stores.openings import Waiting
from palaver.stores.records import (
    AttachmentRecord,
    BotRecord,
    ConversationRecord,
    EntityRecord,
    EventRecord,
    KeyRecord,
    MessageRecord,
    Record,
    TenantRecord,
    TurnRecord,
)
from palaver.stores.redis.attachments import Linking
from palaver.stores.redis.begin import attachments_of, put_message_record, put_turn
from palaver.stores.redis.bots import holder_of, take_name
from palaver.stores.redis.entities import take_external_id
from palaver.stores.redis.events import add_event, log_end
from palaver.stores.redis.kept import KeptBot, KeptConversation, KeptEntity, KeptTurn
from palaver.stores.redis.keys import digits
from palaver.stores.redis.once import claim, claim_of
from palaver.stores.redis.script import step
from palaver.stores.redis.session import Session, answer
from palaver.stores.redis.tenants import put_key
from palaver.stores.rows import to_json

_Put = Callable[[str, Sequence[Any]], Awaitable[None]]


class Shelving(Linking):
    """How records are put."""

    def _putter(self, record: Record) -> _Put:
        match record:
            case TenantRecord():
                return self._put_tenants
            case KeyRecord():
                return self._put_keys
            case BotRecord():
                return self._put_bots
            case EntityRecord():
                return self._put_entities
            case AttachmentRecord():
                return self._put_attachments
            case _:
                return self._put_inside

    async def _reserve(self, kind: str, place: int) -> None:
        """What is made here from now on comes behind what was put."""
        key = self._keys.counter(kind)
        while int((known := (await self._wire.ask([("GET", key)]))[0]) or 0) < place:
            expected = "" if known is None else known.decode()
            await self._wire.run(step([("SET", key, place)], checks=[(("GET", key), expected)]))

    async def _put_tenants(self, _tenant_id: str, records: Sequence[TenantRecord]) -> None:
        for record in records:
            await self._write(partial(_put_tenant, record=record), "tenants")

    async def _put_keys(self, tenant_id: str, records: Sequence[KeyRecord]) -> None:
        await self._reserve("keys", max(record.place for record in records))
        for record in records:
            if (await self._wire.ask([("HEXISTS", self._keys.all("api-key-ids"), record.key.id)]))[0]:
                continue
            await self._write(partial(put_key, record=record, place=digits(record.place)), tenant_id)

    async def _put_bots(self, tenant_id: str, records: Sequence[BotRecord]) -> None:
        await self._reserve("bots", max(record.place for record in records))
        for record in records:
            await self._write(partial(_put_bot, tenant_id=tenant_id, record=record), tenant_id)

    async def _put_entities(self, tenant_id: str, records: Sequence[EntityRecord]) -> None:
        await self._reserve("entities", max(record.place for record in records))
        for record in records:
            await self._write(partial(_put_entity, tenant_id=tenant_id, record=record), tenant_id)

    async def _put_attachments(self, tenant_id: str, records: Sequence[AttachmentRecord]) -> None:
        for record in records:
            if record.content is None:
                raise InvalidInput("An attachment is put with its bytes.")
            if not (await self._wire.ask([("EXISTS", self._keys.inside(record.attachment.id))]))[0]:
                await self._keep(tenant_id, record.attachment, record.content, used=record.used)

    async def _put_inside(self, tenant_id: str, records: Sequence[Record]) -> None:
        for conversation_id, part in _by_conversation(records):
            for kind, of_kind in _PLACED.items():
                await self._reserve(
                    kind, max((_place_of(record) for record in part if isinstance(record, of_kind)), default=0)
                )
            for record in part:
                match record:
                    case MessageRecord(message=message) if ids := attachments_of(message.parts):
                        await self._link(tenant_id, message.id, ids)
                    case ConversationRecord(once=once) if once is not None:
                        claiming = partial(_claim, tenant_id=tenant_id, record=record)
                        await self._write(claiming, tenant_id)
                    case _:
                        continue
            put = partial(_put_all, tenant_id=tenant_id, records=part)
            await self._write(put, conversation_id)


def _by_conversation(records: Sequence[Record]) -> Sequence[tuple[str, Sequence[Record]]]:
    """Records with their conversations; conversations that follow each other are many, what is inside is of one."""
    parts: list[tuple[str, list[Record]]] = []
    for record in records:
        conversation_id = _conversation_id(record)
        if parts and conversation_id in (None, parts[-1][0]):
            parts[-1][1].append(record)
        else:
            parts.append((conversation_id or "", [record]))
    return parts


def _conversation_id(record: Record) -> str | None:
    match record:
        case ConversationRecord(conversation=conversation):
            return conversation.id
        case TurnRecord(turn=turn):
            return turn.conversation_id
        case MessageRecord(message=message):
            return message.conversation_id
        case _:
            return None


_PLACED = {"conversations": ConversationRecord, "turns": TurnRecord}


def _place_of(record: Record) -> int:
    match record:
        case ConversationRecord(place=place) | TurnRecord(place=place):
            return place
        case _:
            return 0


async def _put_tenant(db: Session, record: TenantRecord) -> None:
    tenant = record.tenant
    db.do("HSET", db.keys.all("tenants"), tenant.id, to_micros(tenant.created_at))
    db.do("ZADD", db.keys.all("tenant-names"), 0, tenant.id)


async def _put_bot(db: Session, tenant_id: str, record: BotRecord) -> None:
    bot = record.bot
    there, _ = await db.read(db.bot(tenant_id, bot.id), claim_of(db, tenant_id, "bot", record.once))
    if there is None:
        kept = KeptBot(tenant_id=tenant_id, bot=bot, once=record.once, place=digits(record.place))
        if bot.deleted_at is None:
            take_name(db, kept, await db.one(holder_of(db, tenant_id, bot.name)))
        claim(db, tenant_id, "bot", record.once, bot.id)
        db.put(kept)


async def _put_entity(db: Session, tenant_id: str, record: EntityRecord) -> None:
    entity = record.entity
    there, _ = await db.read(db.entity(tenant_id, entity.id), claim_of(db, tenant_id, "entity", record.once))
    if there is None:
        await take_external_id(db, tenant_id, entity)
        claim(db, tenant_id, "entity", record.once, entity.id)
        db.put(KeptEntity(tenant_id=tenant_id, entity=entity, once=record.once, place=digits(record.place)))


async def _claim(db: Session, tenant_id: str, record: ConversationRecord) -> None:
    if await db.one(claim_of(db, tenant_id, "conversation", record.once)) is None:
        claim(db, tenant_id, "conversation", record.once, record.conversation.id)


async def _put_all(db: Session, tenant_id: str, records: Sequence[Record]) -> None:
    for record in records:
        match record:
            case ConversationRecord():
                await _put_conversation(db, tenant_id, record)
            case TurnRecord():
                await _put_turn(db, tenant_id, record)
            case MessageRecord():
                await _put_message(db, tenant_id, record)
            case _:
                continue
    await _put_events(db, [record for record in records if isinstance(record, EventRecord)])


def _missing(any_id: str | None) -> Conflict:
    return Conflict(f"A record refers to {any_id}, which is not there.")


async def _put_conversation(db: Session, tenant_id: str, record: ConversationRecord) -> None:
    """One that was deleted with its bot is hidden by the bot's own row. What it names of turns is there at last."""
    value = record.conversation
    there, bot = await db.read(db.conversation(value.id), db.bot(tenant_id, value.bot_id))
    if bot is None:
        raise _missing(value.bot_id)
    if there is not None and there.tenant_id != tenant_id:
        raise Conflict("A conversation with this id exists already.")
    entity_id = None if value.entity is None else value.entity.id
    if entity_id is not None and await db.one(db.entity(tenant_id, entity_id)) is None:
        raise _missing(entity_id)
    hidden_by_bot = record.deletion == value.bot_id
    conversation = replace(
        value,
        entity=None,
        head_turn_id=await _if_there(db, value.head_turn_id),
        running_turn_id=await _if_there(db, value.running_turn_id),
        deleted_at=None if hidden_by_bot else value.deleted_at,
    )
    kept = KeptConversation(
        tenant_id=tenant_id,
        record=replace(record, conversation=conversation, deletion=None if hidden_by_bot else record.deletion),
        entity_id=entity_id,
        waiting=() if there is None else there.waiting,
        place=digits(record.place) if there is None else there.place,
        revision=0 if there is None else there.revision,
        metadata=to_json(value.metadata),
    )
    db.put(kept)


async def _if_there(db: Session, turn_id: str | None) -> str | None:
    return None if turn_id is None or await db.one(db.turn(turn_id)) is None else turn_id


async def _conversation_of(db: Session, tenant_id: str, conversation_id: str) -> KeptConversation:
    kept = await db.one(db.conversation(conversation_id))
    if kept is None or kept.tenant_id != tenant_id:
        raise _missing(conversation_id)
    return kept


async def _put_turn(db: Session, tenant_id: str, record: TurnRecord) -> None:
    turn = record.turn
    kept = await _conversation_of(db, tenant_id, turn.conversation_id)
    if await db.one(db.turn(turn.id)) is not None:
        return
    if turn.parent_id is not None and await db.one(db.turn(turn.parent_id)) is None:
        raise _missing(turn.parent_id)
    place = answer("ZRANGEBYSCORE", db.keys.inside(kept.id, "turns"), turn.index, turn.index)
    if await db.one(place):
        raise Conflict("Another turn has this place in the conversation.")
    put_turn(db, kept, record, place=digits(record.place))
    if turn.status is TurnStatus.QUEUED:
        waiting = (*kept.waiting, Waiting(id=turn.id, interrupting=record.interrupting))
        indexes = {each.id: (await db.one(db.turn(each.id))).value.index for each in waiting}  # type: ignore[union-attr]
        db.put(replace(kept, waiting=tuple(sorted(waiting, key=lambda each: indexes[each.id]))))


async def _put_message(db: Session, tenant_id: str, record: MessageRecord) -> None:
    message = record.message
    kept = await _conversation_of(db, tenant_id, message.conversation_id)
    there, turn = await db.read(db.message(message.id), db.turn(message.turn_id))
    if there is not None:
        return
    if turn is None:
        raise _missing(message.turn_id)
    place = answer("ZRANGEBYSCORE", db.keys.inside(kept.id, "messages"), message.seq, message.seq)
    if await db.one(place):
        raise Conflict("Another message has this place in the conversation.")
    put_message_record(db, kept, record, turn.value.user_message_id)


async def _put_events(db: Session, records: Sequence[EventRecord]) -> None:
    ends: dict[str, int] = {}
    for record in records:
        turn: KeptTurn | None = await db.one(db.turn(record.turn_id))
        if turn is None:
            raise _missing(record.turn_id)
        await db.one(db.conversation(turn.value.conversation_id))
        if record.turn_id not in ends:
            end = await db.one(log_end(db, record.turn_id))
            db.check(str(end.length), "XLEN", db.keys.inside(record.turn_id, "log"))
            ends[record.turn_id] = end.seq or 0
        if record.event.seq > ends[record.turn_id]:
            add_event(db, record.turn_id, record.event, record.at)
            ends[record.turn_id] = record.event.seq
            if not turn.has_log and turn.value.status.is_terminal:
                db.put(replace(turn, has_log=True))
