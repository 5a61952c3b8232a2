"""Lists over many rows, and how they follow the rows.

On one server a row and its lists are written in one step. In a cluster they lie in slots of their own. So before a row
is written it is noted as unfinished; when its lists are written and the row is still the same the note is taken away.
A note that stays is of a process that died: ``settle`` makes the lists of its row what they have to be, from the row.
Whatever is left in a list by mistake is dropped by who reads it, because it does not fit its row.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from palaver.stores.redis.entries import Entries, Kept, entries_of
from palaver.stores.redis.kept import (
    KeptBot,
    KeptConversation,
    KeptEntity,
    KeptMessage,
    KeptTurn,
    kept_bot,
    kept_conversation,
    kept_turn,
)
from palaver.stores.redis.keys import TALKING, UNFINISHED, Keys
from palaver.stores.redis.script import Command, Word, step
from palaver.stores.redis.wire import Wire, slot_of

_MARK = re.compile("\0(\\d+)\0")
_SETTLE_AFTER_MICROS = 10_000_000
_PAGE = 100


class Moved(NamedTuple):
    """A row as it was and as it is; None where there is none."""

    before: Kept | None
    now: Kept | None


class Numbers(NamedTuple):
    """How many new places are wanted from a counter."""

    counter: str
    wanted: int


class Lists:
    """Writes rows with their lists."""

    def __init__(self, wire: Wire, keys: Keys) -> None:
        self._wire = wire
        self._keys = keys

    async def write(
        self,
        commands: Sequence[Command],
        checks: Sequence[tuple[Command, str]],
        moved: Sequence[Moved],
        *,
        numbers: Numbers,
        now: int,
    ) -> bool:
        """Write rows by these commands, and their lists; return False if a check failed and nothing was written."""
        before, after = self._entries(each.before for each in moved), self._entries(each.now for each in moved)
        following = [
            *self._removals(before.items() - after.items(), after),
            *_additions(after.items() - before.items()),
        ]
        if not self._wire.is_cluster:
            counter = numbers.counter or None
            call = step([*commands, *following], checks=checks, numbers=numbers.wanted, counter=counter)
            return isinstance(await self._wire.run(call), list)
        return await self._write_apart(list(commands), checks, following, moved, numbers=numbers, now=now)

    async def _write_apart(
        self,
        commands: list[Command],
        checks: Sequence[tuple[Command, str]],
        following: list[Command],
        moved: Sequence[Moved],
        *,
        numbers: Numbers,
        now: int,
    ) -> bool:
        if numbers.wanted:
            last = await self._wire.put([("INCRBY", numbers.counter, numbers.wanted)])
            commands, following = (_numbered(each, int(last[0]) - numbers.wanted + 1) for each in (commands, following))
        home = slot_of(str(commands[0][1]))
        commands += [each for each in following if slot_of(str(each[1])) == home]
        elsewhere = [each for each in following if slot_of(str(each[1])) != home]
        names = sorted({_name_of(kept) for each in moved for kept in each if kept is not None}) if elsewhere else []
        await self._note(names, now)
        written = isinstance(await self._wire.run(step(commands, checks=checks)), list)
        if written and elsewhere:
            touched = {(str(each[1]), str(each[-1])) for each in elsewhere}
            await self._wire.put(elsewhere)
            for name in names:
                await self._settle(name, touched)
        await self._forget(names)
        return written

    async def settle_unfinished(self, now: int, limit: int) -> None:
        """Finish what processes left behind that died some seconds ago."""
        if self._wire.is_cluster:
            key, until = self._keys.listing(UNFINISHED), now - _SETTLE_AFTER_MICROS
            found = (await self._wire.ask([("ZRANGEBYSCORE", key, "-inf", until, "LIMIT", 0, limit)]))[0]
            for name in found:
                await self._settle(name.decode(), set())
                await self._forget([name.decode()])

    async def drop(self, kept: Kept | None, strays: Sequence[tuple[str, str]], now: int) -> None:
        """Take strays out of lists, which were found not to fit this row; what fits after all stays."""
        if not strays or not self._wire.is_cluster:
            return
        names = [] if kept is None else [_name_of(kept)]
        await self._note(names, now)
        await self._wire.put([("ZREM", key, member) for key, member in strays])
        for name in names:
            await self._settle(name, set(strays))
        await self._forget(names)

    async def _settle(self, name: str, touched: set[tuple[str, str]]) -> None:
        """Make the lists of a row what they have to be, until it did not change meanwhile."""
        written: Entries | None = None
        while (entries := await self._current(name)) != written:
            wrong = [(key, member) for key, member in touched if (key, member) not in entries and _is_of(member, name)]
            commands: list[Command] = [("ZREM", key, member) for key, member in wrong]
            await self._wire.put([*commands, *_additions(entries.items())])
            written = entries

    async def _current(self, name: str) -> Entries:
        kind, any_id, tenant_id = name.split(" ", 2)
        keys = self._keys
        match kind:
            case "conversation":
                row = (await self._wire.ask([("HMGET", keys.inside(any_id), "row", "metadata", "revision")]))[0]
                return {} if row[0] is None else entries_of(keys, kept_conversation(*row))
            case "turn":
                raw, live = await self._wire.ask(
                    [("GET", keys.inside(any_id)), ("HGETALL", keys.inside(any_id, "live"))]
                )
                return {} if raw is None else entries_of(keys, kept_turn(raw, live))
            case _:
                raw = (await self._wire.ask([("GET", keys.tenant(tenant_id, any_id))]))[0]
                return {} if raw is None else entries_of(keys, kept_bot(tenant_id, raw))

    async def _note(self, names: Sequence[str], now: int) -> None:
        if names:
            notes = [word for name in names for word in (now, name)]
            await self._wire.put([("ZADD", self._keys.listing(UNFINISHED), *notes)])

    async def _forget(self, names: Sequence[str]) -> None:
        if names:
            await self._wire.put([("ZREM", self._keys.listing(UNFINISHED), *names)])

    def _removals(self, entries: Iterable[tuple[tuple[str, str], int]], but: Entries) -> list[Command]:
        for_good = self._keys.listing(TALKING)
        return [("ZREM", *where) for where, _ in entries if where not in but and where[0] != for_good]

    def _entries(self, rows: Iterable[Kept | None]) -> dict[tuple[str, str], int]:
        found: dict[tuple[str, str], int] = {}
        for kept in rows:
            found.update(entries_of(self._keys, kept))
        return found


def _additions(entries: Iterable[tuple[tuple[str, str], int]]) -> list[Command]:
    return [("ZADD", key, score, member) for (key, member), score in entries]


def _numbered(commands: Sequence[Command], first: int) -> list[Command]:
    """Put numbers into the places of their marks, as the script does."""

    def number(found: re.Match[str]) -> str:
        return f"{first + int(found[1]):016d}"

    def filled(word: Word) -> Word:
        return _MARK.sub(number, word) if isinstance(word, str) and "\0" in word else word

    return [tuple(filled(word) for word in command) for command in commands]


def _name_of(kept: Kept) -> str:
    match kept:
        case KeptConversation():
            return f"conversation {kept.id} {kept.tenant_id}"
        case KeptTurn():
            return f"turn {kept.id} {kept.tenant_id}"
        case KeptBot():
            return f"bot {kept.bot.id} {kept.tenant_id}"
        case KeptEntity():
            return f"entity {kept.entity.id} {kept.tenant_id}"
        case KeptMessage():
            return f"message {kept.id} {kept.tenant_id}"


def _is_of(member: str, name: str) -> bool:
    """Whether a member of a list stands for this row: its id is in both."""
    return name.split(" ", 2)[1] in member.split(" ")
