"""The lines of a JSONL export, read and checked as strictly as what comes over the API: an export is a file that anyone can
write."""

from __future__ import annotations

import hashlib
import json
import math
from base64 import b64decode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass, replace
from datetime import datetime
from functools import cache
from typing import Annotated, Any, TypeVar

from pydantic import Field, TypeAdapter, ValidationError

from palaver.attachment import PREFIX, Attachment
from palaver.bot import Bot
from palaver.conversation import Conversation, Message, Role, Turn
from palaver.entity import Entity
from palaver.errors import InvalidInput
from palaver.exports.jsonl import SCHEMA, SCHEMA_VERSION
from palaver.ids import family, is_id
from palaver.images import check_image
from palaver.imports.incoming import Incoming
from palaver.jsonable import decode
from palaver.stores.records import (
    AttachmentRecord,
    BotRecord,
    ConversationRecord,
    EntityRecord,
    MessageRecord,
    TurnRecord,
)
from palaver.text import check_unicode
from palaver.wire.base import AnyId, Feedback, Rating, Wire
from palaver.wire.bots import BotCreate
from palaver.wire.checking import check
from palaver.wire.conversations import ConversationEdit
from palaver.wire.entities import EntityCreate
from palaver.wire.params import TurnParams

V = TypeVar("V")
_INTEGER_MAX = 2**63 - 1


class ConversationLoad(Wire):
    """Conversations to import: the lines of a JSONL export, each as an object. With ``bot_id`` they become that bot's."""

    lines: Annotated[list[dict[str, Any]], Field(min_length=1)]
    bot_id: AnyId | None = None


class _Rated(Wire):
    """What is said of a message or a conversation."""

    rating: Rating | None = None
    feedback: Feedback | None = None


def incoming(lines: Sequence[Mapping[str, Any]], bot_id: str | None = None) -> list[Incoming]:
    """Return the conversations that lines tell of; with ``bot_id`` as that bot's.

    Raises:
        InvalidInput: ``unsupported_schema``; ``invalid_line`` and other codes, with the number of the line in the message.
    """
    reader = _Reader(bot_id)
    for number, line in enumerate(lines, start=1):
        try:
            reader.take(line)
        except InvalidInput as error:
            raise InvalidInput(f"Line {number}: {error.message}", code=error.code) from error
    return reader.conversations()


@dataclass(slots=True)
class _Open:
    """A conversation whose lines are being read."""

    conversation: Conversation
    turns: set[str] = field(default_factory=set)
    attachments: list[AttachmentRecord] = field(default_factory=list)
    inside: list[TurnRecord | MessageRecord] = field(default_factory=list)
    indexes: set[int] = field(default_factory=set)
    said: dict[str, Role] = field(default_factory=dict)
    seq: int = 0
    head_id: str | None = None

    def check(self) -> None:
        """Raise ``InvalidInput`` unless the questions and answers of its turns are its own."""
        for record in self.inside:
            if isinstance(record, TurnRecord):
                turn = record.turn
                for message_id, role in ((turn.user_message_id, Role.USER), (turn.message_id, Role.ASSISTANT)):
                    if message_id is not None and self.said.get(message_id) is not role:
                        raise _invalid(f"{turn.id} lacks its message of the {role.value}.")

    def closed(self, bot: BotRecord | None) -> Incoming:
        """Return it with what follows from its lines."""
        self.check()
        whole = replace(
            self.conversation,
            message_count=len(self.said),
            turn_count=len(self.turns),
            head_turn_id=self.head_id,
            running_turn_id=None,
            deleted_at=None,
        )
        record = ConversationRecord(conversation=whole, last_seq=self.seq, last_index=max(self.indexes, default=0))
        entity = whole.entity
        return Incoming(
            bot=bot,
            entity=None if entity is None else EntityRecord(entity=entity),
            conversation=record,
            attachments=self.attachments,
            inside=self.inside,
        )


class _Reader:
    """Reads lines in their order."""

    def __init__(self, bot_id: str | None) -> None:
        self._bot_id = bot_id
        self._bots: dict[str, BotRecord] = {}
        self._open: list[_Open] = []
        self._has_begun = False

    def conversations(self) -> list[Incoming]:
        """Return all that was read."""
        return [each.closed(self._bots.get(each.conversation.bot_id)) for each in self._open]

    def take(self, line: Mapping[str, Any]) -> None:
        """Read a line."""
        kind = line.get("line")
        if not self._has_begun:
            _check_schema(line)
            self._has_begun = True
            return
        match kind:
            case "bot":
                self._bot(_read(Bot, line))
            case "conversation":
                self._conversation(_read(Conversation, line))
            case "turn":
                self._turn(self._last(), _read(Turn, line))
            case "attachment":
                self._last().attachments.append(_attachment(line))
            case "message":
                self._message(self._last(), _read(Message, line), on_path=line.get("on_path") is True)
            case _:
                raise _invalid(f"There is no such line as {str(kind)[:40]!r}.")

    def _last(self) -> _Open:
        if not self._open:
            raise _invalid("It belongs to a conversation, and there is none before it.")
        return self._open[-1]

    def _bot(self, bot: Bot) -> None:
        _check_id("bot", bot.id)
        check(BotCreate, _fields(bot, BotCreate))
        if self._bot_id is None:
            self._bots[bot.id] = BotRecord(bot=replace(bot, deleted_at=None))

    def _conversation(self, conversation: Conversation) -> None:
        _check_id("conv", conversation.id)
        _check_id("bot", conversation.bot_id)
        check(ConversationEdit, _fields(conversation, ConversationEdit))
        check(_Rated, _fields(conversation, _Rated))
        if conversation.entity is not None:
            self._check_entity(conversation.entity)
        bot_id = self._bot_id or conversation.bot_id
        self._open.append(_Open(conversation=replace(conversation, bot_id=bot_id)))

    def _check_entity(self, entity: Entity) -> None:
        _check_id("ent", entity.id)
        check(EntityCreate, _fields(entity, EntityCreate))

    def _turn(self, of: _Open, turn: Turn) -> None:
        _check_inside("turn", turn.id, of, turn.conversation_id)
        if not turn.status.is_terminal:
            raise _invalid("Only turns that have ended are imported.")
        if turn.parent_id is not None and turn.parent_id not in of.turns:
            raise InvalidInput("Its parent is none of the turns before it.", code="invalid_parent")
        if turn.index < 1 or turn.index in of.indexes or turn.id in of.turns:
            raise _invalid("Another turn of the conversation has its id or its index.")
        of.turns.add(turn.id)
        of.indexes.add(turn.index)
        params = {"metadata": turn.metadata} if turn.metadata else {}
        check(TurnParams, params)
        of.inside.append(TurnRecord(turn=turn, params=params, last_seq=2))

    def _message(self, of: _Open, message: Message, *, on_path: bool) -> None:
        _check_inside("msg", message.id, of, message.conversation_id)
        if message.turn_id not in of.turns:
            raise _invalid("Its turn is none of those before it.")
        if message.seq <= of.seq or message.id in of.said:
            raise _invalid("Messages come in the order of seq, each once.")
        check(_Rated, _fields(message, _Rated))
        of.seq = message.seq
        of.said[message.id] = message.role
        of.head_id = message.turn_id if on_path else of.head_id
        of.inside.append(MessageRecord(message=message, on_path=on_path))


def _check_schema(line: Mapping[str, Any]) -> None:
    if line.get("line") != "schema" or line.get("name") != SCHEMA:
        raise InvalidInput(
            "This is no JSONL export of Palaver: its first line names the schema.", code="unsupported_schema"
        )
    if line.get("version") != SCHEMA_VERSION:
        said = str(line.get("version"))[:20]
        raise InvalidInput(f"Schema {said} is not {SCHEMA_VERSION}, which is read here.", code="unsupported_schema")


def _attachment(line: Mapping[str, Any]) -> AttachmentRecord:
    attachment = _read(Attachment, line)
    _check_id(PREFIX, attachment.id)
    try:
        content = b64decode(str(line.get("content", "")), validate=True)
    except ValueError:
        raise InvalidInput("Its content is no base64.", code="invalid_file") from None
    if (len(content), hashlib.sha256(content).hexdigest()) != (attachment.size_bytes, attachment.sha256):
        raise InvalidInput("Its content is not what its size and hash say.", code="invalid_file")
    check_image(content, attachment.media_type)
    return AttachmentRecord(attachment=attachment, content=content, used=True)


@cache
def _adapter(kind: type[Any]) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def _read(kind: type[V], line: Mapping[str, Any]) -> V:
    """Return the value that a line says; what is unknown in it is passed over, as everywhere in what we are told."""
    any_kind: Any = kind
    try:
        _adapter(any_kind).validate_json(json.dumps(line), strict=True)
        value = decode(kind, line)  # not what was validated: a score of 1 stays 1, where pydantic makes it 1.0
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))[:100]
        raise _invalid(f"{where.encode('ascii', 'backslashreplace').decode()}: {first['msg']}.") from None
    except (TypeError, ValueError, KeyError) as error:
        raise _invalid(f"It is not what its kind of line is: {error}.") from None
    for leaf in _leaves(value):
        _check_leaf(leaf)
    return value


def _leaves(value: object) -> Iterator[object]:
    """Yield what a value is made of. What is free in it (metadata, parameters) has checks of its own."""
    if is_dataclass(value):
        for each in fields(value):
            yield from _leaves(getattr(value, each.name))
    elif isinstance(value, tuple):
        for item in value:
            yield from _leaves(item)
    elif not isinstance(value, Mapping):
        yield value


def _check_leaf(value: object) -> None:
    match value:
        case str():
            check_unicode(value)
        case datetime() if value.tzinfo is None:
            raise _invalid("A time needs an offset.")
        case bool():
            return
        case int() if not 0 <= value <= _INTEGER_MAX:
            raise InvalidInput("A number is out of range.", code="invalid_number")
        case float() if not math.isfinite(value):
            raise InvalidInput("A number is out of range.", code="invalid_number")
        case _:
            return


def _fields(value: object, request: type[Wire]) -> dict[str, Any]:
    """Return the fields of a value that a request has, too, to have them checked."""
    return {name: getattr(value, name) for name in request.model_fields if getattr(value, name) is not None}


def _check_id(prefix: str, any_id: str) -> None:
    if not is_id(prefix, any_id):
        raise _invalid(f"This is no id of a {prefix}.")


def _check_inside(prefix: str, any_id: str, of: _Open, conversation_id: str) -> None:
    _check_id(prefix, any_id)
    if conversation_id != of.conversation.id or family(any_id) != family(conversation_id):
        raise _invalid("It is of another conversation than the lines before it.")


def _invalid(message: str) -> InvalidInput:
    return InvalidInput(message, code="invalid_line")
