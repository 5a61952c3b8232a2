"""A stored configuration that people talk to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Bot:
    """Instructions, a model and its parameters.

    ``model`` is ``provider:name`` or the name of a model given in process. ``params`` are the model's (``temperature``
    0–2, ``max_tokens`` ≥ 1 …) and ``context_tokens``, the budget for what the model is given. ``name`` is unique in
    its tenant. ``widget`` opens it to visitors of other pages (``allowed_origins`` …); None: to nobody.
    """

    id: str
    name: str
    instructions: str = ""
    model: str
    params: Mapping[str, Any] = field(default_factory=dict)
    retrieval: Mapping[str, Any] = field(default_factory=dict)
    idle_timeout_minutes: int | None = None
    widget: Mapping[str, Any] | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    created_at: datetime
    updated_at: datetime
    deleted_at: datetime | None = None
    version: int = 1
