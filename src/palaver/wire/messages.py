"""Requests about messages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar

from pydantic import Field

from palaver.conversation import Policy, Role
from palaver.wire.base import AnyId, ClientKey, Feedback, MessageText, Rating, Wire, choice
from palaver.wire.files import Attachments
from palaver.wire.params import TurnParams

APPEND_MAX = 1_000


class MessageRegenerate(Wire):
    """How a turn begins. ``client_id`` is the message's own id at the client: it serves as the idempotency key. ``params`` are laid
    over the bot's for this turn; ``instructions`` among them are laid behind the bot's, ``metadata`` are the turn's own."""

    policy: Annotated[Policy, choice(Policy)] = Policy.REJECT
    client_id: ClientKey | None = None
    params: TurnParams = Field(default_factory=TurnParams)


class MessageEdit(MessageRegenerate):
    """A changed question, asked beside the old one, with attachments of its own."""

    text: MessageText
    attachments: Attachments = []  # noqa: RUF012


class MessageSend(MessageRegenerate):
    """A message to a bot. ``parent_id`` is the turn to continue; the head of the active path where it is missing."""

    CODES: ClassVar[Mapping[str, str]] = {}

    text: MessageText
    attachments: Attachments = []  # noqa: RUF012
    parent_id: AnyId | None = None


class AppendedMessage(Wire):
    """A message to store with no model call."""

    role: Annotated[Role, choice(Role, "invalid_role")]
    text: MessageText
    attachments: Attachments = []  # noqa: RUF012


class MessagesAppend(Wire):
    """Messages to store with no model call, in their order."""

    messages: Annotated[list[AppendedMessage], Field(min_length=1, max_length=APPEND_MAX)]


class MessageRate(Wire):
    """A rating of 1 to 5 (thumbs: 5 and 1); null takes it back."""

    rating: Rating | None
    feedback: Feedback | None = None
