"""Sends in a conversation, and which of them are the same.

This client sends a POST again, by itself, without any key: after a timeout, a lost connection, a conflict. It only counts, in
a header, how often it has. So each send has a key that its retry can make again: of the API key, the body and the turn that it
follows. A retry is the same send only where the newest turn has that key, and is unfinished or young.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from palaver.clock import SystemClock, from_micros
from palaver.compat.openai.threads import append
from palaver.conversation import Conversation, Turn
from palaver.errors import KeyReused, PalaverError
from palaver.http.idempotency import read_key
from palaver.results import Accepted
from palaver.serving import Caller
from palaver.wire.messages import AppendedMessage

COUNT = "x-stainless-retry-count"
YOUNG = timedelta(seconds=60)
_NO_TURN = "turn_00000000000070008000000000000000"
"""Has the form of a turn's id, and is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sending:
    """A send, as it was asked for.

    Attributes:
        earlier: What is stored before the question, with no model call.
        parent_id: The turn that it continues, where one is named.
    """

    conversation: Conversation
    question: AppendedMessage
    params: Mapping[str, Any]
    body: Mapping[str, Any]
    earlier: Sequence[AppendedMessage] = ()
    parent_id: str | None = None

    async def begin(self, caller: Caller, key: str | None) -> Accepted:
        """Begin the turn."""
        options: dict[str, Any] = {"params": self.params}
        options |= {} if self.parent_id is None else {"parent_id": self.parent_id}
        options |= {} if key is None else {"key": key}
        if self.question.attachments:
            options["attachments"] = self.question.attachments
        return await caller.hub.messages.start(self.conversation.id, self.question.text, **options)


async def begin(caller: Caller, sending: Sending) -> Accepted:
    """Begin a turn, or find the one that this send began before.

    Raises:
        TurnInProgress: Another one runs.
    """
    given = read_key(caller.request)
    if given is not None or sending.parent_id is not None:
        return await (await _behind_earlier(caller, sending, given)).begin(caller, given)
    again = _is_retry(caller)
    if again and (key := await _key_of_newest(caller, sending)) is not None:
        return await sending.begin(caller, key)
    sending = await _behind_earlier(caller, sending, None)
    accepted = await sending.begin(caller, _key(caller, sending, sending.conversation.head_turn_id))
    if accepted.replayed and not (again and _is_fresh(accepted.turn)):
        return await sending.begin(caller, None)
    return accepted


async def _key_of_newest(caller: Caller, sending: Sending) -> str | None:
    """Return the key of the newest turn where this send began it, and it is unfinished or young."""
    head_id = sending.conversation.head_turn_id
    if head_id is None:
        return None
    head = await caller.hub.turns.get(head_id)
    key = _key(caller, sending, head.parent_id)
    return key if _is_fresh(head) and await _is_known(caller, sending.conversation.id, key) else None


async def _behind_earlier(caller: Caller, sending: Sending, key: str | None) -> Sending:
    """Store what was said before the question; return the send as it comes behind that."""
    if not sending.earlier:
        return sending
    mark = None if key is None else f"openai-items-{hashlib.sha256(key.encode()).hexdigest()}"
    await append(caller.hub, sending.conversation.id, sending.earlier, key=mark)
    return replace(sending, conversation=await caller.hub.conversations.get(sending.conversation.id))


def _is_retry(caller: Caller) -> bool:
    return caller.request.headers.get(COUNT, "0").strip() not in {"", "0"}


def _is_fresh(turn: Turn) -> bool:
    return not turn.status.is_terminal or from_micros(SystemClock().micros()) - turn.created_at < YOUNG


def _key(caller: Caller, sending: Sending, behind: str | None) -> str:
    asked = json.dumps([caller.access.key_id, sending.body, behind], sort_keys=True)
    return f"openai-{hashlib.sha256(asked.encode()).hexdigest()}"


async def _is_known(caller: Caller, conversation_id: str, key: str) -> bool:
    """Whether a send with this key was accepted here. The key is looked at before anything else, so one that no store would
    accept, behind a turn that is none, tells, and leaves nothing."""
    try:
        await caller.hub.messages.start(conversation_id, "?", key=key, parent_id=_NO_TURN)
    except KeyReused:
        return True
    except PalaverError:
        return False
    raise AssertionError("a turn was accepted behind none")
