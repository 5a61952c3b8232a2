"""Finds the model that a bot names, and makes it patient.

<provider>:<name> of a provider that ``provider.addresses`` knows
scripted:<name>   the public test double (``ScriptedModel.named``)
offline           the sentence that says how to configure a model
<name>            a model that was given in process
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, cast

from palaver.models.base import ChatModel
from palaver.models.offline import OfflineModel
from palaver.models.patience import Patience, PatientModel
from palaver.models.scripted import ScriptedModel
from palaver.provider.addresses import Providers, not_configured

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

    from palaver.models.openai import OpenAIServer

# The default of each provider whose key is set, as of November 2026: what the provider itself recommends in the place of
# gpt-4o-mini (shut down on 2027-01-14) and of llama-3.3-70b-versatile (on 2026-08-16, but for enterprise accounts).
OPENAI_DEFAULT = "openai:gpt-6-luna"
GROQ_DEFAULT = "groq:openai/gpt-oss-120b"
OFFLINE = "offline"


class Catalog:
    """The models of this process. One connection pool for each provider, made at its first use.

    Args:
        models: Models given in process by name: our own ``ChatModel`` or LangChain's ``BaseChatModel``. One that is added to
            the mapping later is found, too.
    """

    def __init__(
        self,
        providers: Providers | None = None,
        *,
        models: Mapping[str, ChatModel | BaseChatModel] | None = None,
        patience: Patience | None = None,
    ) -> None:
        self._providers = providers or Providers()
        self._patience = patience or Patience()
        self._given = {} if models is None else models
        self._servers: dict[str, OpenAIServer] = {}
        if self._providers != Providers():
            import palaver.models.openai  # noqa: F401  # now, at the start, and not in the middle of the first answer

    def find(self, name: str) -> ChatModel:
        """Return the model, patient.

        Raises:
            ModelError: ``provider_not_configured``, with what to set.
        """
        return PatientModel(self._find(name), self._patience)

    def default_name(self) -> str:
        """The configured default, else the first of OpenAI and Groq that has a key, else ``offline``."""
        if self._providers.default_model:
            return self._providers.default_model
        if self._providers.openai_api_key:
            return OPENAI_DEFAULT
        return GROQ_DEFAULT if self._providers.groq_api_key else OFFLINE

    async def aclose(self) -> None:
        """Close the connections to all providers. A model that was found before must not be called again."""
        while self._servers:
            _, server = self._servers.popitem()
            await server.aclose()

    def _find(self, name: str) -> ChatModel:
        if name in self._given:
            return _as_chat_model(self._given[name])
        if name == OFFLINE:
            return OfflineModel()
        provider, _, rest = name.partition(":")
        if not rest:
            raise not_configured(f"No model was given under the name {name!r}; others are named provider:name.")
        if provider == "scripted":
            return _scripted(rest)
        return self._server(provider).model(rest)

    def _server(self, provider: str) -> OpenAIServer:
        from palaver.models.openai import OpenAIServer  # its HTTP client takes long to import

        if provider not in self._servers:
            base_url, api_key = self._providers.address(provider)
            self._servers[provider] = OpenAIServer(
                base_url, api_key=api_key, connect_seconds=self._patience.connect_seconds
            )
        return self._servers[provider]


def _scripted(name: str) -> ChatModel:
    try:
        return ScriptedModel.named(name)
    except ValueError:
        raise not_configured(f"There is no script named {name!r}.") from None


def _as_chat_model(model: object) -> ChatModel:
    if hasattr(model, "has_vision"):  # an isinstance of BaseChatModel would import LangChain for everyone
        return cast("ChatModel", model)
    from palaver.models.langchain import LangChainModel

    return LangChainModel(cast("BaseChatModel", model))
