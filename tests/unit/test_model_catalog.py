"""Which model a name stands for."""

from __future__ import annotations

import subprocess
import sys

import pytest
from langchain_core.language_models import FakeListChatModel

from palaver.errors import ModelError
from palaver.models.base import ChatModel
from palaver.models.catalog import Catalog
from palaver.models.langchain import LangChainModel
from palaver.models.offline import NO_MODEL, OfflineModel
from palaver.models.openai import OpenAIModel
from palaver.models.patience import PatientModel
from palaver.models.scripted import ScriptedModel
from palaver.provider.addresses import Providers
from palaver.testing.models import listen, question, text_of
from peers.faulty import DONE, STOP, faulty, head, says

SECRET = "sk-canary-51c0"


def inside(model: ChatModel) -> ChatModel:
    assert isinstance(model, PatientModel)
    return model.model


def refusal_of(catalog: Catalog, name: str) -> ModelError:
    with pytest.raises(ModelError) as raised:
        catalog.find(name)
    return raised.value


@pytest.mark.parametrize(
    ("providers", "name"),
    [
        (Providers(), "offline"),
        (Providers(openai_api_key="k"), "openai:gpt-6-luna"),
        (Providers(groq_api_key="k"), "groq:openai/gpt-oss-120b"),
        (Providers(openai_api_key="k", groq_api_key="k"), "openai:gpt-6-luna"),
        (Providers(openai_api_key="k", default_model="ollama:llama3.2"), "ollama:llama3.2"),
        (Providers(openai_base_url="http://127.0.0.1:1/v1"), "offline"),
    ],
)
def test_the_default_is_by_the_key_that_is_set(providers: Providers, name: str) -> None:
    """An explicit default comes first, then OpenAI's and Groq's keys; an address alone names no model."""
    assert Catalog(providers).default_name() == name


@pytest.mark.parametrize(
    ("name", "to_set"),
    [
        ("openai:gpt-4o", "OPENAI_API_KEY"),
        ("groq:x", "GROQ_API_KEY"),
        ("mistral:x", "PALAVER_PROVIDERS"),
        ("support", "support"),
        ("openai:", "provider:name"),
        ("", "provider:name"),
        ("scripted:words?count=x", "script"),
    ],
)
def test_what_is_not_configured_says_what_to_set(name: str, to_set: str) -> None:
    """An unknown model is ``provider_not_configured``; it is not retried, and names the variable."""
    error = refusal_of(Catalog(), name)
    assert (error.code, error.retryable, error.interrupts) == ("provider_not_configured", False, False)
    assert to_set in error.message


async def test_models_given_in_process_have_bare_names() -> None:
    """Our own models and LangChain's are found under the name that they were given, patient like all others; later ones, too."""
    own = ScriptedModel("own")
    models = {"support": own, "openai:x": own}
    catalog = Catalog(models=models)
    models["other"] = FakeListChatModel(responses=["theirs"])
    assert inside(catalog.find("support")) is own
    assert inside(catalog.find("openai:x")) is own
    assert isinstance(inside(catalog.find("other")), LangChainModel)
    assert text_of(await listen(catalog.find("other"), question("?"))) == "theirs"


async def test_offline_and_scripts_are_always_there() -> None:
    """They need no configuration."""
    catalog = Catalog()
    assert isinstance(inside(catalog.find("offline")), OfflineModel)
    assert text_of(await listen(catalog.find("offline"), question("?"))) == NO_MODEL
    assert text_of(await listen(catalog.find("scripted:Good day."), question("?"))) == "Good day."


@pytest.mark.parametrize("host", ["{address}", "http://{address}", "http://{address}/", "http://{address}/v1"])
async def test_ollama_is_where_its_own_variable_says(host: str) -> None:
    """OLLAMA_HOST may be a host with a port or a URL; no key is sent."""
    async with faulty([head(), says("Hello"), STOP, DONE]) as server:
        address = server.base_url.removeprefix("http://").removesuffix("/v1")
        catalog = Catalog(Providers(ollama_host=host.format(address=address), openai_api_key=SECRET))
        assert text_of(await listen(catalog.find("ollama:llama3.2"), question("?"))) == "Hello"
        await catalog.aclose()
        assert server.bodies[0]["model"] == "llama3.2"
        assert server.requests[0].startswith(b"POST /v1/chat/completions ")
        assert b"uthorization" not in server.requests[0]


@pytest.mark.parametrize(
    ("host", "url"),
    [
        (None, "http://127.0.0.1:11434/v1/chat/completions"),
        ("0.0.0.0", "http://127.0.0.1:11434/v1/chat/completions"),
        ("box", "http://box:11434/v1/chat/completions"),
        ("https://box.example", "https://box.example/v1/chat/completions"),
    ],
)
def test_ollama_has_its_own_port(host: str | None, url: str) -> None:
    """A host without a port is asked on 11434, a URL on its scheme's; where Ollama listens on all, it is called on loopback."""
    model = inside(Catalog(Providers(ollama_host=host)).find("ollama:x"))
    assert isinstance(model, OpenAIModel)
    assert str(model._server.endpoint.url) == url


async def test_named_providers_have_their_own_address_and_key() -> None:
    """Each named server gets its own key and no other's; a name of the model may hold colons and slashes."""
    async with faulty([head(), says("Hello"), STOP, DONE]) as server:
        named = {"local": server.base_url + "/", "keyless": server.base_url}
        providers = Providers(named=named, named_keys={"local": SECRET}, openai_api_key="other")
        catalog = Catalog(providers)
        await listen(catalog.find("local:org/model:7b"), question("?"))
        await listen(catalog.find("keyless:x"), question("?"))
        await catalog.aclose()
        first, second = server.requests
        assert b"Authorization: Bearer " + SECRET.encode() in first
        assert b"uthorization" not in second
        assert server.bodies[0]["model"] == "org/model:7b"


async def test_openai_is_where_its_own_variable_says() -> None:
    """OPENAI_BASE_URL points ``openai:`` at any compatible server, with or without a key."""
    async with faulty([head(), says("Hello"), STOP, DONE]) as server:
        catalog = Catalog(Providers(openai_base_url=server.base_url))
        assert text_of(await listen(catalog.find("openai:x"), question("?"))) == "Hello"
        await catalog.aclose()


def test_one_provider_has_one_pool() -> None:
    """All models of a provider share its connections."""
    catalog = Catalog(Providers(openai_api_key="k"))
    first, second = inside(catalog.find("openai:a")), inside(catalog.find("openai:b"))
    assert isinstance(first, OpenAIModel)
    assert isinstance(second, OpenAIModel)
    assert first._server is second._server


@pytest.mark.parametrize("key", ["sk-canary\n-51c0", "sk-canary-51c0é", "sk-\x00canary-51c0"])
def test_a_key_that_can_not_be_sent_is_refused_without_showing_it(key: str) -> None:
    """A key with a line break or foreign characters can't stand in a header; the error does not quote it."""
    error = refusal_of(Catalog(Providers(openai_api_key=key)), "openai:x")
    assert error.code == "provider_not_configured"
    assert "canary" not in repr(error)
    assert "key" in error.message


def test_blanks_around_a_key_are_dropped() -> None:
    """The line break at the end of a file that held the key is no part of it."""
    Catalog(Providers(openai_api_key=f" {SECRET}\n")).find("openai:x")


@pytest.mark.parametrize(
    "address", ["", "local", "ftp://x/v1", "http://", "http://127.0.0.1:99999/v1", "http://[::1/v1"]
)
def test_an_address_that_is_none_is_refused(address: str) -> None:
    """A base URL that can't be called is ``provider_not_configured`` when the model is looked up."""
    assert refusal_of(Catalog(Providers(named={"local": address})), "local:x").code == "provider_not_configured"


def test_no_secret_shows() -> None:
    """Keys stand in no repr: not of the providers, the catalog, a model or its server."""
    providers = Providers(
        openai_api_key=SECRET, groq_api_key=SECRET, named={"x": "http://x/v1"}, named_keys={"x": SECRET}
    )
    catalog = Catalog(providers)
    model = inside(catalog.find("openai:x"))
    for thing in (providers, catalog, model, vars(model)):
        assert SECRET not in repr(thing)


def test_importing_the_catalog_imports_no_client() -> None:
    """Neither the HTTP client nor LangChain is imported before a model needs it."""
    code = (
        "import sys, palaver.models.catalog as c; c.Catalog().find('offline');"
        "print([n for n in ('httpx2', 'langchain_core') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30)
    assert done.stdout.strip() == "[]"
