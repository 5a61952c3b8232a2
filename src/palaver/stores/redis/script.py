"""What Redis runs for us: any number of commands in one atomic step, if what they were decided upon is still so.

Both scripts are given every key that they touch. A command is sent as the number of its words, its name, the place of
its key among the keys, and the rest.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

Word = str | bytes | int
Command = tuple[Word, ...]
"""Its name, its one key, and the rest."""


@dataclass(frozen=True, slots=True)
class Script:
    """``sha`` is the name by which a server knows a script that it has run before."""

    body: str
    sha: str


def _script(body: str) -> Script:
    return Script(body, hashlib.sha1(body.encode(), usedforsecurity=False).hexdigest())


STEP = _script("""
local at = 0
local first = 0

local function word()
    at = at + 1
    return ARGV[at]
end

local function place(number)
    return string.format('%016.0f', first + tonumber(number))
end

local function call()
    local count = tonumber(word())
    local words = {word(), KEYS[tonumber(word())]}
    for i = 3, count do
        words[i] = word()
        if first > 0 and string.find(words[i], '%z') then
            words[i] = string.gsub(words[i], '%z(%d+)%z', place)
        end
    end
    return redis.call(unpack(words))
end

for check = 1, tonumber(word()) do
    if tostring(call() or '') ~= word() then
        return check
    end
end
local numbers = tonumber(word())
if numbers > 0 then
    first = redis.call('INCRBY', KEYS[1], numbers) - numbers + 1
end
local answers = {}
for i = 1, tonumber(word()) do
    answers[i] = call()
end
return answers
""")
"""Run checks: each a reading command and what it must answer ('' for nothing). The number of the first one that fails is the
answer, and nothing else is done. Then take so many numbers from the counter, the first key, if there are any to take;
then run commands, in which ``\\0<i>\\0`` stands for the i-th of these numbers. Their answers are the answer."""

APPEND = _script("""
if redis.call('HGET', KEYS[1], 'fence') ~= ARGV[1] then
    return false
end
local tail = redis.call('XREVRANGE', KEYS[2], '+', '-', 'COUNT', 1)
local last = tail[1] and tonumber(string.match(tail[1][1], '^%d+')) or 0
for i = 3, #ARGV, 3 do
    if tonumber(ARGV[i]) > last then
        redis.call('XADD', KEYS[2], ARGV[i] .. '-0', 't', ARGV[i + 1], 'd', ARGV[i + 2], 'a', ARGV[2])
    end
end
return redis.call('HGET', KEYS[1], 'stop') or ''
""")
"""Append events to the log of the turn that shows its fence: those that are not there. Answers nothing if the fence is stale,
else why the turn was asked to stop, or ''."""


@dataclass(frozen=True, slots=True)
class Call:
    """A script with its keys, which lie in one slot, and its arguments."""

    script: Script
    keys: Sequence[str]
    arguments: Sequence[Word]

    def words(self) -> Iterator[Word]:
        """What follows the script or its name on the wire."""
        yield len(self.keys)
        yield from self.keys
        yield from self.arguments


def step(
    commands: Sequence[Command],
    *,
    checks: Sequence[tuple[Command, str]] = (),
    numbers: int = 0,
    counter: str | None = None,
) -> Call:
    """Return the call of ``STEP``. ``counter`` is given if its numbers are to be taken in the script itself."""
    keys: dict[str, int] = {}
    arguments: list[Word] = []
    if counter is not None:
        keys[counter] = 1

    def add(command: Command) -> None:
        place = keys.setdefault(str(command[1]), len(keys) + 1)
        arguments.extend((len(command), command[0], place, *command[2:]))

    arguments.append(len(checks))
    for command, expected in checks:
        add(command)
        arguments.append(expected)
    arguments.append(numbers if counter is not None else 0)
    arguments.append(len(commands))
    for command in commands:
        add(command)
    return Call(STEP, tuple(keys), arguments)
