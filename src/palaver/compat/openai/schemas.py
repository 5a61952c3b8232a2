"""The requests of this client, as far as they are read. What else they may say: ``parameters``."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import ConfigDict, Field

from palaver.wire.base import AnyId, Instructions, Labels, Metadata, StopText, Wire
from palaver.wire.params import Penalty

Temperature = Annotated[float, Field(ge=0, le=2, allow_inf_nan=False)]
TopP = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Tokens = Annotated[int, Field(ge=1, le=1_000_000)]
Items = Annotated[list[Any], Field(max_length=1_000)]


class _Loose(Wire):
    """A part of a request whose further fields say nothing here."""

    model_config = ConfigDict(strict=True, extra="ignore", frozen=True)


class StreamOptions(_Loose):
    """What a stream holds beside the answer."""

    include_usage: bool = False


class Completion(Wire):
    """``POST /chat/completions``"""

    model: AnyId
    messages: Items
    stream: bool = False
    stream_options: StreamOptions = StreamOptions()
    metadata: Metadata = {}  # noqa: RUF012
    store: bool = False
    temperature: Temperature | None = None
    top_p: TopP | None = None
    max_tokens: Tokens | None = None
    max_completion_tokens: Tokens | None = None
    seed: int | None = None
    stop: str | list[StopText] | None = None
    presence_penalty: Penalty | None = None
    frequency_penalty: Penalty | None = None

    def params(self) -> dict[str, Any]:
        """The model's parameters, by our names."""
        names = ("temperature", "top_p", "seed", "presence_penalty", "frequency_penalty")
        given = {name: getattr(self, name) for name in names}
        given["max_tokens"] = self.max_tokens if self.max_completion_tokens is None else self.max_completion_tokens
        given["stop"] = [self.stop] if isinstance(self.stop, str) else self.stop
        return {name: value for name, value in given.items() if value is not None}


class Named(_Loose):
    """A conversation by its id, as an object."""

    id: AnyId


class ResponseCreate(Wire):
    """``POST /responses``"""

    model: AnyId = ""
    input: str | Items
    instructions: Instructions | None = None
    conversation: AnyId | Named | None = None
    previous_response_id: AnyId | None = None
    background: bool = False
    store: bool = True
    stream: bool = False
    stream_options: dict[str, Any] = {}  # noqa: RUF012
    metadata: Labels = {}  # noqa: RUF012
    temperature: Temperature | None = None
    top_p: TopP | None = None
    max_output_tokens: Tokens | None = None

    @property
    def conversation_id(self) -> str | None:
        """The conversation that is named."""
        return self.conversation.id if isinstance(self.conversation, Named) else self.conversation

    def params(self) -> dict[str, Any]:
        """The parameters of the turn, by our names."""
        sampling = {"temperature": self.temperature, "top_p": self.top_p}
        given = {**sampling, "max_tokens": self.max_output_tokens, "metadata": self.metadata or None}
        return {name: value for name, value in given.items() if value is not None}


class ConversationCreate(Wire):
    """``POST /conversations``; ``model`` (in the body, or in ``metadata``) is the bot."""

    model: AnyId | None = None
    items: Items = []  # noqa: RUF012
    metadata: Metadata = {}  # noqa: RUF012


class ConversationUpdate(Wire):
    """``POST /conversations/{id}``"""

    metadata: Metadata


class ItemsCreate(Wire):
    """``POST /conversations/{id}/items``"""

    items: Annotated[Items, Field(min_length=1)]
