"""Requests about what a bot knows: a search of it, and training."""

from __future__ import annotations

from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator

from palaver.retrieval.settings import K_MAX
from palaver.stores.knowledge_orders import TrainingPolicy
from palaver.wire.base import Rating, SearchText, Where, Wire, choice, refused


class KnowledgeSearch(Wire):
    """What to look for in a bot's documents; ``k`` and ``where`` are the bot's own where they are missing."""

    query: Annotated[SearchText, Field(min_length=1)]
    k: Annotated[int, Field(ge=1, le=K_MAX)] | None = None
    where: Where | None = None

    CODES: ClassVar = {"where": "invalid_filter"}


class TrainStart(Wire):
    """Which past conversations a bot is trained on; ``min_rating`` goes with the policy ``rated``."""

    policy: Annotated[TrainingPolicy, choice(TrainingPolicy)] = TrainingPolicy.ALL
    min_rating: Rating | None = None
    dry_run: bool = False

    @model_validator(mode="after")
    def _rated(self) -> Self:
        if self.min_rating is not None and self.policy is not TrainingPolicy.RATED:
            raise refused("invalid_parameter", "min_rating goes with the policy rated.")
        return self
