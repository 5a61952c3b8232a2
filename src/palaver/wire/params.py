"""The parameters of a model that a caller may set. Where the provider is, and its headers, are not among them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from palaver.wire.base import Instructions, Labels, StopText, Wire

Penalty = Annotated[float, Field(ge=-2, le=2, allow_inf_nan=False)]


class Params(Wire):
    """Parameters of a model; those that are missing are the model's own. ``vision`` false: it is given no images."""

    temperature: Annotated[float, Field(ge=0, le=2, allow_inf_nan=False)] = 1.0
    top_p: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] = 1.0
    max_tokens: Annotated[int, Field(ge=1, le=1_000_000)] = 1_000
    seed: Annotated[int, Field(ge=-(2**63), le=2**63 - 1)] = 0
    stop: Annotated[list[StopText], Field(max_length=4)] = []  # noqa: RUF012  # pydantic copies it
    presence_penalty: Penalty = 0.0
    frequency_penalty: Penalty = 0.0
    context_tokens: Annotated[int, Field(ge=100, le=10_000_000)] = 8_000
    vision: bool = True


class TurnParams(Params):
    """Parameters of a model for one turn. ``instructions`` are laid behind the bot's, for this turn and no other; ``metadata`` are
    texts of the caller's own, which the turn keeps and no model sees."""

    instructions: Instructions = ""
    metadata: Labels = {}  # noqa: RUF012
