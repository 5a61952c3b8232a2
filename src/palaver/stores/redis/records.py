"""Everything as it is, for a copy: read page by page, put as it was."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial

from palaver.clock import from_micros
from palaver.conversation import InterruptReason
from palaver.document import ChunkKey
from palaver.page import Order, Slice, Window
from palaver.stores.documents import NOTHING
from palaver.stores.knowledge_orders import BotIndex
from palaver.stores.orders import Once
from palaver.stores.record_columns import once_of
from palaver.stores.records import (
    AttachmentRecord,
    BotRecord,
    ChunkRecord,
    ConversationRecord,
    DocumentRecord,
    EntityRecord,
    EventRecord,
    Inside,
    KeyRecord,
    MessageRecord,
    Record,
    Shelf,
    TurnRecord,
)
from palaver.stores.redis import announcements, chunk_rows, holds, logs
from palaver.stores.redis.access import Access
from palaver.stores.redis.document_shelving import put_chunks
from palaver.stores.redis.documents import content_key
from palaver.stores.redis.indexes import mapped, page, paged
from palaver.stores.redis.paths import PATH, SAID, TURNS
from palaver.stores.redis.session import Session
from palaver.stores.redis.shelving import put_inside, put_on_shelf, puts_inside
from palaver.stores.redis.stored import (
    StoredAttachment,
    StoredBot,
    StoredConversation,
    StoredDocument,
    StoredEntity,
    StoredKey,
    StoredMessage,
    StoredTurn,
)
from palaver.stores.redis.values import api_key, attachment, bot, conversation, document, entity, message, turn
from palaver.stores.scan import Scan


class RedisRecords(Access):
    """``stores.moving.RecordRows``"""

    async def page_records(self, shelf: Shelf, tenant_id: str, window: Window) -> Slice[Record]:
        return await self._run(partial(_SHELVES[shelf], tenant_id=tenant_id, window=window))

    async def page_inside(self, inside: Inside, tenant_id: str, conversation_id: str, window: Window) -> Slice[Record]:
        scan = Scan.over(window, Order.ASC)
        return await self._run(lambda db: _page_inside(db, inside, (tenant_id, conversation_id), scan))

    async def record_content(self, tenant_id: str, document_id: str) -> bytes | None:
        return await self._run(partial(_content, tenant_id=tenant_id, document_id=document_id))

    async def page_chunk_records(self, tenant_id: str, document_id: str, window: Window) -> Slice[Record]:
        scan = Scan.over(window, Order.ASC)
        return await self._run(lambda db: _chunks(db, tenant_id, document_id, scan))

    async def put_records(self, tenant_id: str, records: Sequence[Record]) -> None:
        inside = [each for each in records if puts_inside(each)]
        chunks = [each for each in records if isinstance(each, ChunkRecord)]
        for each in records:
            if not (isinstance(each, ChunkRecord) or puts_inside(each)):
                await self._run(partial(put_on_shelf, tenant_id=tenant_id, record=each))
        for document_id in dict.fromkeys(each.chunk.document_id for each in chunks):
            about = [each for each in chunks if each.chunk.document_id == document_id]
            await self._run(partial(put_chunks, tenant_id=tenant_id, records=about), document_id)
        if inside:
            await self._run(partial(put_inside, tenant_id=tenant_id, records=inside))

    async def set_secret(self, secret: bytes) -> None:
        await self._run(lambda db: db.ask(("SET", db.keys.named("secret"), secret)))

    async def note(self, name: str) -> str | None:
        (text,) = await self._run(lambda db: db.ask(("GET", db.keys.named(f"note:{name}"))))
        return None if text is None else text.decode()

    async def set_note(self, name: str, text: str) -> None:
        await self._run(lambda db: db.ask(("SET", db.keys.named(f"note:{name}"), text)))


def _once(key: str | None, fingerprint: str | None) -> Once | None:
    return once_of(key, None if fingerprint is None else bytes.fromhex(fingerprint))


async def _keys(db: Session, tenant_id: str, window: Window) -> Slice[Record]:
    found = await page(db, StoredKey, f"keys:{tenant_id}", window, Order.ASC)
    return mapped(found, lambda kept: KeyRecord(key=api_key(kept), digest=bytes.fromhex(kept.digest), place=kept.n))


async def _bots(db: Session, tenant_id: str, window: Window) -> Slice[Record]:
    found = await page(db, StoredBot, f"bots:{tenant_id}", window, Order.ASC)
    answers = await db.ask(*(announcements.look(db.keys, each.id) for each in found.data))
    return paged(found, map(_bot, found.data, map(announcements.index_of, answers)))


def _bot(kept: StoredBot, index: BotIndex) -> Record:
    return BotRecord(bot=bot(kept), once=_once(kept.key, kept.fingerprint), index=index, place=kept.n)


async def _entities(db: Session, tenant_id: str, window: Window) -> Slice[Record]:
    found = await page(db, StoredEntity, f"entities:{tenant_id}", window, Order.ASC)
    return mapped(
        found, lambda kept: EntityRecord(entity=entity(kept), once=_once(kept.key, kept.fingerprint), place=kept.n)
    )


async def _attachments(db: Session, tenant_id: str, window: Window) -> Slice[Record]:
    async def is_there(found: Sequence[StoredAttachment]) -> Sequence[bool]:
        return [not each.doomed for each in found]

    index = f"attachments:{tenant_id}"
    found = await page(db, StoredAttachment, index, window, Order.ASC, keep=is_there)
    return mapped(found, _attachment)


def _attachment(kept: StoredAttachment) -> Record:
    once = _once(kept.key, kept.fingerprint)
    return AttachmentRecord(attachment=attachment(kept), used=kept.used, once=once)


async def _conversations(db: Session, tenant_id: str, window: Window) -> Slice[Record]:
    found = await page(db, StoredConversation, f"conversations:{tenant_id}", window, Order.ASC)
    bots = await db.find_all(StoredBot, [each.bot_id for each in found.data])
    entities = await db.find_all(StoredEntity, [each.entity_id for each in found.data])
    return paged(found, map(_conversation, found.data, bots, entities))


def _conversation(kept: StoredConversation, of: StoredBot | None, whose: StoredEntity | None) -> Record:
    hidden_at = None if of is None else of.deleted_at
    deletion = kept.id if kept.deleted_at is not None else kept.bot_id if hidden_at is not None else None
    return ConversationRecord(
        conversation=conversation(kept, whose, hidden_at),
        last_seq=kept.last_seq,
        last_index=kept.last_index,
        deletion=deletion,
        lost_head_id=kept.lost_head_id,
        once=_once(kept.key, kept.fingerprint),
        place=kept.n,
    )


async def _documents(db: Session, tenant_id: str, window: Window) -> Slice[Record]:
    async def is_there(found: Sequence[StoredDocument]) -> Sequence[bool]:
        return [not each.doomed for each in found]

    found = await page(db, StoredDocument, f"documents:{tenant_id}", window, Order.ASC, keep=is_there)
    changes = (("ZSCORE", announcements.changes_key(db.keys, each.bot_id), each.id) for each in found.data)
    return paged(found, map(_document, found.data, await db.ask(*changes)))


def _document(kept: StoredDocument, changed: bytes | None) -> Record:
    return DocumentRecord(
        document=document(kept),
        once=_once(kept.key, kept.fingerprint),
        revision=int(float(changed or 0)),
        owner=kept.owner,
        fence=kept.fence,
        attempts=kept.attempts,
        lease_until=kept.lease_until,
        place=kept.n,
    )


_SHELVES: Mapping[Shelf, Callable[..., Awaitable[Slice[Record]]]] = {
    Shelf.KEYS: _keys,
    Shelf.BOTS: _bots,
    Shelf.ENTITIES: _entities,
    Shelf.ATTACHMENTS: _attachments,
    Shelf.CONVERSATIONS: _conversations,
    Shelf.DOCUMENTS: _documents,
}


async def _content(db: Session, tenant_id: str, document_id: str) -> bytes | None:
    kept = await db.find(StoredDocument, document_id)
    if kept is None or kept.tenant_id != tenant_id or kept.doomed:
        return None
    (content,) = await db.ask(("GET", content_key(db, document_id)))
    return content or NOTHING


async def _chunks(db: Session, tenant_id: str, document_id: str, scan: Scan) -> Slice[Record]:
    kept = await db.find(StoredDocument, document_id)
    if kept is None or kept.tenant_id != tenant_id or kept.doomed or kept.ready_version is None:
        return Slice(data=())
    version = kept.ready_version
    where, *vectors = chunk_rows.keys_of(db.keys, kept, version)

    async def records(there: Mapping[int, bytes]) -> Mapping[int, Record]:
        answers = await db.ask(*(chunk_rows.read(key, list(there)) for key in vectors)) if there else ()
        by_name = [dict(zip(there, answer, strict=True)) for answer in answers]
        return {
            at: ChunkRecord(
                chunk=chunk_rows.unpacked_chunk(ChunkKey(document_id, version, at), each),
                vectors={
                    name: of[at] for name, of in zip(kept.embeddings, by_name, strict=False) if of[at] is not None
                },
            )
            for at, each in there.items()
        }

    rows = await chunk_rows.walk(db, where, scan, kept.span, records)
    return scan.slice(rows, lambda row: row[1], lambda row: (row[0],))


async def _page_inside(db: Session, inside: Inside, place: tuple[str, str], scan: Scan) -> Slice[Record]:
    found = await db.find(StoredConversation, place[1])
    if found is None or found.tenant_id != place[0]:
        return Slice(data=())
    match inside:
        case Inside.TURNS:
            return await _turns(db, place[1], scan)
        case Inside.MESSAGES:
            return await _messages(db, place[1], scan)
        case Inside.EVENTS:
            return await _events(db, place[1], scan)


async def _ids(db: Session, kind: str, conversation_id: str, start: str, limit: int) -> list[str]:
    (ids,) = await db.ask(("ZRANGEBYSCORE", db.keys.of(kind, conversation_id), start, "+inf", "LIMIT", 0, limit))
    return [each.decode() for each in ids]


def _behind(scan: Scan) -> str:
    return "-inf" if scan.start is None else f"({scan.start[0]}"


async def _turns(db: Session, conversation_id: str, scan: Scan) -> Slice[Record]:
    ids = await _ids(db, TURNS, conversation_id, _behind(scan), scan.rows)
    kept = [each for each in await db.find_all(StoredTurn, ids) if each is not None]
    answers = await db.ask(*(holds.look(db, each.id) for each in kept))
    rows = [(each, holds.hold_of(answer)) for each, answer in zip(kept, answers, strict=True)]
    return scan.slice(rows, lambda row: _turn(row[0], row[1]), lambda row: (row[0].index,))


def _turn(kept: StoredTurn, hold: holds.Hold | None) -> Record:
    stop_reason = hold.stop if hold else kept.stop_reason
    return TurnRecord(
        turn=turn(kept),
        once=_once(kept.key, kept.fingerprint),
        params=json.loads(kept.params) if kept.params else {},
        queued=kept.queued,
        interrupting=kept.interrupting,
        owner=kept.owner,
        fence=kept.fence,
        lease_micros=hold.lease if hold else kept.lease_micros,
        lease_until=hold.until if hold else kept.lease_until,
        stop_reason=None if stop_reason is None else InterruptReason(stop_reason),
        last_seq=kept.last_seq,
        deleted_at=None if kept.deleted_at is None else from_micros(kept.deleted_at),
        origin_id=kept.origin_id,
        place=kept.n,
    )


async def _messages(db: Session, conversation_id: str, scan: Scan) -> Slice[Record]:
    ids = await _ids(db, SAID, conversation_id, _behind(scan), scan.rows)
    kept = [each for each in await db.find_all(StoredMessage, ids) if each is not None]
    marks = await db.ask(*(("ZSCORE", db.keys.of(PATH, conversation_id), each.id) for each in kept))
    rows = [(each, mark is not None) for each, mark in zip(kept, marks, strict=True)]
    return scan.slice(rows, lambda row: _message(row[0], on_path=row[1]), lambda row: (row[0].seq,))


def _message(kept: StoredMessage, *, on_path: bool) -> Record:
    deleted_at = None if kept.deleted_at is None else from_micros(kept.deleted_at)
    return MessageRecord(message=message(kept), on_path=on_path, deleted_at=deleted_at, place=kept.n)


async def _events(db: Session, conversation_id: str, scan: Scan) -> Slice[Record]:
    index, seq = (int(part or 0) for part in scan.start) if scan.start else (0, 0)
    found: list[EventRecord] = []
    while len(found) < scan.rows:
        ids = await _ids(db, TURNS, conversation_id, str(index), scan.rows)
        turns = [each for each in await db.find_all(StoredTurn, ids) if each is not None]
        found += await _events_of(db, turns, (index, seq), scan.rows - len(found))
        if len(ids) < scan.rows or not turns:
            break
        index, seq = turns[-1].index + 1, 0
    return scan.slice([(each,) for each in found], lambda row: row[0], lambda row: (row[0].index, row[0].event.seq))


async def _events_of(db: Session, turns: Sequence[StoredTurn], start: tuple[int, int], limit: int) -> list[EventRecord]:
    reads = [logs.read(db, each.id, start[1] if each.index == start[0] else 0, limit) for each in turns]
    answers = await db.ask(*(logs.together(db, each) for each in reads))
    found = [
        EventRecord(index=each.index, turn_id=each.id, event=line.event, at=line.at)
        for each, (lines,) in zip(turns, answers, strict=True)
        for line in logs.lines_of(lines)
    ]
    return found[:limit]
