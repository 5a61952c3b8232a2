"""What one operation wants to change, gathered while it decides: looks that must still hold, and writes.

Nothing of it is sent before the operation has decided everything.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from palaver.stores.redis.keys import slot_of
from palaver.stores.redis.server import Command, Word
from palaver.stores.redis.stored import Stored


@dataclass(slots=True)
class Move:
    """An atomic change in one slot: what a look must answer ("" for nothing), and what is written then."""

    looks: list[tuple[Command, Word]] = field(default_factory=list)
    writes: list[Command] = field(default_factory=list)

    def words(self) -> list[Word]:
        """Return the words for ``move.lua``."""
        found: list[Word] = [len(self.looks)]
        for command, answer in self.looks:
            found += [answer, len(command), *command]
        for command in self.writes:
            found += [len(command), *command]
        return found

    def keys(self) -> list[str]:
        """Return all keys that it touches."""
        commands = [command for command, _ in self.looks] + self.writes
        return list(dict.fromkeys(str(command[1]) for command in commands))

    def add(self, other: Move) -> None:
        """Do also what another move does, in the same step."""
        self.looks += other.looks
        self.writes += other.writes


@dataclass(slots=True)
class Taking:
    """A claim that is taken: its key, what is kept there before ("" for nothing) and after."""

    key: str
    before: Word
    after: Word

    def move(self) -> Move:
        """Take it."""
        return Move([(("GET", self.key), self.before)], [("SET", self.key, self.after)])

    def undo(self) -> Move:
        """Give it back."""
        back: Command = ("SET", self.key, self.before) if self.before else ("DEL", self.key)
        return Move([(("GET", self.key), self.after)], [back])


@dataclass(slots=True)
class Entries:
    """What changes in the indexes for a thing, kept as it is said: by index the new score (None: out of it), its member."""

    kind: type[Stored]
    kept: bytes | None
    changes: Mapping[str, tuple[int | None, str]]


@dataclass(slots=True)
class Step:
    """All that an operation changes.

    ``decides`` is the key in whose slot it is decided. What lies elsewhere in a cluster is changed before (``takings``,
    ``before``) so that it does no harm when the step is refused, or after, so that it can be done again by whoever finds
    it undone: ``after``, and ``entries``: the keys of things whose places in the indexes change, with these.
    """

    home: Move = field(default_factory=Move)
    decides: str = ""
    takings: list[Taking] = field(default_factory=list)
    before: list[Move] = field(default_factory=list)
    after: list[Move] = field(default_factory=list)
    entries: dict[str, Entries] = field(default_factory=dict)

    def moves(self) -> list[Move]:
        """Return the home move cut by slots; the last one is that of what was put last, which decides."""
        moves: dict[str, Move] = {}
        for command, answer in self.home.looks:
            moves.setdefault(slot_of(str(command[1])), Move()).looks.append((command, answer))
        for command in self.home.writes:
            moves.setdefault(slot_of(str(command[1])), Move()).writes.append(command)
        decides = moves.pop(slot_of(self.decides)) if self.decides else Move()
        return [*moves.values(), decides]

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to write."""
        return not (self.home.writes or self.takings or self.before or self.after)
