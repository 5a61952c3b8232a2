"""Sessions from the Redis database of the original: a hash a session, its field ``messages`` a JSON list of
``{"type": "human" | "ai", "content": …}``.

Each becomes a conversation whose ``external_id`` is the session's id. What is imported again is stored once: the
conversation and each of its stretches of messages have a key.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from palaver.arguments import AppendFields
from palaver.blocking import BlockingHub
from palaver.bot import Bot
from palaver.errors import Conflict, FeatureAbsent, InvalidInput, KeyReused, NameTaken, NotFound, StoreUnavailable
from palaver.ids import is_id
from palaver.text import from_model, is_blank
from palaver.wire.messages import APPEND_MAX

FIELD = "messages"
SCANNED_AT_ONCE = 500
_ROLES: Mapping[object, str] = {"human": "user", "ai": "assistant"}


class Fate(StrEnum):
    """What became of a session."""

    IMPORTED = "imported"
    CHANGED = "changed"
    """It was imported before, and one of the two has changed since: it was left as it is."""
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class OldSession:
    """A session as it was found. ``raw`` is its ``messages``, not yet read."""

    id: str
    raw: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """What became of a session, and of how many messages; ``left_out`` have no text. ``why`` it was refused."""

    session_id: str
    fate: Fate
    conversation_id: str | None = None
    messages: int = 0
    left_out: int = 0
    why: str | None = None

    @property
    def is_done(self) -> bool:
        """Whether the session is here as it was there."""
        return self.fate is Fate.IMPORTED


def sessions_in(url: str) -> Iterator[OldSession]:
    """Yield the sessions of a Redis database; other keys are passed over.

    Raises:
        InvalidInput: The URL is none.
        StoreUnavailable: It can't be reached, or does not answer.
    """
    try:
        import redis
    except ImportError:
        raise FeatureAbsent("This needs the extra redis: pip install 'palaver[redis]'.") from None
    try:
        client = redis.Redis.from_url(url, decode_responses=True, encoding_errors="replace")
    except ValueError:
        raise InvalidInput("A Redis URL looks like redis://localhost:6379/0.") from None
    try:
        with client:
            for key in client.scan_iter(count=SCANNED_AT_ONCE, _type="hash"):
                raw = client.hget(key, FIELD)
                if isinstance(raw, str):
                    yield OldSession(id=key, raw=raw)
    except redis.RedisError as error:
        raise StoreUnavailable(f"Redis did not answer: {type(error).__name__}.") from None


def bot_for(hub: BlockingHub, called: str) -> Bot:
    """Return the bot that has this id or name; one of that name is made where there is none."""
    if is_id("bot", called):
        return hub.bots.get(called)
    try:
        return hub.bots.create(name=called)
    except NameTaken:
        return next(bot for bot in _bots(hub) if bot.name == called)


def _bots(hub: BlockingHub) -> Iterator[Bot]:
    page = hub.bots.list(limit=200)
    yield from page
    while page.next is not None:
        page = hub.bots.list(limit=200, after=page.next)
        yield from page


def import_sessions(hub: BlockingHub, bot: Bot, found: Iterable[OldSession]) -> Iterator[Import]:
    """Store sessions as conversations with a bot, one by one; yield what became of each."""
    for session in found:
        try:
            yield _imported(hub, bot, session)
        except (KeyReused, Conflict):
            yield Import(session_id=session.id, fate=Fate.CHANGED)
        except (InvalidInput, NotFound) as error:
            yield Import(session_id=session.id, fate=Fate.REFUSED, why=error.message)


def _imported(hub: BlockingHub, bot: Bot, session: OldSession) -> Import:
    messages = messages_of(session.raw)
    spoken = [each for each in messages if not is_blank(each["text"])]
    key = hashlib.sha256(session.id.encode(errors="replace")).hexdigest()
    conversation = hub.conversations.create(
        bot.id, idempotency_key=f"session-{key}", external_id=session.id, metadata={"source": "session"}
    )
    for start in range(0, len(spoken), APPEND_MAX):
        stretch = spoken[start : start + APPEND_MAX]
        hub.messages.append(conversation.id, stretch, idempotency_key=f"session-{key}-{start}")
    return Import(
        session_id=session.id,
        fate=Fate.IMPORTED,
        conversation_id=conversation.id,
        messages=len(spoken),
        left_out=len(messages) - len(spoken),
    )


def messages_of(raw: str) -> Sequence[AppendFields]:
    """Return the messages of a session, oldest first.

    Raises:
        InvalidInput: It has another form.
    """
    try:
        listed: Any = json.loads(raw)
    except (ValueError, RecursionError):
        raise InvalidInput("messages is no JSON.", code="invalid_json") from None
    if not isinstance(listed, list):
        raise InvalidInput("messages is no list.", code="invalid_type")
    return [_message(each) for each in listed]


def _message(said: Any) -> AppendFields:
    content = said.get("content") if isinstance(said, dict) else None
    if not isinstance(content, str) or said.get("type") not in _ROLES:
        raise InvalidInput('A message is {"type": "human" or "ai", "content": "…"}.', code="invalid_type")
    return {"role": _ROLES[said["type"]], "text": from_model(content)}
