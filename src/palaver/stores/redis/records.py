"""Everything as it is, for a copy: read page by page, put as it was."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import groupby

from palaver.conversation import Role
from palaver.page import Order, Position, Slice, Window
from palaver.stores.records import (
    AttachmentRecord,
    BotRecord,
    EntityRecord,
    EventRecord,
    Inside,
    MessageRecord,
    Record,
    Shelf,
)
from palaver.stores.redis.attachments import Reference, attachment_in
from palaver.stores.redis.entries import sorted_list
from palaver.stores.redis.events import stretch_of_log
from palaver.stores.redis.kept import KeptConversation, KeptMessage
from palaver.stores.redis.keys import digits
from palaver.stores.redis.session import Session, Wanted, answer
from palaver.stores.redis.shelving import Shelving
from palaver.stores.redis.tenants import key_records, listed_keys
from palaver.stores.redis.walks import beyond, id_in, members, position_in, stretch
from palaver.stores.rows import Row
from palaver.stores.scan import Scan


class RedisRecords(Shelving):
    """``stores.base.RecordRows``"""

    async def page_records(self, shelf: Shelf, tenant_id: str, window: Window) -> Slice[Record]:
        return await self._read(partial(_SHELVES[shelf], tenant_id=tenant_id, scan=Scan.over(window, Order.ASC)))

    async def page_inside(self, inside: Inside, tenant_id: str, conversation_id: str, window: Window) -> Slice[Record]:
        scan = Scan.over(window, Order.ASC)
        return await self._read(
            partial(_inside, inside=inside, tenant_id=tenant_id, conversation_id=conversation_id, scan=scan)
        )

    async def put_records(self, tenant_id: str, records: Sequence[Record]) -> None:
        for put, alike in groupby(records, key=self._putter):
            await put(tenant_id, list(alike))

    async def set_secret(self, secret: bytes) -> None:
        await self._wire.put([("SET", self._keys.all("secret"), secret)])

    async def note(self, name: str) -> str | None:
        raw = (await self._wire.ask([("HGET", self._keys.all("notes"), name)]))[0]
        return None if raw is None else str(raw.decode())

    async def set_note(self, name: str, text: str) -> None:
        await self._wire.put([("HSET", self._keys.all("notes"), name, text)])


_Rows = list[Row]
"""A record and its member of a list, or its position."""


def _first(row: Row) -> Record:
    record: Record = row[0]
    return record


def _position(row: Row) -> Position:
    return position_in(row[1])


async def _keys(db: Session, tenant_id: str, scan: Scan) -> Slice[Record]:
    found = await db.one(answer(*stretch(listed_keys(db.keys, tenant_id), scan, scan.rows)))
    names = [member.decode() for member in found]
    return scan.slice(list(zip(await key_records(db, names), names, strict=True)), _first, _position)


async def _bots(db: Session, tenant_id: str, scan: Scan) -> Slice[Record]:
    rows: _Rows = []
    async for page in members(db, db.keys.tenant(tenant_id, "bots"), scan):
        for kept, member in zip(await db.read(*(db.bot(tenant_id, id_in(each)) for each in page)), page, strict=True):
            if kept is not None:
                rows.append((BotRecord(bot=kept.bot, once=kept.once, place=int(kept.place)), member))
        if len(rows) >= scan.rows:
            break
    return scan.slice(rows[: scan.rows], _first, _position)


async def _entities(db: Session, tenant_id: str, scan: Scan) -> Slice[Record]:
    rows: _Rows = []
    async for page in members(db, db.keys.tenant(tenant_id, "entities"), scan):
        found = await db.read(*(db.entity(tenant_id, id_in(each)) for each in page))
        for kept, member in zip(found, page, strict=True):
            if kept is not None:
                rows.append((EntityRecord(entity=kept.entity, once=kept.once, place=int(kept.place)), member))
        if len(rows) >= scan.rows:
            break
    return scan.slice(rows[: scan.rows], _first, _position)


async def _attachments(db: Session, tenant_id: str, scan: Scan) -> Slice[Record]:
    """By hash, then in the order of their making."""
    rows: _Rows = []
    start = None if scan.start is None else f"{scan.start[0]} {digits(int(scan.start[1] or 0))}"
    while True:
        command = beyond(db.keys.tenant(tenant_id, "attachments"), start, scan.rows, ascending=True)
        page = [member.decode() for member in await db.one(answer(*command))]
        for member in page:
            sha256, place, attachment_id = member.split(" ")
            made = Reference(tenant_id=tenant_id, id=attachment_id, sha256=sha256, place=place)
            raw, links = await db.read(
                answer("HGET", made.key(db.keys, "refs"), made.id), answer("SCARD", made.links(db.keys))
            )
            if raw is not None:
                attachment, used = attachment_in(raw)
                rows.append((AttachmentRecord(attachment=attachment, used=used or links > 0), (sha256, int(place))))
        if len(rows) >= scan.rows or len(page) < scan.rows:
            return scan.slice(rows[: scan.rows], _first, lambda row: row[1])
        start = page[-1]


async def _conversations(db: Session, tenant_id: str, scan: Scan) -> Slice[Record]:
    """Those that are there and those that were deleted have a list each."""
    by_making = replace(scan, start=None if scan.start is None else (0, *scan.start))
    rows: list[tuple[int, KeptConversation]] = []
    for deleted in (False, True):
        found = 0
        key = db.keys.conversations(tenant_id, sorted_list("making", deleted=deleted))
        async for page in members(db, key, by_making):
            kept_rows = await db.read(*(db.conversation(id_in(member)) for member in page))
            fitting = [
                kept for kept in kept_rows if kept is not None and (kept.value.deleted_at is not None) == deleted
            ]
            rows += [(int(kept.place), kept) for kept in fitting]
            found += len(fitting)
            if found >= scan.rows:
                break
    rows = sorted(rows, key=lambda row: row[0])[: scan.rows]
    records = [(await _conversation(db, kept), place) for place, kept in rows]
    return scan.slice(records, lambda row: row[0], lambda row: (row[1],))


async def _conversation(db: Session, kept: KeptConversation) -> Record:
    """One that its bot hides was deleted with it, and then."""
    entity = None if kept.entity_id is None else await db.one(db.entity(kept.tenant_id, kept.entity_id))
    bot = await db.one(db.bot(kept.tenant_id, kept.value.bot_id))
    value = replace(kept.value, entity=None if entity is None else entity.entity)
    deletion = kept.record.deletion
    if value.deleted_at is None and bot is not None and bot.bot.deleted_at is not None:
        value, deletion = replace(value, deleted_at=bot.bot.deleted_at), bot.bot.id
    return replace(kept.record, conversation=value, deletion=deletion, place=int(kept.place))


_SHELVES: Mapping[Shelf, Callable[..., Awaitable[Slice[Record]]]] = {
    Shelf.KEYS: _keys,
    Shelf.BOTS: _bots,
    Shelf.ENTITIES: _entities,
    Shelf.ATTACHMENTS: _attachments,
    Shelf.CONVERSATIONS: _conversations,
}


async def _inside(db: Session, *, inside: Inside, tenant_id: str, conversation_id: str, scan: Scan) -> Slice[Record]:
    kept = await db.one(db.conversation(conversation_id))
    if kept is None or kept.tenant_id != tenant_id:
        return Slice(data=())
    return await _INSIDE[inside](db, kept, scan)


def _from(kept: KeptConversation, db: Session, part: str, scan: Scan) -> Wanted[list[bytes]]:
    start = "-inf" if scan.start is None else f"({scan.start[0]}"
    return answer("ZRANGEBYSCORE", db.keys.inside(kept.id, part), start, "+inf", "LIMIT", 0, scan.rows)


async def _turns(db: Session, kept: KeptConversation, scan: Scan) -> Slice[Record]:
    """By index: a turn's is larger than its parent's."""
    ids = await db.one(_from(kept, db, "turns", scan))
    turns = await db.read(*(db.turn(each.decode()) for each in ids))
    return scan.slice([(turn.record,) for turn in turns], lambda row: row[0], lambda row: (row[0].turn.index,))


async def _messages(db: Session, kept: KeptConversation, scan: Scan) -> Slice[Record]:
    ids = [each.decode() for each in await db.one(_from(kept, db, "messages", scan))]
    messages: list[KeptMessage] = await db.read(*(db.message(each) for each in ids))
    turns = await db.read(*(db.turn(message.value.turn_id) for message in messages))
    path = db.keys.inside(kept.id, "path")
    on_path = await db.read(*(answer("ZSCORE", path, each) for each in ids))
    rows: list[tuple[MessageRecord]] = []
    for message, turn, seq in zip(messages, turns, on_path, strict=True):
        place = 2 * (0 if turn is None else turn.record.place) - (message.value.role is Role.USER)
        rows.append((replace(message.record, on_path=seq is not None, place=place),))
    return scan.slice(rows, lambda row: row[0], lambda row: (row[0].message.seq,))


async def _events(db: Session, kept: KeptConversation, scan: Scan) -> Slice[Record]:
    index, seq = (int(part or 0) for part in scan.start or (0, 0))
    rows: list[tuple[EventRecord]] = []
    turns = db.keys.inside(kept.id, "turns")
    while len(rows) < scan.rows:
        ids = await db.one(answer("ZRANGEBYSCORE", turns, index, "+inf", "LIMIT", 0, 1))
        turn = await db.one(db.turn(ids[0].decode())) if ids else None
        if turn is None:
            break
        after = seq if turn.value.index == index else 0
        for line in await db.one(stretch_of_log(db, turn.id, after, scan.rows - len(rows))):
            record = EventRecord(index=turn.value.index, turn_id=turn.id, event=line.event, at=line.at)
            rows.append((record,))
        index, seq = turn.value.index + 1, 0
    return scan.slice(rows, lambda row: row[0], lambda row: (row[0].index, row[0].event.seq))


_INSIDE: Mapping[Inside, Callable[[Session, KeptConversation, Scan], Awaitable[Slice[Record]]]] = {
    Inside.TURNS: _turns,
    Inside.MESSAGES: _messages,
    Inside.EVENTS: _events,
}
