"""How a step is written. On one server everything is one script: all or nothing, indexes included.

In a cluster only what lies in one slot is. There the step leaves a mark before it begins; then claims are taken, the home
move decides, and indexes and released claims follow. Whoever finds an old mark writes again what should be in the indexes
for the things that it names, which can be told from them alone. Because another step may have come in between, a thing is
looked at once more after its entries were written.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable, Mapping, Sequence

from palaver.stores.redis.announcements import announcement
from palaver.stores.redis.server import Command, Server
from palaver.stores.redis.session import Outrun
from palaver.stores.redis.step import Entries, Move, Step, Taking
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
    unpacked,
)

_MARKS = "marks"
_OLD_MICROS = 20_000_000
"""A step that takes longer than this has died: every command of it has a shorter time-out."""
_KINDS: Mapping[str, type[Stored]] = {
    kind.KIND: kind
    for kind in (
        StoredKey,
        StoredBot,
        StoredEntity,
        StoredAttachment,
        StoredConversation,
        StoredTurn,
        StoredMessage,
        StoredDocument,
    )
}


async def commit(server: Server, step: Step, now: int) -> None:
    """Write a step. Raises ``Outrun`` when something has changed meanwhile; then nothing was written."""
    if server.is_cluster:
        await _in_pieces(server, step, now)
    else:
        await _at_once(server, step)


async def _at_once(server: Server, step: Step) -> None:
    whole = Move()
    for move in (*(taking.move() for taking in step.takings), *step.before, step.home, *step.after):
        whole.add(move)
    for entries in step.entries.values():
        whole.writes += _commands(server, entries.changes)
    await _run(server, whole)


async def _run(server: Server, move: Move) -> None:
    if not await server.run(server.script("move", move.keys(), *move.words())):
        raise Outrun


def _commands(server: Server, changes: Mapping[str, tuple[int | None, str]]) -> Iterable[Command]:
    for index, (score, member) in changes.items():
        key = server.keys.index(index)
        yield ("ZREM", key, member) if score is None else ("ZADD", key, score, member)


async def _in_pieces(server: Server, step: Step, now: int) -> None:
    mark = _mark_of(step)
    marks = server.keys.named(_MARKS)
    if step.entries:
        done, server.done = server.done, []
        await server.ask([("ZADD", marks, now, mark), *(("ZREM", marks, each) for each in done)])
    taken: list[Taking] = []
    try:
        for taking in step.takings:
            await _run(server, taking.move())
            taken.append(taking)
        for move in (*step.before, *step.moves()):
            await _run(server, move)
    except Outrun:
        await _give_back(server, taken)
        server.done.append(mark)
        raise
    for move in step.after:
        await server.run(server.script("move", move.keys(), *move.words()))
    if step.entries:
        await _enter(server, step.entries)
        server.done.append(mark)


async def _give_back(server: Server, taken: Sequence[Taking]) -> None:
    for taking in taken:
        move = taking.undo()
        await server.run(server.script("move", move.keys(), *move.words()))


def _mark_of(step: Step) -> str:
    return json.dumps([secrets.token_hex(8), *sorted(step.entries)])


async def _enter(server: Server, entries: Mapping[str, Entries]) -> None:
    """Write the entries of things, until they are those of the things as they are."""
    await server.ask([command for each in entries.values() for command in _commands(server, each.changes)])
    kinds = {key: each.kind for key, each in entries.items()}
    await settle(server, kinds, {key: each.kept for key, each in entries.items()})


async def settle(server: Server, kinds: Mapping[str, type[Stored]], entered: Mapping[str, bytes | None]) -> None:
    """Make the indexes say of some things what they should, whoever else changes these meanwhile. ``entered`` is how those
    are kept whose entries have just been written."""
    seen = dict(entered)
    while True:
        answers = await server.ask([("GET", key) for key in kinds])
        kept = dict(zip(kinds, answers, strict=True))
        changed = {key: each for key, each in kept.items() if key not in seen or seen[key] != each}
        if not changed:
            return
        commands = [
            command for key, each in changed.items() if each is not None for command in _all(server, kinds[key], each)
        ]
        await server.ask(commands)
        seen |= changed


def _all(server: Server, kind: type[Stored], kept: bytes) -> Iterable[Command]:
    thing = unpacked(kind, kept)
    return _commands(server, {index: (score, thing.member) for index, score in thing.places.items()})


async def sweep(server: Server, now: int, limit: int) -> None:
    """Finish what steps that died have left undone."""
    if not server.is_cluster:
        return
    marks = server.keys.named(_MARKS)
    old = await server.run(("ZRANGEBYSCORE", marks, "-inf", now - _OLD_MICROS, "LIMIT", 0, limit))
    for mark in old:
        keys = json.loads(mark)[1:]
        await settle(server, {key: _KINDS[_kind_of(key)] for key in keys}, {})
        await _announce(server, [key for key in keys if _kind_of(key) == StoredDocument.KIND])
        await server.run(("ZREM", marks, mark))


async def _announce(server: Server, keys: Sequence[str]) -> None:
    """Tell of documents that may have changed in the index of their bot."""
    for kept in await server.ask([("GET", key) for key in keys]):
        document = None if kept is None else unpacked(StoredDocument, kept)
        if document is not None and document.ready_version is not None:
            await _run(server, announcement(server.keys, document))


def _kind_of(key: str) -> str:
    return key.rpartition("}")[2].partition(":")[0]
