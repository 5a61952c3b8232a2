"""Puts records where they belong. What is inside one conversation is one step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from palaver.conversation import Role, TurnStatus
from palaver.errors import Conflict, InvalidInput
from palaver.stores.quotes import cited_in, consulted_in
from palaver.stores.record_columns import (
    conversation_record_columns,
    key_record_columns,
    message_record_columns,
    turn_record_columns,
)
from palaver.stores.records import (
    AttachmentRecord,
    BotRecord,
    ConversationRecord,
    DocumentRecord,
    EntityRecord,
    EventRecord,
    KeyRecord,
    MessageRecord,
    Record,
    TenantRecord,
    TurnRecord,
    check_tenant,
    taken,
)
from palaver.stores.redis import bots, citations, entities, holds, logs
from palaver.stores.redis.attachments import keep_attachment
from palaver.stores.redis.claims import find_claim, once_name, take
from palaver.stores.redis.document_shelving import document_of_record, put_document, put_index
from palaver.stores.redis.links import attachments_of, link
from palaver.stores.redis.paths import BURIED, KEYS, PATH, SAID, TREE, TURNS, branch_of
from palaver.stores.redis.places import reserve, take_place
from palaver.stores.redis.session import Session
from palaver.stores.redis.stored import (
    Stored,
    StoredAttachment,
    StoredBot,
    StoredConversation,
    StoredDocument,
    StoredEntity,
    StoredKey,
    StoredMessage,
    StoredTurn,
)
from palaver.stores.redis.tenants import put_key, put_tenant
from palaver.stores.redis.values import once_columns, stored_attachment, stored_bot, stored_entity

Inner = ConversationRecord | TurnRecord | MessageRecord | EventRecord


def puts_inside(record: Record) -> bool:
    """Whether a record is of a conversation, or of what is inside one."""
    return isinstance(record, Inner)


async def put_on_shelf(db: Session, tenant_id: str, record: Record) -> None:
    """Put what is not inside a conversation."""
    match record:
        case TenantRecord(tenant=tenant):
            check_tenant(record, tenant_id)
            await put_tenant(db, tenant)
        case KeyRecord():
            await _put_key(db, tenant_id, record)
        case BotRecord():
            await _put_bot(db, tenant_id, record)
        case EntityRecord():
            await _put_entity(db, tenant_id, record)
        case AttachmentRecord():
            await _put_attachment(db, tenant_id, record)
        case DocumentRecord():
            await _put_document(db, tenant_id, record)
        case _:
            raise InvalidInput("This is inside a conversation.")


async def _is_there(db: Session, kind: type[Stored], tenant_id: str, any_id: str) -> bool:
    """Whether a tenant has a thing. Raises ``Conflict`` if another has it."""
    found = await db.find(kind, any_id)
    if found is not None and found.tenant_id != tenant_id:
        raise taken(any_id)
    return found is not None


async def _place_of_new(
    db: Session, kind: type[Stored], whose: tuple[str, str], index: str, place: int | None
) -> int | None:
    """Return the place of a thing (its tenant and id) that is its own from now on: the next one for None. None if it is there.

    Raises:
        Conflict: Something else has the place, or another tenant the id.
    """
    if await _is_there(db, kind, *whose):
        return None
    if place is None:
        return await take_place(db, kind)
    (taken,) = await db.ask(("ZRANGEBYSCORE", db.keys.index(index), place, place, "LIMIT", 0, 1))
    if taken:
        raise Conflict("Something else has this place.")
    await reserve(db, kind, place)
    return place


async def _put_key(db: Session, tenant_id: str, record: KeyRecord) -> None:
    if await _place_of_new(db, StoredKey, (tenant_id, record.key.id), "keys", record.place) is not None:
        columns = {**key_record_columns(record), "tenant_id": tenant_id, "digest": record.digest.hex()}
        await put_key(db, StoredKey(**columns))


async def _put_bot(db: Session, tenant_id: str, record: BotRecord) -> None:
    place = await _place_of_new(db, StoredBot, (tenant_id, record.bot.id), f"bots:{tenant_id}", record.place)
    if place is None:
        return
    kept = stored_bot(tenant_id, place, record.bot, record.once)
    if kept.deleted_at is None:
        await bots.take_name(db, tenant_id, kept.name, kept.id)
    await _take_once(db, kept, kept.key, kept.fingerprint)
    put_index(db, kept.id, record.index)
    db.put(kept)


async def _put_entity(db: Session, tenant_id: str, record: EntityRecord) -> None:
    index = f"entities:{tenant_id}"
    place = await _place_of_new(db, StoredEntity, (tenant_id, record.entity.id), index, record.place)
    if place is not None:
        kept = stored_entity(tenant_id, place, record.entity, record.once)
        await entities.take_name(db, tenant_id, entities.named(record.entity), kept.id)
        await _take_once(db, kept, kept.key, kept.fingerprint)
        db.put(kept)


async def _put_attachment(db: Session, tenant_id: str, record: AttachmentRecord) -> None:
    if record.content is None:
        raise InvalidInput("An attachment is put with its bytes.")
    if not await _is_there(db, StoredAttachment, tenant_id, record.attachment.id):
        place = await take_place(db, StoredAttachment)
        kept = stored_attachment(tenant_id, place, record.attachment, record.once, used=record.used)
        await _take_once(db, kept, kept.key, kept.fingerprint)
        keep_attachment(db, kept, record.content)


async def _put_document(db: Session, tenant_id: str, record: DocumentRecord) -> None:
    if record.content is None:
        raise InvalidInput("A document is put with its content.")
    owning = await db.find(StoredBot, record.document.bot_id)
    if owning is None or owning.tenant_id != tenant_id:
        raise Conflict("A document is of a bot that is not there.")
    index = f"documents:{tenant_id}"
    place = await _place_of_new(db, StoredDocument, (tenant_id, record.document.id), index, record.place)
    if place is not None:
        kept = document_of_record(tenant_id, record)
        await _take_once(db, kept, kept.key, kept.fingerprint)
        await put_document(db, kept, record)


async def _take_once(db: Session, kept: Stored, key: str | None, fingerprint: str | None) -> None:
    if key is not None:
        name = once_name(kept.tenant_id, type(kept), key)
        take(db, name, kept.id, await find_claim(db, name), fingerprint or "")


async def put_inside(db: Session, tenant_id: str, records: Sequence[Record]) -> None:
    """Put what is all of one conversation, in one step."""
    shelf = _Inside(db, tenant_id)
    for record in records:
        match record:
            case ConversationRecord():
                await shelf.put_conversation(record)
            case TurnRecord():
                await shelf.put_turn(record)
            case MessageRecord():
                await shelf.put_message(record)
            case EventRecord():
                await shelf.put_event(record)
            case _:
                raise InvalidInput("This is not inside a conversation.")
    await shelf.finish()


class _Inside:
    """What is put inside a conversation in one step."""

    def __init__(self, db: Session, tenant_id: str) -> None:
        self._db = db
        self._tenant_id = tenant_id
        self._sizes: dict[
            str, tuple[int, int]
        ] = {}  # of each log: how many events were there, and the last one's number

    async def put_conversation(self, record: ConversationRecord) -> None:
        db, value = self._db, record.conversation
        bot = await db.find(StoredBot, value.bot_id)
        whose = await db.find(StoredEntity, None if value.entity is None else value.entity.id)
        is_met = value.entity is None or (whose is not None and whose.tenant_id == self._tenant_id)
        if bot is None or bot.tenant_id != self._tenant_id or not is_met:
            raise Conflict("A conversation refers to what is not there.")
        there = await db.find_conversation(value.id)
        index = f"conversations:{self._tenant_id}"
        place = await _place_of_new(db, StoredConversation, (self._tenant_id, value.id), index, record.place)
        columns = dict(conversation_record_columns(record))
        columns["n"] = there.n if there else place
        columns["lost_head_id"] = columns.pop("lost_id")
        hidden_by_bot = columns.pop("deletion") == value.bot_id
        kept = StoredConversation(
            **columns,
            **once_columns(record.once),
            tenant_id=self._tenant_id,
            queued=there.queued if there else (),
        )
        kept = replace(kept, deleted_at=None) if hidden_by_bot else kept
        if there is None or (there.key, there.fingerprint) != (kept.key, kept.fingerprint):
            await _take_once(db, kept, kept.key, kept.fingerprint)
        db.put(kept)

    async def _conversation(self, conversation_id: str) -> StoredConversation:
        found = await self._db.find_conversation(conversation_id)
        if found is None or found.tenant_id != self._tenant_id:
            raise Conflict("Something is inside a conversation that is not there.")
        return found

    def _is_in(self, conversation: StoredConversation, found: StoredTurn | StoredMessage | None) -> bool:
        """Whether this is there, and inside this conversation. Raises ``Conflict`` if it is inside another."""
        if found is not None and found.conversation_id != conversation.id:
            raise taken(found.id)
        return found is not None

    async def put_turn(self, record: TurnRecord) -> None:
        db, value = self._db, record.turn
        conversation = await self._conversation(value.conversation_id)
        if self._is_in(conversation, await db.find(StoredTurn, value.id)):
            return
        parent = await db.find(StoredTurn, value.parent_id)
        if value.parent_id is not None and (parent is None or parent.conversation_id != conversation.id):
            raise Conflict("A turn continues one that is not there.")
        await self._refuse_taken(TURNS, conversation.id, value.index)
        place = await _place_of_new(db, StoredTurn, (self._tenant_id, value.id), "turns", record.place)
        columns = {**turn_record_columns(record), "n": place}
        once = once_columns(record.once)
        columns |= {"index": columns.pop("idx"), "queued": record.queued, "interrupting": record.interrupting, **once}
        kept = StoredTurn(
            **columns,
            tenant_id=self._tenant_id,
            bot_id=conversation.bot_id,
            parent_index=None if parent is None else parent.index,
        )
        db.put(kept)
        self._enter_turn(kept)
        if kept.status == TurnStatus.QUEUED:
            db.put(replace(conversation, queued=(*conversation.queued, kept.id)))

    def _enter_turn(self, kept: StoredTurn) -> None:
        db = self._db
        db.write("ZADD", db.keys.of(TURNS, kept.conversation_id), kept.index, kept.id)
        grove = TREE if kept.deleted_at is None else BURIED
        db.write("ZADD", db.keys.of(grove, kept.conversation_id), 0, branch_of(kept))
        if kept.key is not None:
            db.write("HSET", db.keys.of(KEYS, kept.conversation_id), kept.key, kept.id)
        if kept.status == TurnStatus.RUNNING:
            holds.grant(db, kept)
            if kept.stop_reason is not None:
                holds.ask_to_stop(db, kept.id, kept.stop_reason)

    async def _refuse_taken(self, kind: str, conversation_id: str, number: int) -> None:
        (taken,) = await self._db.ask(("ZCOUNT", self._db.keys.of(kind, conversation_id), number, number))
        if taken:
            raise Conflict("Something else has this place in the conversation.")

    async def put_message(self, record: MessageRecord) -> None:
        db, value = self._db, record.message
        conversation = await self._conversation(value.conversation_id)
        turn = await db.find(StoredTurn, value.turn_id)
        if turn is None or turn.conversation_id != conversation.id:
            raise Conflict("A message is of a turn that is not there.")
        if self._is_in(conversation, await db.find(StoredMessage, value.id)):
            return
        await self._refuse_taken(SAID, conversation.id, value.seq)
        columns = {name: each for name, each in message_record_columns(record).items() if name != "on_path"}
        if record.place is None:
            columns["n"] = 2 * turn.n - (value.role is Role.USER)
        model, status = value.model or "", value.status.value
        db.put(StoredMessage(**columns, tenant_id=self._tenant_id, model=model, status=status))
        db.write("ZADD", db.keys.of(SAID, conversation.id), value.seq, value.id)
        if record.on_path:
            db.write("ZADD", db.keys.of(PATH, conversation.id), value.seq, value.id)
        await link(db, self._tenant_id, value.id, attachments_of(value.parts))
        citations.note(db, turn.id, cited_in([value]))

    async def put_event(self, record: EventRecord) -> None:
        db = self._db
        turn = await db.find(StoredTurn, record.turn_id)
        if turn is None:
            raise Conflict("An event is of a turn that is not there.")
        await self._conversation(turn.conversation_id)
        if record.turn_id not in self._sizes:
            (end,), size = await db.ask(logs.together(db, logs.end(db, turn.id)), logs.size(db, turn.id))
            self._sizes[turn.id] = size, logs.end_of(end) or 0
            if not turn.has_log:
                db.put(replace(turn, has_log=TurnStatus(turn.status).is_terminal))
        if record.event.seq > self._sizes[turn.id][1]:
            logs.write(db, turn.id, [record.event], record.at)
            citations.note(db, turn.id, consulted_in([record.event]))

    async def finish(self) -> None:
        """Go on only if the logs are as they were."""
        for turn_id, (size, _) in self._sizes.items():
            self._db.expect(size, *logs.size(self._db, turn_id))
