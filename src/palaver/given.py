"""What a program may give to the engine that runs in it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypedDict

Redact = Callable[[str], str] | Callable[[str], Awaitable[str]]


class Given(TypedDict, total=False):
    """Things of this process, by the name that bots use for them.

    ``models``: LangChain's chat models, or our own ``ChatModel``. ``embeddings``: LangChain's ``Embeddings``, or our own
    ``EmbeddingModel``. Both mappings may be added to while a hub uses them. ``rerankers``: LangChain's document compressors, or
    our own ``Reranker``. ``redact`` gets each question and answer that a bot is trained on, and returns what may be kept of it.
    ``titles`` says where conversations get a title from, as ``PALAVER_TITLES`` does: ``words``, ``off`` or the name of a model.
    """

    models: Mapping[str, Any] | None
    embeddings: Mapping[str, Any] | None
    rerankers: Mapping[str, Any] | None
    redact: Redact | None
    titles: str | None
