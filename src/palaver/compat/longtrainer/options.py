"""From LongTrainer's arguments to what a hub and its bots are given."""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from palaver.arguments import BotFields
from palaver.compat.longtrainer.prompts import DEFAULT, instructions_of
from palaver.compat.longtrainer.refusals import not_offered

NUM_K = 3
OWN = "longtrainer"
"""How the models that are given here are called, and how the names of the others begin: ``longtrainer/…``."""
_MODELS = frozenset({"openai", "groq", "ollama"})
_EMBEDDINGS = frozenset({"openai", "ollama"})
_NAME_CHARACTERS = 200
_UNNAMEABLE = re.compile(r"[^!-~]+")
_NO_USE: Mapping[str, str] = {
    "mongo_endpoint": "there is no MongoDB; everything is in the store that store=… names",
    "chunk_size": "a chunk has at most 300 tokens and follows the structure of the document",
    "chunk_overlap": "a chunk begins with the last sentences of the one before, up to 40 tokens",
    "ensemble": "a question is looked for by words and by vectors at once, without asking the model to vary it",
}
"""What is taken and does nothing, with why."""


def warn(said: Mapping[str, object], *, stacklevel: int) -> None:
    """Warn of each argument that was given and does nothing."""
    for name, why in _NO_USE.items():
        if said[name]:
            warnings.warn(f"{name} does nothing here: {why}.", UserWarning, stacklevel=stacklevel + 1)


def refuse(said: Mapping[str, object]) -> None:
    """Raise ``NotOffered`` for the first argument that asks for what is not there."""
    if said["vector_store_provider"] not in (None, "faiss"):
        raise not_offered("vector_store_provider")
    for name in ("vector_store_kwargs", "encrypt_chats", "encryption_key", "enable_tracer", "rate_limit_enabled"):
        if said[name]:
            raise not_offered(name)


def named_model(provider: str | None, name: str | None) -> str | None:
    """Return the model of a provider by its name; None where none is named: then it is the store's default.

    Raises:
        NotOffered: The provider has to be given as a LangChain model.
    """
    return _named("llm_provider", provider, name, _MODELS)


def named_embedding(provider: str | None, name: str | None) -> str | None:
    """Return the embedding of a provider by its name. See ``named_model``."""
    return _named("embedding_provider", provider, name, _EMBEDDINGS)


def _named(argument: str, provider: str | None, name: str | None, known: frozenset[str]) -> str | None:
    if provider is not None and provider not in known:
        raise not_offered(argument)
    return None if name is None else f"{provider or 'openai'}:{name}"


def name_of(embedding: object) -> str:
    """Return the name of a LangChain embedding: its class and model, so that another one embeds the documents anew."""
    said = (getattr(embedding, name, None) for name in ("model", "model_name", "model_id", "deployment"))
    parts = [OWN, type(embedding).__name__, *(each for each in said if isinstance(each, str))]
    return "/".join(_UNNAMEABLE.sub("-", part) for part in parts)[:_NAME_CHARACTERS].rstrip(":")


@dataclass(frozen=True, slots=True, kw_only=True)
class BotDefaults:
    """What a new bot gets: names of a model and an embedding (None: the store's default), and the rest as LongTrainer says it."""

    model: str | None = None
    embedding: str | None = None
    prompt_template: str = DEFAULT
    num_k: int = NUM_K
    context_tokens: int | None = None

    def fields(self) -> BotFields:
        """Return them as a bot's fields. Raises ``InvalidInput`` for the template."""
        retrieval: dict[str, Any] = {"k": self.num_k}
        if self.embedding is not None:
            retrieval["embedding"] = self.embedding
        fields = BotFields(instructions=instructions_of(self.prompt_template), retrieval=retrieval)
        if self.model is not None:
            fields["model"] = self.model
        if self.context_tokens is not None:
            fields["params"] = {"context_tokens": self.context_tokens}
        return fields
