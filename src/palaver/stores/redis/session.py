"""What an operation works with: kept things, read when they are asked for, changed together or not at all.

A thing that was put is what is found from then on, though nothing is sent before the operation has decided everything.
What lies inside a conversation is guarded by its revision, which is therefore read first and grows with every change;
everything else is guarded by what was kept when it was read.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from palaver.errors import NotFound
from palaver.stores.redis.recent import Recent
from palaver.stores.redis.server import Command, Server, Word
from palaver.stores.redis.step import Entries, Move, Step, Taking
from palaver.stores.redis.stored import (
    S,
    Stored,
    StoredBot,
    StoredConversation,
    StoredMessage,
    StoredTurn,
    packed,
    unpacked,
)

T = TypeVar("T")
_INSIDE = (StoredConversation, StoredTurn, StoredMessage)


class Outrun(Exception):
    """What an operation was decided upon has changed. Nothing was written."""


class Session:
    """Reads and gathers changes. ``now`` is the store's clock, in microseconds, when the operation began.

    Who changes turns that others may be reading names them in ``news``: they are told after the change.
    """

    def __init__(self, server: Server, now: int) -> None:
        self.server = server
        self.keys = server.keys
        self.now = now
        self.step = Step()
        self.news: set[str] = set()
        self._kept: dict[str, bytes | None] = {}  # as they were read
        self._were: dict[str, Stored | None] = {}  # the same, as far as somebody wanted to know
        self._found: dict[str, Stored | None] = {}  # as they are now
        self._put: dict[str, type[Stored]] = {}
        self._inside: set[str] = set()
        self._revisions: dict[str, int] = {}
        self._begun: tuple[StoredTurn, tuple[str, ...]] | None = None

    # Reading

    async def ask(self, *commands: Command) -> list[Any]:
        """Return the answers of several commands, in one round trip."""
        return await self.server.ask(commands)

    async def find(self, kind: type[S], any_id: str | None) -> S | None:
        """Return a thing, if there is one."""
        return (await self.find_all(kind, [any_id]))[0]

    async def get(self, kind: type[S], tenant_id: str, any_id: str) -> S:
        """Return a thing of a tenant, or raise ``NotFound``."""
        found = await self.find(kind, any_id)
        if found is None or found.tenant_id != tenant_id:
            raise NotFound
        return found

    async def find_all(self, kind: type[S], ids: Sequence[str | None]) -> list[S | None]:
        """Return things by their ids, in one round trip for those that were not read before."""
        keys = [None if each is None else self.keys.find(kind.KIND, each) for each in ids]
        unread = list(dict.fromkeys(key for key in keys if key is not None and key not in self._kept))
        if unread:
            for key, kept in zip(unread, await self.ask(*(("GET", key) for key in unread)), strict=True):
                self.learn(kind, key, kept)
        return [None if key is None else self._now(kind, key) for key in keys]

    def _now(self, kind: type[S], key: str) -> S | None:
        if key not in self._found:
            self._found[key] = self._was(kind, key)
        return self._found[key]  # type: ignore[return-value]  # its key names its kind

    def _was(self, kind: type[Stored], key: str) -> Stored | None:
        if key not in self._were:
            kept = self._kept[key]
            self._were[key] = None if kept is None else unpacked(kind, kept)
        return self._were[key]

    def knows(self, kind: type[Stored], any_id: str) -> bool:
        """Whether a thing was read or put before."""
        return self.keys.of(kind.KIND, any_id) in self._kept

    def learn(self, kind: type[Stored], key: str, kept: bytes | None) -> None:
        """Take note of what was read under a key, unless it was read before. It is unpacked when somebody asks for it."""
        if key not in self._kept:
            self._kept[key] = kept
            if kind in _INSIDE:
                self._inside.add(key)

    def learn_revision(self, conversation_id: str, kept: bytes | None) -> None:
        """Take note of a conversation's revision, which guards what is read inside it from then on. What was read before
        is forgotten: nobody knows whether it still was so."""
        if conversation_id not in self._revisions:
            self._revisions[conversation_id] = int(kept or 0)
            for key in self._inside - self._put.keys():
                for known in (self._kept, self._were, self._found):
                    known.pop(key, None)
            self._inside &= self._put.keys()

    async def live(self, tenant_id: str, conversation_id: str) -> tuple[StoredConversation, StoredBot]:
        """Return a conversation and its bot, neither of them deleted; or raise ``NotFound``."""
        conversation = await self.conversation(tenant_id, conversation_id)
        bot = await self.find(StoredBot, conversation.bot_id)
        self.server.note_bot(conversation_id, conversation.bot_id)
        if conversation.deleted_at is not None or bot is None or bot.deleted_at is not None:
            raise NotFound
        return conversation, bot

    async def conversation(self, tenant_id: str, conversation_id: str) -> StoredConversation:
        """Return a conversation, deleted or not, to be changed; or raise ``NotFound``."""
        found = await self.find_conversation(conversation_id)
        if found is None or found.tenant_id != tenant_id:
            raise NotFound
        return found

    def guards(self, conversation_id: str) -> bool:
        """Whether what is read inside a conversation is guarded by its revision."""
        return conversation_id in self._revisions

    async def find_conversation(self, conversation_id: str) -> StoredConversation | None:
        """Return a conversation of any tenant, if there is one, to be changed."""
        if not self.guards(conversation_id):
            await self.read_inside(conversation_id)
        return await self.find(StoredConversation, conversation_id)

    async def read_inside(
        self, conversation_id: str, *things: tuple[type[Stored], str | None], ask: Sequence[Command] = ()
    ) -> list[Any]:
        """Read a conversation, its bot where that is known, and things inside it, in one round trip. Return the answers of
        what else is asked."""
        bot_id = self.server.bots.get(conversation_id)
        wanted: list[tuple[type[Stored], str | None]] = [(StoredConversation, conversation_id), *things]
        inside = [(kind, self.keys.of(kind.KIND, each)) for kind, each in wanted if each is not None]
        bot_keys = [] if bot_id is None else [self.keys.of(StoredBot.KIND, bot_id)]
        (revision, *kept), *answers = await self.ask(
            ("MGET", self.revision_key(conversation_id), *(key for _, key in inside)),
            *(("GET", key) for key in bot_keys),
            *ask,
        )
        self.learn_revision(conversation_id, revision)
        for (kind, key), each in zip(inside, kept, strict=True):
            self.learn(kind, key, each)
        for key, each in zip(bot_keys, answers, strict=False):
            self.learn(StoredBot, key, each)
        return answers[len(bot_keys) :]

    def recall(self, recent: Recent) -> None:
        """Go on from what this process wrote of a turn, as if it had just been read."""
        conversation_id = recent.turn.conversation_id
        self.learn_revision(conversation_id, str(recent.revision).encode())
        for thing in recent.things:
            key = self.keys.of(thing.KIND, thing.id)
            self.learn(type(thing), key, b"")
            self._were[key] = self._found[key] = thing

    async def is_unchanged(self, conversation_id: str) -> bool:
        """Whether everything inside a conversation is still as it was read."""
        (revision,) = await self.ask(("GET", self.revision_key(conversation_id)))
        return int(revision or 0) == self.revision_of(conversation_id)

    def revision_of(self, conversation_id: str) -> int:
        """Return the revision at which a conversation was read."""
        return self._revisions[conversation_id]

    def revision_key(self, conversation_id: str) -> str:
        """Where the revision of a conversation is."""
        return self.keys.of("revision", conversation_id)

    # Changing

    def put(self, thing: Stored) -> None:
        """Keep a thing, in the place of what is there. A conversation is uncounted from then on."""
        self._keep(replace(thing, counted=False) if isinstance(thing, StoredConversation) and thing.counted else thing)

    def put_counted(self, conversation: StoredConversation) -> None:
        """Keep a conversation whose sheet is put in the same step."""
        self._keep(replace(conversation, counted=True))

    def _keep(self, thing: Stored) -> None:
        key = self.keys.of(thing.KIND, thing.id)
        self._kept.setdefault(key, None)
        self._found[key] = thing
        self._put[key] = type(thing)
        self.step.decides = key

    def drop(self, thing: Stored) -> None:
        """Keep a thing no longer."""
        key = self.keys.of(thing.KIND, thing.id)
        self._kept.setdefault(key, None)
        self._found[key] = None
        self._put[key] = type(thing)
        self.step.decides = key

    def keep_in_mind(self, turn: StoredTurn, *ids: tuple[type[Stored], str]) -> None:
        """Remember, once it is written, how a turn stands that runs from now on, with other things that its end changes."""
        inside: list[tuple[type[Stored], str]] = [*ids, (StoredTurn, turn.id)]
        keys = [self.keys.of(kind.KIND, each) for kind, each in inside]
        self._begun = (turn, tuple(keys))

    def recent(self) -> Recent | None:
        """Return what is to be remembered of what was written."""
        if self._begun is None:
            return None
        turn, keys = self._begun
        things = [self._found[key] for key in keys]
        revision = self._revisions[turn.conversation_id] + 1
        return Recent(turn, revision, tuple(each for each in things if each is not None))

    def decide(self, key: str) -> None:
        """Say where a step is decided that changes no thing."""
        self.step.decides = key

    def write(self, *command: Word) -> None:
        """Write something beside the kept things, in the slot of what is changed."""
        self.step.home.writes.append(command)

    def expect(self, answer: Word, *command: Word) -> None:
        """Go on only if a look still has this answer."""
        self.step.home.looks.append((command, answer))

    def take(self, key: str, before: bytes | None, after: str) -> None:
        """Take a claim that was found as it is said."""
        self.step.takings.append(Taking(key, before or "", after))

    def release(self, key: str, before: bytes) -> None:
        """Give up a claim, unless somebody else has it by then."""
        self.step.after.append(Move([(("GET", key), before)], [("DEL", key)]))

    def finish(self) -> Step:
        """Return all that is to be changed."""
        for key, kind in self._put.items():
            self._finish_one(key, kind)
        for conversation_id, revision in self._revisions.items():
            if self.step.home.writes:
                where = self.revision_key(conversation_id)
                self.step.home.looks.append((("GET", where), revision or ""))
                self.step.home.writes.append(("SET", where, revision + 1))
        return self.step

    def _finish_one(self, key: str, kind: type[Stored]) -> None:
        kept, now = self._kept[key], self._found[key]
        move = self.step.home
        if kind not in _INSIDE:
            move.looks.append((("GET", key), kept or ""))
        after = None if now is None else packed(now).encode()
        move.writes.append(("DEL", key) if after is None else ("SET", key, after))
        changes = _changes(self._was(kind, key), now)
        if changes:
            self.step.entries[key] = Entries(kind, after, changes)


def _changes(before: Stored | None, after: Stored | None) -> dict[str, tuple[int | None, str]]:
    """Return the places in the indexes that change: the new score (None: out of it) and the member."""
    thing = after or before
    old = before.places if before else {}
    new = after.places if after else {}
    return {
        index: (new.get(index), thing.member if thing else "")
        for index in {**old, **new}
        if old.get(index) != new.get(index)
    }


Operation = Callable[[Session], Awaitable[T]]
"""Reads and decides, and may be run again when it was outrun."""
