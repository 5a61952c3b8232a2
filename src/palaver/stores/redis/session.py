"""What an operation works with: rows, read once, changed here, and written in one step if nobody changed them meanwhile.

All that one session writes lies in one slot. The lists that follow from it may lie elsewhere: see ``lists``.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from palaver.stores.redis.entries import Kept
from palaver.stores.redis.kept import (
    KeptBot,
    KeptConversation,
    KeptEntity,
    KeptMessage,
    KeptTurn,
    kept_bot,
    kept_conversation,
    kept_entity,
    kept_message,
    kept_turn,
)
from palaver.stores.redis.keys import Keys
from palaver.stores.redis.lists import Lists, Moved, Numbers
from palaver.stores.redis.script import Command
from palaver.stores.redis.wire import Wire, slot_of

T = TypeVar("T")


class Outrun(Exception):
    """What was decided upon has changed. Nothing was written."""


@dataclass(frozen=True, slots=True)
class Wanted(Generic[T]):
    """Something to read: commands, and what their answers mean. ``row`` is the key of the row that it is, if it is one."""

    commands: tuple[Command, ...]
    take: Callable[[Sequence[Any]], T]
    row: str | None = None


@dataclass(slots=True)
class _Row:
    raw: bytes | None
    before: Kept | None
    now: Kept | None


def answer(*command: Any) -> Wanted[Any]:
    """Something that is no row: the answer to a command."""
    return Wanted((command,), lambda answers: answers[0])


class Session:
    """One try of an operation. ``now`` is the store's clock, in microseconds.

    Who changes turns that others may be reading names them in ``news``: they are told after the commit.
    """

    def __init__(self, wire: Wire, keys: Keys, now: int) -> None:
        self._wire = wire
        self.keys = keys
        self.now = now
        self.news: set[str] = set()
        self._rows: dict[str, _Row] = {}
        self._checks: list[tuple[Command, str]] = []
        self._commands: list[Command] = []
        self._numbers = Numbers("", 0)

    async def read(self, *wanted: Wanted[Any]) -> list[Any]:
        """Read several things at once; rows that were read before are as this session left them."""
        missing = [each for each in wanted if each.row is None or each.row not in self._rows]
        answers = await self._wire.ask([command for each in missing for command in each.commands])
        given: dict[int, Any] = {}
        at = 0
        for each in missing:
            part = answers[at : at + len(each.commands)]
            at += len(each.commands)
            value = each.take(part)
            if each.row is None:
                given[id(each)] = value
            else:
                raw = part[0] if isinstance(part[0], bytes) else None
                self._rows[each.row] = _Row(raw, value, value)
        return [given[id(each)] if each.row is None else self._rows[each.row].now for each in wanted]

    async def one(self, wanted: Wanted[T]) -> T:
        """Read one thing."""
        value: T = (await self.read(wanted))[0]
        return value

    def conversation(self, conversation_id: str) -> Wanted[KeptConversation | None]:
        """A conversation."""
        key = self.keys.inside(conversation_id)
        command: Command = ("HMGET", key, "row", "metadata", "revision")

        def take(answers: Sequence[Any]) -> KeptConversation | None:
            row = answers[0]
            return None if row[0] is None else kept_conversation(*row)

        return Wanted((command,), take, key)

    def turn(self, turn_id: str) -> Wanted[KeptTurn | None]:
        """A turn."""
        key = self.keys.inside(turn_id)
        commands: tuple[Command, ...] = (("GET", key), ("HGETALL", self.keys.inside(turn_id, "live")))
        return Wanted(commands, lambda answers: None if answers[0] is None else kept_turn(*answers), key)

    def message(self, message_id: str) -> Wanted[KeptMessage | None]:
        """A message."""
        key = self.keys.inside(message_id)
        return Wanted((("GET", key),), lambda answers: None if answers[0] is None else kept_message(answers[0]), key)

    def bot(self, tenant_id: str, bot_id: str) -> Wanted[KeptBot | None]:
        """A bot, deleted or not."""
        key = self.keys.tenant(tenant_id, bot_id)

        def take(answers: Sequence[Any]) -> KeptBot | None:
            return None if answers[0] is None else kept_bot(tenant_id, answers[0])

        return Wanted((("GET", key),), take, key)

    def entity(self, tenant_id: str, entity_id: str) -> Wanted[KeptEntity | None]:
        """An entity."""
        key = self.keys.tenant(tenant_id, entity_id)

        def take(answers: Sequence[Any]) -> KeptEntity | None:
            return None if answers[0] is None else kept_entity(tenant_id, answers[0])

        return Wanted((("GET", key),), take, key)

    def again(self) -> Session:
        """Return a session that has read nothing yet."""
        return Session(self._wire, self.keys, self.now)

    def has_read(self, any_id: str) -> bool:
        """Whether this row, of something inside a conversation, was read already."""
        return self.keys.inside(any_id) in self._rows

    def check(self, expected: str, *command: Any) -> None:
        """Write nothing unless this command still answers so ("" for nothing)."""
        self._checks.append((command, expected))

    def do(self, *command: Any) -> None:
        """Write this, too."""
        self._commands.append(command)

    def place(self, kind: str) -> str:
        """Return the mark of a new place among those of a kind, the only one in this session; it is taken when all is
        written."""
        self._numbers = Numbers(self.keys.counter(kind), self._numbers.wanted + 1)
        return f"\0{self._numbers.wanted - 1}\0"

    def put(self, kept: Kept) -> None:
        """Write a row; of one that was not read there is none yet."""
        self._rows.setdefault(self._key_of(kept), _Row(None, None, None)).now = kept

    def remove(self, kept: Kept) -> None:
        """Remove a row that was read."""
        self._rows[self._key_of(kept)].now = None

    def _key_of(self, kept: Kept) -> str:
        match kept:
            case KeptBot(tenant_id=tenant_id, bot=bot):
                return self.keys.tenant(tenant_id, bot.id)
            case KeptEntity(tenant_id=tenant_id, entity=entity):
                return self.keys.tenant(tenant_id, entity.id)
            case _:
                return self.keys.inside(kept.id)

    async def commit(self, lists: Lists) -> None:
        """Write what was changed.

        Raises:
            Outrun: Somebody else was faster.
        """
        moved = [Moved(row.before, row.now) for row in self._rows.values() if row.before is not row.now]
        for key, row in list(self._rows.items()):
            if row.before is not row.now:
                self._commands[:0] = self._written(key, row)
        if not self._commands:
            return
        homes = {slot_of(str(command[1])) for command in self._commands}
        if len(homes) != 1:
            raise AssertionError(f"one step writes into several slots: {sorted(homes)}")
        self._guard(homes.pop())
        if not await lists.write(self._commands, self._checks, moved, numbers=self._numbers, now=self.now):
            raise Outrun

    def _written(self, key: str, row: _Row) -> Iterator[Command]:
        """The commands that write a row; what must not have changed is checked."""
        match row.now:
            case KeptConversation():
                yield ("HSET", key, "row", row.now.json())
                if not isinstance(row.before, KeptConversation) or row.before.metadata != row.now.metadata:
                    yield ("HSET", key, "metadata", row.now.metadata)
            case KeptTurn() | KeptMessage():
                yield ("SET", key, row.now.json())
            case KeptBot() | KeptEntity():
                self._checks.append((("GET", key), "" if row.raw is None else row.raw.decode()))
                yield ("SET", key, row.now.json())
            case None:
                if isinstance(row.before, KeptBot | KeptEntity) and row.raw is not None:
                    self._checks.append((("GET", key), row.raw.decode()))
                yield ("UNLINK", key)

    def _guard(self, home: str) -> None:
        """Every change inside a conversation is one of its revision."""
        for key, row in self._rows.items():
            kept = row.before or row.now
            if isinstance(kept, KeptConversation) and slot_of(key) == home:
                revision = kept.revision
                self._checks.insert(0, (("HGET", key, "revision"), str(revision) if row.before else ""))
                if row.now is not None:
                    self._commands.append(("HSET", key, "revision", revision + 1))


Operation = Callable[[Session], Awaitable[T]]
"""Reads, decides and changes rows; it is run again when somebody else was faster."""
