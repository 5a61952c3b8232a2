"""The contract of a chat model: one prompt in, a stream of what it says out.

A model raises ``ModelError`` with the code and flags of the contract's table «Calling the model», and nothing else. It
does not retry and has no time limits of its own: ``models.patience`` does both, the same for every model, and checks
that an answer has an end and text. A catalog hands out patient models only.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol

from palaver.context import Passage, system_text
from palaver.conversation import Role


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageData:
    """An image for the model: its bytes and their type (``image/png`` …)."""

    content: bytes
    media_type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptMessage:
    """One message of the history, or the question: its text and, for a model with vision, its images."""

    role: Role
    text: str
    images: tuple[ImageData, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """What a model is given. ``params`` are checked: ``temperature``, ``top_p``, ``max_tokens``, ``seed``, ``stop`` …

    ``passages`` were retrieved for the question, best first. A model that reads text is given ``system`` before the messages,
    in which they stand fenced as data.
    """

    instructions: str
    messages: Sequence[PromptMessage]
    passages: Sequence[Passage] = ()
    params: Mapping[str, Any] = field(default_factory=dict)

    @property
    def system(self) -> str:
        """The instructions with the passages; "" where there are neither."""
        return system_text(self.instructions, self.passages)


@dataclass(frozen=True, slots=True)
class TextSaid:
    """A piece of the answer. May hold anything but half a character."""

    text: str


@dataclass(frozen=True, slots=True)
class ReasoningSaid:
    """A piece of what the model thinks aloud."""

    text: str


@dataclass(frozen=True, slots=True)
class TokensCounted:
    """What the provider counted. May come before or after ``Ended``; the last one counts."""

    input_tokens: int
    output_tokens: int


@dataclass(frozen=True, slots=True)
class Ended:
    """The provider's end marker, once: ``stop``, ``length``, or its own word. A stream without one was cut."""

    finish_reason: str = "stop"


Said = TextSaid | ReasoningSaid | TokensCounted | Ended


class ChatModel(Protocol):
    """Something that answers.

    Attributes:
        has_vision: Whether it may be given images.
    """

    has_vision: bool

    def stream(self, prompt: Prompt) -> AbstractAsyncContextManager[AsyncIterator[Said]]:
        """Call the model. Leaving the context aborts the call: the provider sees the connection closed.

        Raises:
            ModelError: When the context is entered (nothing was said yet) or while it is read.
        """
        ...


def can_see(model: ChatModel, params: Mapping[str, Any]) -> bool:
    """Whether a model may be given images: a bot's ``vision`` can say that it may not, where its server is not known to."""
    return model.has_vision and bool(params.get("vision", True))


class ModelCatalog(Protocol):
    """Finds the model that a bot names."""

    def find(self, name: str) -> ChatModel:
        """Return the model ``provider:name``, or one given in process by its bare name.

        Raises:
            ModelError: ``provider_not_configured``, with what to set.
        """
        ...

    def default_name(self) -> str:
        """The model of a bot that names none."""
        ...
