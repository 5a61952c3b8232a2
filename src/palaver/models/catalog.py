"""Finds the model that a bot names, and makes it patient.

openai:<name>     OPENAI_API_KEY, or any OpenAI-compatible server at OPENAI_BASE_URL (a key is optional there)
groq:<name>       GROQ_API_KEY
ollama:<name>     OLLAMA_HOST, or http://127.0.0.1:11434
<provider>:<name> a server named in PALAVER_PROVIDERS, with its key in PALAVER_PROVIDER_KEYS
scripted:<name>   the public test double (``ScriptedModel.named``)
offline           the sentence that says how to configure a model
<name>            a model that was given in process
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

from palaver.errors import ModelError
from palaver.models.base import ChatModel
from palaver.models.offline import OfflineModel
from palaver.models.patience import Patience, PatientModel
from palaver.models.scripted import ScriptedModel

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

    from palaver.models.openai import OpenAIServer

OPENAI_URL = "https://api.openai.com/v1"
GROQ_URL = "https://api.groq.com/openai/v1"
OLLAMA_HOST = "127.0.0.1:11434"

# The default of each provider whose key is set, as of November 2026: what the provider itself recommends in the place of
# gpt-4o-mini (shut down on 2027-01-14) and of llama-3.3-70b-versatile (on 2026-08-16, but for enterprise accounts).
OPENAI_DEFAULT = "openai:gpt-6-luna"
GROQ_DEFAULT = "groq:openai/gpt-oss-120b"
OFFLINE = "offline"


@dataclass(frozen=True, slots=True, kw_only=True)
class Providers:
    """Where the models are and the keys to them. No key is ever shown by ``repr``.

    Attributes:
        default_model: The model of a bot that names none.
        ollama_host: What Ollama itself takes as OLLAMA_HOST: a host, ``host:port`` or a URL without ``/v1``.
        named: Base URLs of OpenAI-compatible servers by provider name, ``/v1`` included.
        named_keys: Keys of some of ``named``.
    """

    default_model: str | None = None
    openai_api_key: str | None = field(default=None, repr=False)
    openai_base_url: str | None = None
    groq_api_key: str | None = field(default=None, repr=False)
    ollama_host: str | None = None
    named: Mapping[str, str] = field(default_factory=dict)
    named_keys: Mapping[str, str] = field(default_factory=dict, repr=False)


class Catalog:
    """The models of this process. One connection pool for each provider, made at its first use.

    Args:
        models: Models given in process by name: our own ``ChatModel`` or LangChain's ``BaseChatModel``.
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
        self._given = {name: _as_chat_model(model) for name, model in (models or {}).items()}
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
            return self._given[name]
        if name == OFFLINE:
            return OfflineModel()
        provider, _, rest = name.partition(":")
        if not rest:
            raise _not_configured(f"No model was given under the name {name!r}; others are named provider:name.")
        if provider == "scripted":
            return _scripted(rest)
        return self._server(provider).model(rest)

    def _server(self, provider: str) -> OpenAIServer:
        from palaver.models.openai import OpenAIServer  # its HTTP client takes long to import

        if provider not in self._servers:
            base_url, api_key = self._address(provider)
            self._servers[provider] = OpenAIServer(
                base_url, api_key=api_key, connect_seconds=self._patience.connect_seconds
            )
        return self._servers[provider]

    def _address(self, provider: str) -> tuple[str, str | None]:
        known = self._providers
        if provider in known.named:
            return known.named[provider], known.named_keys.get(provider)
        match provider:
            case "openai" if known.openai_api_key or known.openai_base_url:
                return known.openai_base_url or OPENAI_URL, known.openai_api_key
            case "openai":
                raise _not_configured("The provider 'openai' is not configured: set OPENAI_API_KEY or OPENAI_BASE_URL.")
            case "groq" if known.groq_api_key:
                return GROQ_URL, known.groq_api_key
            case "groq":
                raise _not_configured("The provider 'groq' is not configured: set GROQ_API_KEY.")
            case "ollama":
                return _ollama_url(known.ollama_host or OLLAMA_HOST), None
        raise _not_configured(f"The provider {provider!r} is not configured: name its server in PALAVER_PROVIDERS.")


def _not_configured(message: str) -> ModelError:
    return ModelError(message, code="provider_not_configured")


def _scripted(name: str) -> ChatModel:
    try:
        return ScriptedModel.named(name)
    except ValueError:
        raise _not_configured(f"There is no script named {name!r}.") from None


def _as_chat_model(model: object) -> ChatModel:
    if hasattr(model, "has_vision"):  # an isinstance of BaseChatModel would import LangChain for everyone
        return cast("ChatModel", model)
    from palaver.models.langchain import LangChainModel

    return LangChainModel(cast("BaseChatModel", model))


def _ollama_url(host: str) -> str:
    address = host.rstrip("/").removesuffix("/v1")
    scheme, separator, place = address.rpartition("://")
    if not separator and ":" not in place:
        place = f"{place}:11434"
    place = place.replace("0.0.0.0", "127.0.0.1")  # noqa: S104  # where Ollama listens, said as where it is called
    return f"{scheme or 'http'}://{place}/v1"
