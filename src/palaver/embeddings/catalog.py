"""Finds the embedding that a bot names, and makes it patient. There is none by default.

<provider>:<name> of a provider that ``provider.addresses`` knows
sentence-transformers:<name>  a model in this process, by its folder or its name in the cache
scripted:<number> the public test double, with vectors of so many numbers
<name>            an embedding that was given in process
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, cast

from palaver.embeddings.base import EmbeddingModel
from palaver.embeddings.patience import DIMENSION_MAX, EmbeddingPatience, PatientEmbedding
from palaver.embeddings.scripted import ScriptedEmbedding
from palaver.provider.addresses import Providers, not_configured

if TYPE_CHECKING:
    from langchain_core.embeddings import Embeddings

    from palaver.embeddings.openai import OpenAIEmbeddings


class KnownEmbeddings:
    """The embeddings of this process. One connection pool for each provider, made at its first use.

    Args:
        embeddings: Embeddings given in process by name: our own ``EmbeddingModel`` or LangChain's ``Embeddings``. One that is
            added to the mapping later is found, too.
    """

    def __init__(
        self,
        providers: Providers | None = None,
        *,
        embeddings: Mapping[str, EmbeddingModel | Embeddings] | None = None,
        patience: EmbeddingPatience | None = None,
    ) -> None:
        self._providers = providers or Providers()
        self._patience = patience or EmbeddingPatience()
        self._given = {} if embeddings is None else embeddings
        self._servers: dict[str, OpenAIEmbeddings] = {}
        self._found: dict[str, PatientEmbedding] = {}

    def find(self, name: str) -> EmbeddingModel:
        """Return the embedding, patient: the same one for a name, so that its dimension is remembered.

        Raises:
            ModelError: ``provider_not_configured``, with what to set.
        """
        if name not in self._found:
            self._found[name] = PatientEmbedding(self._find(name), self._patience)
        return self._found[name]

    def default_name(self) -> str | None:
        """The configured one."""
        return self._providers.default_embedding

    async def aclose(self) -> None:
        """Close the connections to all providers. An embedding that was found before must not be called again."""
        while self._servers:
            _, server = self._servers.popitem()
            await server.aclose()

    def _find(self, name: str) -> EmbeddingModel:
        if name in self._given:
            return _as_embedding_model(self._given[name])
        provider, _, rest = name.partition(":")
        match provider:
            case _ if not rest:
                raise not_configured(f"No embedding was given under the name {name!r}; others are named provider:name.")
            case "scripted":
                return _scripted(rest)
            case "sentence-transformers":
                from palaver.embeddings.local import LocalEmbedding

                return LocalEmbedding(rest)
        return self._server(provider).model(rest)

    def _server(self, provider: str) -> OpenAIEmbeddings:
        from palaver.embeddings.openai import OpenAIEmbeddings  # its HTTP client takes long to import

        if provider not in self._servers:
            base_url, api_key = self._providers.address(provider)
            self._servers[provider] = OpenAIEmbeddings(
                base_url, api_key=api_key, connect_seconds=self._patience.connect_seconds
            )
        return self._servers[provider]


def _scripted(rest: str) -> EmbeddingModel:
    if not (rest.isascii() and rest.isdecimal() and 1 <= int(rest[:6]) <= DIMENSION_MAX):
        raise not_configured(f"scripted:{rest} names no dimension of 1 to {DIMENSION_MAX:,}.")
    return ScriptedEmbedding(int(rest))


def _as_embedding_model(embedding: object) -> EmbeddingModel:
    if hasattr(embedding, "embed"):  # an isinstance of Embeddings would import LangChain for everyone
        return cast("EmbeddingModel", embedding)
    from palaver.embeddings.langchain import LangChainEmbedding

    return LangChainEmbedding(cast("Embeddings", embedding))
