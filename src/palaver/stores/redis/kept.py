"""Rows: records as JSON, with what this store keeps beyond them. A column that is NULL is left out.

``place`` is the text of a record's place: sixteen digits, or, of what is being made, the mark that the script replaces by
a new number.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from palaver.bot import Bot
from palaver.clock import from_micros, to_micros
from palaver.conversation import Conversation, InterruptReason, Message, Turn, TurnStatus
from palaver.entity import Entity
from palaver.stores.endings import has_expired
from palaver.stores.openings import Waiting
from palaver.stores.orders import Once
from palaver.stores.record_columns import (
    conversation_record_columns,
    message_record_columns,
    once_of,
    turn_record_columns,
)
from palaver.stores.records import ConversationRecord, MessageRecord, TurnRecord
from palaver.stores.rows import (
    ENTITY_WIDTH,
    bot_columns,
    bot_of,
    conversation_of,
    entity_columns,
    entity_of,
    message_of,
    turn_of,
)

Columns = Mapping[str, Any]
_NO_ENTITY = (None,) * ENTITY_WIDTH


def dump(columns: Columns, place: str | None = None) -> str:
    """Return a row as JSON. A mark for a place stays as it is, where JSON would write it in another way."""
    present = {name: value for name, value in columns.items() if value is not None}
    text = json.dumps(present, separators=(",", ":"), ensure_ascii=False)
    return text if place is None else f'{text[:-1]},"n":"{place}"}}'


def names_in(text: str) -> tuple[str, ...]:
    """Return the words of a list of columns."""
    return tuple(text.replace(",", "").split())


_BOT = names_in(
    "id, name, instructions, model, params, retrieval, idle_timeout_minutes, metadata, created_at, updated_at, deleted_at, version, n"
)
_ENTITY = names_in("id, type, external_id, name, email, metadata, created_at, updated_at, version")
_CONVERSATION = names_in("""
    id, bot_id, kind, title, status, end_reason, external_id, metadata, rating, feedback, message_count, turn_count, head_id, running_id,
    started_at, last_activity_at, ended_at, deleted_at, version
""")
_TURN = names_in("""
    id, conversation_id, idx, parent_id, status, reason, error_code, error_message, model, question_id, answer_id, input_tokens,
    output_tokens, cost_micro, context_messages, context_chunks, context_tokens, created_at, started_at, first_token_at, finished_at
""")
_MESSAGE = names_in("""
    id, conversation_id, turn_id, seq, role, text, parts, citations, rating, feedback, model, status, created_at
""")


def _once_columns(once: Once | None) -> dict[str, Any]:
    return {"key": once and once.key, "fingerprint": once and once.fingerprint.hex()}


def _once(row: Columns) -> Once | None:
    fingerprint = row.get("fingerprint")
    return once_of(row.get("key"), None if fingerprint is None else bytes.fromhex(fingerprint))


def once_text(once: Once, made_id: str) -> str:
    """Return what is kept of a key: its fingerprint, and what it made."""
    return f"{once.fingerprint.hex()} {made_id}"


def once_parts(text: bytes) -> tuple[bytes, str]:
    """Return the fingerprint and what was made."""
    fingerprint, _, made_id = text.decode().partition(" ")
    return bytes.fromhex(fingerprint), made_id


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptBot:
    """A bot."""

    tenant_id: str
    bot: Bot
    once: Once | None = None
    place: str

    def json(self) -> str:
        """The row."""
        deleted_at = self.bot.deleted_at and to_micros(self.bot.deleted_at)
        return dump({**bot_columns(self.bot), "deleted_at": deleted_at, **_once_columns(self.once)}, self.place)


def kept_bot(tenant_id: str, raw: bytes) -> KeptBot:
    """Read a row."""
    row = json.loads(raw)
    return KeptBot(tenant_id=tenant_id, bot=bot_of([row.get(name) for name in _BOT]), once=_once(row), place=row["n"])


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptEntity:
    """An entity."""

    tenant_id: str
    entity: Entity
    once: Once | None = None
    place: str

    def json(self) -> str:
        """The row."""
        return dump({**entity_columns(self.entity), **_once_columns(self.once)}, self.place)


def kept_entity(tenant_id: str, raw: bytes) -> KeptEntity:
    """Read a row."""
    row = json.loads(raw)
    entity = entity_of([row.get(name) for name in _ENTITY])
    return KeptEntity(tenant_id=tenant_id, entity=entity, once=_once(row), place=row["n"])


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptConversation:
    """A conversation, without its entity, of which it has the id, and with the turns that wait in it.

    ``revision`` is 0 while it is being made; ``metadata`` is the JSON of it.
    """

    tenant_id: str
    record: ConversationRecord
    entity_id: str | None = None
    waiting: tuple[Waiting, ...] = ()
    place: str
    revision: int = 0
    metadata: str = "{}"

    @property
    def value(self) -> Conversation:
        """The conversation, without its entity."""
        return self.record.conversation

    @property
    def id(self) -> str:
        """Its id."""
        return self.record.conversation.id

    @property
    def is_given_up(self) -> bool:
        """Whether a purge has begun to remove it: it goes piece by piece, and can't be restored."""
        return self.value.deleted_at is not None and self.record.deletion is None

    @property
    def next_waiting(self) -> Waiting | None:
        """The turn that runs next: interrupting ones come first, then those that were accepted first."""
        return next((turn for turn in self.waiting if turn.interrupting), next(iter(self.waiting), None))

    def with_value(self, **changes: Any) -> KeptConversation:
        """Return it with other fields of its conversation."""
        return replace(self, record=replace(self.record, conversation=replace(self.value, **changes)))

    def without(self, turn_id: str) -> KeptConversation:
        """Return it with a turn neither running nor waiting in it."""
        kept = self
        if kept.value.running_turn_id == turn_id:
            kept = kept.with_value(running_turn_id=None)
        if any(turn.id == turn_id for turn in kept.waiting):
            kept = replace(kept, waiting=tuple(turn for turn in kept.waiting if turn.id != turn_id))
        return kept

    def json(self) -> str:
        """The row, but for the metadata."""
        columns = dict(conversation_record_columns(self.record))
        del columns["metadata"], columns["n"]
        waiting = [[turn.id, int(turn.interrupting)] for turn in self.waiting] or None
        own = {"tenant_id": self.tenant_id, "entity_id": self.entity_id, "waiting": waiting}
        return dump({**columns, **own, **_once_columns(self.record.once)}, self.place)


def kept_conversation(raw: bytes, metadata: bytes, revision: bytes) -> KeptConversation:
    """Read a row."""
    row = json.loads(raw)
    row["metadata"] = metadata
    record = ConversationRecord(
        conversation=conversation_of([*(row.get(name) for name in _CONVERSATION), *_NO_ENTITY]),
        last_seq=row["last_seq"],
        last_index=row["last_index"],
        deletion=row.get("deletion"),
        once=_once(row),
        place=int(row["n"]),
    )
    return KeptConversation(
        tenant_id=row["tenant_id"],
        record=record,
        entity_id=row.get("entity_id"),
        waiting=tuple(Waiting(id=turn_id, interrupting=bool(flag)) for turn_id, flag in row.get("waiting", ())),
        place=row["n"],
        revision=int(revision),
        metadata=metadata.decode(),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptTurn:
    """A turn, whose it is, and whether it has a log that can expire."""

    tenant_id: str
    bot_id: str
    record: TurnRecord
    place: str
    has_log: bool = False

    @property
    def value(self) -> Turn:
        """The turn."""
        return self.record.turn

    @property
    def id(self) -> str:
        """Its id."""
        return self.record.turn.id

    def has_expired(self, now: int) -> bool:
        """Whether its worker let its lease run out."""
        return has_expired(self.value.status, self.record.lease_until, now)

    def with_value(self, **changes: Any) -> KeptTurn:
        """Return it with other fields of its turn."""
        return self.with_record(turn=replace(self.value, **changes))

    def with_record(self, **changes: Any) -> KeptTurn:
        """Return it with other fields of its record."""
        return replace(self, record=replace(self.record, **changes))

    def json(self) -> str:
        """The row."""
        columns = dict(turn_record_columns(self.record))
        del columns["n"]
        own = {"tenant_id": self.tenant_id, "bot_id": self.bot_id, "has_log": int(self.has_log) or None}
        return dump({**columns, **own, **_once_columns(self.record.once)}, self.place)

    def live(self) -> dict[str, str | int]:
        """What is kept beside the row while the turn runs, because it changes without a new revision."""
        record = self.record
        held: dict[str, str | int] = {
            "fence": record.fence,
            "until": record.lease_until or 0,
            "micros": record.lease_micros or 0,
        }
        return held | ({} if record.stop_reason is None else {"stop": record.stop_reason.value})


def kept_turn(raw: bytes, live: list[bytes]) -> KeptTurn:
    """Read a row, and what was beside it."""
    row = json.loads(raw)
    params = row.get("params")
    now = dict(zip(live[::2], live[1::2], strict=True))
    until, micros, stop = now.get(b"until"), now.get(b"micros"), now.get(b"stop")
    stop_reason = stop.decode() if stop else row.get("stop_reason")
    deleted_at = row.get("deleted_at")
    record = TurnRecord(
        turn=turn_of([row.get(name) for name in _TURN]),
        once=_once(row),
        params=json.loads(params) if params else {},
        queued=bool(row["queued"]),
        interrupting=bool(row["interrupting"]),
        owner=row.get("owner"),
        fence=row["fence"],
        lease_micros=row.get("lease_micros") if micros is None else int(micros),
        lease_until=row.get("lease_until") if until is None else int(until),
        stop_reason=None if stop_reason is None else InterruptReason(stop_reason),
        last_seq=row.get("last_seq"),
        deleted_at=None if deleted_at is None else from_micros(deleted_at),
        place=int(row["n"]),
    )
    return KeptTurn(
        tenant_id=row["tenant_id"],
        bot_id=row["bot_id"],
        record=record,
        place=row["n"],
        has_log=bool(row.get("has_log")),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptMessage:
    """A message; ``answers`` is the question of an answer's turn."""

    tenant_id: str
    record: MessageRecord
    answers: str | None = None

    @property
    def value(self) -> Message:
        """The message."""
        return self.record.message

    @property
    def id(self) -> str:
        """Its id."""
        return self.record.message.id

    @property
    def is_there(self) -> bool:
        """Whether it was not deleted."""
        return self.record.deleted_at is None

    def with_value(self, **changes: Any) -> KeptMessage:
        """Return it with other fields of its message."""
        return self.with_record(message=replace(self.value, **changes))

    def with_record(self, **changes: Any) -> KeptMessage:
        """Return it with other fields of its record."""
        return replace(self, record=replace(self.record, **changes))

    def json(self) -> str:
        """The row. Whether it is on the active path stands elsewhere."""
        columns = dict(message_record_columns(self.record))
        del columns["n"], columns["on_path"]
        said = {"status": self.value.status.value, "model": self.value.model, "tenant_id": self.tenant_id}
        return dump({**columns, **said, "answers": self.answers})


def kept_message(raw: bytes) -> KeptMessage:
    """Read a row."""
    row = json.loads(raw)
    deleted_at = row.get("deleted_at")
    record = MessageRecord(
        message=message_of([row.get(name) for name in _MESSAGE]),
        on_path=False,
        deleted_at=None if deleted_at is None else from_micros(deleted_at),
        place=0,
    )
    return KeptMessage(tenant_id=row["tenant_id"], record=record, answers=row.get("answers"))


def is_open(turn: Turn) -> bool:
    """Whether a turn runs or waits."""
    return turn.status in (TurnStatus.QUEUED, TurnStatus.RUNNING)
