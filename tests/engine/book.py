"""What the engine should do, as simple as can be: one conversation in plain dicts and lists.

Only the contract is written down here: policies, keys, sequence numbers, branches, the active path, the queue.
"""

from __future__ import annotations

from dataclasses import dataclass, field

QUEUE_CAP = 2
OPEN = ("queued", "running")


@dataclass
class Asked:
    """A question; ``turn_id`` is the turn that asked it first."""

    id: str
    turn_id: str
    text: str
    seq: int


@dataclass
class Line:
    """A turn: what was asked, what was answered so far, how it stands. ``would`` is what it would continue, were nothing
    deleted, ``deletion`` the number of the deletion that took it."""

    id: str
    index: int
    parent: str | None
    would: str | None
    asked: Asked
    answer_id: str
    answer_seq: int
    status: str
    text: str = ""
    reasons: tuple[str, ...] = ()
    error: str | None = None
    gone: bool = False
    deletion: int = 0
    interrupting: bool = False


@dataclass
class Key:
    """What was asked for under a key, and the turn that it made."""

    body: tuple[object, ...]
    turn_id: str


@dataclass
class Book:
    """One conversation."""

    id: str
    lines: dict[str, Line] = field(default_factory=dict)
    keys: dict[str, Key] = field(default_factory=dict)
    head: str | None = None
    lost: str | None = None
    deletions: int = 0
    status: str = "active"
    deleted: bool = False
    next_seq: int = 1
    queue: list[str] = field(default_factory=list)
    running: str | None = None
    starts: int = 0

    def refusal(self, key: str, body: tuple[object, ...], policy: str) -> str | None:
        """The code that a begin is refused with, ``replayed`` for a known key, None if it is accepted."""
        if self.deleted:
            return "not_found"
        if key in self.keys:
            return "replayed" if self.keys[key].body == body else "idempotency_key_reused"
        if self.status != "active":
            return f"conversation_{self.status}"
        if self.running is None and not self.queue:
            return None
        if policy == "reject":
            return "turn_in_progress"
        return "queue_full" if policy == "queue" and len(self.queue) >= QUEUE_CAP else None

    def begin(self, line: Line, key: str, body: tuple[object, ...], policy: str) -> None:
        """Accept a turn."""
        self.lines[line.id] = line
        self.keys[key] = Key(body, line.id)
        self.head, self.lost = line.id, None
        self.next_seq = line.answer_seq + 1
        if self.running is None and not self.queue:
            self._start(line)
            return
        line.status = "queued"
        if policy == "interrupt":
            self._supersede()
            line.interrupting = True
            self.queue.insert(0, line.id)
            self.next_turn()
        else:
            self.queue.append(line.id)

    def _supersede(self) -> None:
        for each in [each for each in self.queue if self.lines[each].interrupting]:
            self.queue.remove(each)
            self.end(self.lines[each], "interrupted", ("superseded", "cancelled"))
        if self.running is not None:
            self.end(self.lines[self.running], "interrupted", ("superseded",))

    def _start(self, line: Line) -> None:
        line.status = "running"
        self.running = line.id
        self.starts += 1

    def end(self, line: Line, status: str, reasons: tuple[str, ...] = (), error: str | None = None) -> None:
        """End an open turn. Nothing is promoted yet."""
        line.status, line.reasons, line.error = status, reasons, error
        if self.running == line.id:
            self.running = None
        if line.id in self.queue:
            self.queue.remove(line.id)

    def next_turn(self) -> None:
        """Let the first of the queue run, if nothing does."""
        if self.running is None and self.queue and self.status == "active" and not self.deleted:
            self._start(self.lines[self.queue.pop(0)])

    def end_open(self, reason: str) -> None:
        """End whatever runs or waits."""
        for line in self.lines.values():
            if line.status in OPEN:
                self.end(line, "interrupted", (reason,))

    def path(self) -> list[Line]:
        """The active path, from its beginning."""
        return self.way_to(self.head)

    def way_to(self, turn_id: str | None) -> list[Line]:
        """The turns from the beginning to this one."""
        found: list[Line] = []
        while turn_id is not None:
            found.append(self.lines[turn_id])
            turn_id = self.lines[turn_id].parent
        return found[::-1]

    def history(self) -> list[tuple[int, str, str]]:
        """(seq, role, text) of the active path."""
        rows = []
        for line in self.path():
            rows.append((line.asked.seq, "user", line.asked.text))
            rows.append((line.answer_seq, "assistant", line.text))
        return rows

    def prompt_of(self, line: Line) -> list[str]:
        """The texts that a model is given for a turn: what stands before it on its branch, then its question."""
        before = [text for each in self.way_to(line.parent) for text in (each.asked.text, each.text) if text]
        return [*before, line.asked.text]

    def delete(self, lines: list[Line]) -> None:
        """Delete turns: what continued one hangs on the nearest before it; a head leaves the newest end below its parent."""
        self.deletions += 1
        for line in lines:
            if line.status in OPEN:
                self.end(line, "interrupted", ("deleted",))
            line.gone, line.deletion = True, self.deletions
            self._hang()
            if self.head == line.id:
                self.lost = self.lost or line.id
                self.head = self._newest_end(line.parent)

    def restore(self, deletion: int) -> None:
        """Undo a deletion. The head that was lost is the head again, or the newest end of what leads to it."""
        back = [line for line in self.lines.values() if line.gone and line.deletion == deletion]
        for line in back:
            line.gone = False
        self._hang()
        if self.lost is not None and not self.lines[self.lost].gone:
            self.head, self.lost = self.lost, None
        elif self.lost is not None and self.lines[self.lost].parent in [line.id for line in back]:
            self.head = self._newest_end(self.lines[self.lost].parent)

    def would_continue(self, parent: str | None) -> str | None:
        """What a new turn behind this one would continue, were nothing deleted."""
        goes_on = self.lost is not None and parent == self.head == self.lines[self.lost].parent
        return self.lost if goes_on else parent

    def _hang(self) -> None:
        for line in self.lines.values():
            line.parent = line.would
            while line.parent is not None and self.lines[line.parent].gone:
                line.parent = self.lines[line.parent].would

    def _newest_end(self, turn_id: str | None) -> str | None:
        while below := [each for each in self.present() if each.parent == turn_id]:
            turn_id = below[-1].id
        return turn_id

    def asking(self, line: Line) -> list[Line]:
        """The turns that ask the same question."""
        return [each for each in self.present() if each.asked.id == line.asked.id]

    def gone(self) -> list[Line]:
        """The turns that are deleted."""
        return [line for line in self.lines.values() if line.gone]

    def present(self) -> list[Line]:
        """The turns that are not deleted, in order of acceptance."""
        return [line for line in self.lines.values() if not line.gone]

    def message_count(self) -> int:
        """Answers, and each question once however many branches ask it."""
        present = self.present()
        return len(present) + len({line.asked.id for line in present})
