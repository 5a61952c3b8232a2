"""What is counted of conversations: sheets, folded into roll-ups, and questions to these.

Of each tenant they lie in one slot, beside each other: ``sheets`` by conversation, each with the revision that it was counted
at; for each quarter of an hour the ``sums`` of its figures and those of its ``entities``, a number a field; and which
``quarters`` there are. A conversation's sheet and what it changes in the sums are one step, decided upon the sheet as it was;
that the conversation is counted is written after it, if it has not changed. So one that was cut, or came too late, is done
again, and adds nothing twice.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterable, Sequence
from functools import partial

from palaver.conversation import Turn, TurnStatus
from palaver.ids import is_id
from palaver.page import Slice, Window
from palaver.stores.figures import (
    Cell,
    CountedConversation,
    CountedTurn,
    Figure,
    FiguresQuery,
    Sheet,
    Tallies,
    Tally,
    UnfoundFilter,
    bots_in,
    difference,
    read_sheet,
    sheet_of,
    write_sheet,
)
from palaver.stores.redis.access import Access
from palaver.stores.redis.indexes import Walk, all_of
from palaver.stores.redis.logs import together
from palaver.stores.redis.paths import TURNS
from palaver.stores.redis.session import Outrun, Session
from palaver.stores.redis.stored import (
    UNCOUNTED,
    StoredBot,
    StoredConversation,
    StoredEntity,
    StoredMessage,
    StoredTurn,
)
from palaver.stores.redis.turn_lists import page_unfound

_AT_ONCE = 500
_QUARTERS_AT_ONCE = 50
_TRIES = 5


class RedisFigures(Access):
    """``stores.counting.FigureRows``"""

    async def count_figures(self, owner: str, lease_seconds: float, limit: int) -> int:
        marked = await self._run(partial(_marked, owner=owner, lease_seconds=lease_seconds, limit=limit))
        for conversation_id in marked:
            await self._run(partial(_count, conversation_id=conversation_id), conversation_id)
        return len(marked)

    async def figures(self, tenant_id: str, wanted: FiguresQuery) -> Sequence[Tally]:
        return await self._run(partial(_figures, tenant_id=tenant_id, wanted=wanted))

    async def page_unfound(self, tenant_id: str, wanted: UnfoundFilter, window: Window) -> Slice[Turn]:
        return await self._run(partial(page_unfound, tenant_id=tenant_id, wanted=wanted, window=window))


# Counting


async def _marked(db: Session, owner: str, lease_seconds: float, limit: int) -> Sequence[str]:
    """Return conversations that are to be counted, and take or renew the lease; none while another owner has it."""
    found = await Walk(StoredConversation, UNCOUNTED, ascending=True).find(db, None, limit, _at_rest)
    if not found:
        return ()
    key = db.keys.named("lease:figures")
    (kept,) = await db.ask(("GET", key))
    if kept is not None:
        holder, until = json.loads(kept)
        if holder != owner and until >= db.now:
            return ()
    db.expect(kept or "", "GET", key)
    db.write("SET", key, json.dumps([owner, db.now + int(lease_seconds * 1_000_000)]))
    db.decide(key)
    return [each.thing.id for each in found]


async def _at_rest(found: Sequence[StoredConversation]) -> Sequence[bool]:
    """Leave those in which a turn runs for later: its end would be outrun, and they had to be counted again."""
    return [each.running_id is None for each in found]


async def _count(db: Session, conversation_id: str) -> None:
    conversation = await db.find_conversation(conversation_id)
    if conversation is None or conversation.counted:
        return
    await fold(db, conversation.tenant_id, conversation_id, await _sheet(db, conversation))
    db.put_counted(conversation)


async def fold(db: Session, tenant_id: str, conversation_id: str, after: Sheet) -> None:
    """Put a conversation's sheet in the place of the one that is there, and add the difference to the sums."""
    sheets = db.keys.figures(tenant_id, "sheets")
    (kept,) = await db.ask(("HGET", sheets, conversation_id))
    db.expect(kept or "", "HGET", sheets, conversation_id)
    for cell, counts in difference(_read(kept), after).items():
        sums, entities = _sums(db, tenant_id, cell.quarter), _entities(db, tenant_id, cell.quarter)
        for figure, number in counts.items():
            db.write("ADD", sums, json.dumps([cell.bot_id, cell.model, figure]), number)
            if cell.entity_id:
                db.write("ADD", entities, json.dumps([cell.bot_id, cell.model, cell.entity_id, figure]), number)
        db.write("ZADD", db.keys.figures(tenant_id, "quarters"), cell.quarter, cell.quarter)
    if after:
        revision = db.revision_of(conversation_id)
        db.write("HSET", sheets, conversation_id, f"{revision} {write_sheet(after)}")
    else:
        db.write("HDEL", sheets, conversation_id)
    db.write("INCR", db.keys.figures(tenant_id, "version"))


def _read(kept: bytes | None) -> Sheet:
    return read_sheet(None if kept is None else kept.decode().partition(" ")[2])


def _sums(db: Session, tenant_id: str, quarter: int) -> str:
    return db.keys.figures(tenant_id, f"sums:{quarter}")


def _entities(db: Session, tenant_id: str, quarter: int) -> str:
    return db.keys.figures(tenant_id, f"entities:{quarter}")


async def _sheet(db: Session, conversation: StoredConversation) -> Sheet:
    """Count a conversation as it is, whatever became of its bot."""
    if conversation.deleted_at is not None:
        return {}
    (members,) = await db.ask(("ZRANGE", db.keys.of(TURNS, conversation.id), 0, -1))
    turns: list[CountedTurn] = []
    for at in range(0, len(members), _AT_ONCE):
        turns += await _counted_turns(db, [each.decode() for each in members[at : at + _AT_ONCE]])
    of_itself = CountedConversation(
        conversation.bot_id,
        conversation.entity_id,
        conversation.started_at,
        conversation.ended_at,
        conversation.end_reason,
        conversation.rating,
    )
    return sheet_of(of_itself, turns)


async def _counted_turns(db: Session, ids: Sequence[str]) -> Sequence[CountedTurn]:
    found = [each for each in await db.find_all(StoredTurn, ids) if each is not None]
    ended = [each for each in found if each.deleted_at is None and TurnStatus(each.status).is_terminal]
    questions = await db.find_all(StoredMessage, [each.question_id for each in ended])
    answers = await db.find_all(StoredMessage, [each.answer_id for each in ended])
    return [_counted_turn(*each) for each in zip(ended, questions, answers, strict=True)]


def _counted_turn(turn: StoredTurn, question: StoredMessage | None, answer: StoredMessage | None) -> CountedTurn:
    return CountedTurn(
        turn.created_at,
        turn.first_token_at,
        turn.finished_at or turn.created_at,
        turn.status,
        turn.model,
        turn.input_tokens,
        turn.output_tokens,
        turn.cost_micro,
        turn.context_chunks,
        question is not None and question.deleted_at is None and question.turn_id == turn.id,
        answer is not None and answer.deleted_at is None,
        None if answer is None else answer.rating,
    )


# Asking


async def _figures(db: Session, tenant_id: str, wanted: FiguresQuery) -> Sequence[Tally]:
    """Read the sums, and what those that are uncounted will change in them. If somebody counts meanwhile, it is read again."""
    version = ("GET", db.keys.figures(tenant_id, "version"))
    (before,) = await db.ask(version)
    tallies, bots = Tallies(wanted), _Bots(db)
    async for quarters in _quarters(db, tenant_id, wanted):
        for quarter in quarters:
            if not wanted.needs_entities:
                await _add_sums(db, tenant_id, quarter, tallies, bots)
            await _add_entities(db, tenant_id, quarter, tallies, bots)
    async for conversation in _uncounted(db, tenant_id):
        (kept,) = await db.ask(("HGET", db.keys.figures(tenant_id, "sheets"), conversation.id))
        sheet = await _sheet_now(db, conversation.id)
        tallies.change(_read(kept), sheet, await bots.are_live(bots_in(_read(kept), sheet)))
    (after,) = await db.ask(version)
    if after != before:
        raise Outrun
    return tallies.result(await _known_entities(db, tenant_id, sorted(tallies.entities())))


class _Bots:
    """Which bots are there."""

    def __init__(self, db: Session) -> None:
        self._db = db

    async def are_live(self, bot_ids: Iterable[str]) -> frozenset[str]:
        """Return those that are not deleted."""
        found = await self._db.find_all(StoredBot, list(bot_ids))
        return frozenset(each.id for each in found if each is not None and each.deleted_at is None)


async def _quarters(db: Session, tenant_id: str, wanted: FiguresQuery) -> AsyncIterator[Sequence[int]]:
    start = wanted.bounds[0]
    while start < wanted.bounds[-1]:
        (found,) = await db.ask(
            (
                "ZRANGEBYSCORE",
                db.keys.figures(tenant_id, "quarters"),
                start,
                wanted.bounds[-1] - 1,
                "LIMIT",
                0,
                _QUARTERS_AT_ONCE,
            )
        )
        if not found:
            return
        yield [int(each) for each in found]
        start = int(found[-1]) + 1


async def _add_sums(db: Session, tenant_id: str, quarter: int, tallies: Tallies, bots: _Bots) -> None:
    read = await _numbers(db, _sums(db, tenant_id, quarter), "*")
    live = await bots.are_live({name[0] for name, _ in read})
    for (bot_id, model, figure), number in read:
        if bot_id in live:
            tallies.add(Cell(quarter, bot_id, model, ""), {figure: number})


async def _add_entities(db: Session, tenant_id: str, quarter: int, tallies: Tallies, bots: _Bots) -> None:
    """Add the figures of entities; where all are counted together, only how many turns each of them had."""
    wanted = tallies.query
    pattern = "*" if wanted.needs_entities else f'*"{Figure.TURNS}"]'
    if wanted.entity_id is not None:
        pattern = f'*"{wanted.entity_id}"*' if is_id("ent", wanted.entity_id) else "nobody"
    read = await _numbers(db, _entities(db, tenant_id, quarter), pattern)
    live = await bots.are_live({name[0] for name, _ in read})
    for (bot_id, model, entity_id, figure), number in read:
        if bot_id in live:
            cell = Cell(quarter, bot_id, model, entity_id)
            if wanted.needs_entities:
                tallies.add(cell, {figure: number})
            if figure == Figure.TURNS:
                tallies.add_active(cell, number)


async def _numbers(db: Session, key: str, pattern: str) -> Sequence[tuple[list[str], int]]:
    """Return the numbers of a hash, a stretch at a time: one that is met twice counts once."""
    found: dict[bytes, bytes] = {}
    cursor: bytes | int = 0
    while True:
        ((answer,),) = await db.ask(together(db, ("HSCAN", key, cursor, "MATCH", pattern, "COUNT", _AT_ONCE)))
        cursor, flat = answer
        found |= zip(flat[::2], flat[1::2], strict=True)
        if int(cursor) == 0:
            return [(json.loads(name), int(number)) for name, number in found.items()]


async def _uncounted(db: Session, tenant_id: str) -> AsyncIterator[StoredConversation]:
    walk, start = Walk(StoredConversation, f"{UNCOUNTED}:{tenant_id}", ascending=True), None
    while found := await walk.find(db, start, _AT_ONCE, all_of):
        for each in found:
            yield each.thing
        start = (found[-1].score, found[-1].thing.n)


async def _sheet_now(db: Session, conversation_id: str) -> Sheet:
    """Count a conversation as it is at one moment."""
    for _ in range(_TRIES):
        moment = Session(db.server, db.now)
        conversation = await moment.find_conversation(conversation_id)
        sheet = {} if conversation is None else await _sheet(moment, conversation)
        if await moment.is_unchanged(conversation_id):
            return sheet
    raise Outrun


async def _known_entities(db: Session, tenant_id: str, ids: Sequence[str]) -> Sequence[str]:
    known: list[str] = []
    for at in range(0, len(ids), _AT_ONCE):
        found = await db.find_all(StoredEntity, ids[at : at + _AT_ONCE])
        known += [each.id for each in found if each is not None and each.tenant_id == tenant_id]
    return known
