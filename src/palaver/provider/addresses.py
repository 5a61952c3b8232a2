"""Where the providers are, and the keys to them. What a model or an embedding is named begins with its provider.

openai:<name>     OPENAI_API_KEY, or any OpenAI-compatible server at OPENAI_BASE_URL (a key is optional there)
groq:<name>       GROQ_API_KEY
ollama:<name>     OLLAMA_HOST, or http://127.0.0.1:11434
<provider>:<name> a server named in PALAVER_PROVIDERS, with its key in PALAVER_PROVIDER_KEYS
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from palaver.errors import ModelError

OPENAI_URL = "https://api.openai.com/v1"
GROQ_URL = "https://api.groq.com/openai/v1"
OLLAMA_HOST = "127.0.0.1:11434"


@dataclass(frozen=True, slots=True, kw_only=True)
class Providers:
    """Where the models are and the keys to them. No key is ever shown by ``repr``.

    Attributes:
        default_model: The model of a bot that names none.
        default_embedding: The embedding of a bot that names none; None: words alone.
        ollama_host: What Ollama itself takes as OLLAMA_HOST: a host, ``host:port`` or a URL without ``/v1``.
        named: Base URLs of OpenAI-compatible servers by provider name, ``/v1`` included.
        named_keys: Keys of some of ``named``.
    """

    default_model: str | None = None
    default_embedding: str | None = None
    openai_api_key: str | None = field(default=None, repr=False)
    openai_base_url: str | None = None
    groq_api_key: str | None = field(default=None, repr=False)
    ollama_host: str | None = None
    named: Mapping[str, str] = field(default_factory=dict)
    named_keys: Mapping[str, str] = field(default_factory=dict, repr=False)

    def address(self, provider: str) -> tuple[str, str | None]:
        """Return the base URL of a provider and the key to it.

        Raises:
            ModelError: ``provider_not_configured``, with what to set.
        """
        if provider in self.named:
            return self.named[provider], self.named_keys.get(provider)
        match provider:
            case "openai" if self.openai_api_key or self.openai_base_url:
                return self.openai_base_url or OPENAI_URL, self.openai_api_key
            case "openai":
                raise not_configured("The provider 'openai' is not configured: set OPENAI_API_KEY or OPENAI_BASE_URL.")
            case "groq" if self.groq_api_key:
                return GROQ_URL, self.groq_api_key
            case "groq":
                raise not_configured("The provider 'groq' is not configured: set GROQ_API_KEY.")
            case "ollama":
                return _ollama_url(self.ollama_host or OLLAMA_HOST), None
        raise not_configured(f"The provider {provider!r} is not configured: name its server in PALAVER_PROVIDERS.")


def not_configured(message: str) -> ModelError:
    """Return the error of a name that leads nowhere; ``message`` says what to set."""
    return ModelError(message, code="provider_not_configured")


def _ollama_url(host: str) -> str:
    address = host.rstrip("/").removesuffix("/v1")
    scheme, separator, place = address.rpartition("://")
    if not separator and ":" not in place:
        place = f"{place}:11434"
    place = place.replace("0.0.0.0", "127.0.0.1")  # noqa: S104  # where Ollama listens, said as where it is called
    return f"{scheme or 'http'}://{place}/v1"
