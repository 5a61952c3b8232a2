"""Requests about bots."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from palaver.wire.base import Instructions, MessageText, Metadata, Name, Wire
from palaver.wire.params import Params
from palaver.wire.retrieval import Retrieval
from palaver.wire.widget import Widget

ModelName = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[!-9;-~]([ -~]*[!-9;-~])?$")]
"""``provider:name``, or the bare name of a model given in process. Whether it is configured is asked when it is used."""
IdleMinutes = Annotated[int, Field(ge=1, le=525_600)]


class BotCreate(Wire):
    """A new bot."""

    name: Name
    instructions: Instructions = ""
    model: ModelName = ""
    params: Params = Field(default_factory=Params)
    retrieval: Retrieval = {}  # noqa: RUF012
    idle_timeout_minutes: IdleMinutes | None = None
    widget: Widget | None = None
    metadata: Metadata = {}  # noqa: RUF012


class BotEdit(Wire):
    """Changes of a bot: ``metadata`` is merged one level deep (null removes a key), other fields are replaced."""

    name: Name = ""
    instructions: Instructions = ""
    model: ModelName = ""
    params: Params = Field(default_factory=Params)
    retrieval: Retrieval = {}  # noqa: RUF012
    idle_timeout_minutes: IdleMinutes | None = None
    widget: Widget | None = None
    metadata: Metadata = {}  # noqa: RUF012


class BotAsk(Wire):
    """A question to a bot as it would be with these fields, of which nothing is kept. What is not given is the bot's own."""

    text: MessageText
    instructions: Instructions = ""
    model: ModelName = ""
    params: Params = Field(default_factory=Params)
    retrieval: Retrieval = {}  # noqa: RUF012
