"""The configuration as it is read from the environment."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from palaver.config import Settings


def test_origins_are_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    """PALAVER_ALLOW_ORIGIN is a list with commas; blanks around its parts don't count."""
    monkeypatch.setenv("PALAVER_ALLOW_ORIGIN", "https://a.example, https://b.example,")
    assert Settings().allow_origin == ("https://a.example", "https://b.example")


def test_hosts_to_fetch_from_are_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    """PALAVER_FETCH is a list with commas; without it nothing is fetched."""
    assert Settings().fetch == ()
    monkeypatch.setenv("PALAVER_FETCH", "docs.example.org, *.example.com:8443")
    assert Settings().fetch == ("docs.example.org", "*.example.com:8443")


def test_providers_are_json(monkeypatch: pytest.MonkeyPatch) -> None:
    """Named providers and their keys are JSON objects."""
    monkeypatch.setenv("PALAVER_PROVIDERS", '{"local": "http://127.0.0.1:8080/v1"}')
    monkeypatch.setenv("PALAVER_PROVIDER_KEYS", '{"local": "s3cret"}')
    settings = Settings()
    assert settings.providers == {"local": "http://127.0.0.1:8080/v1"}
    assert settings.provider_keys["local"].get_secret_value() == "s3cret"


def test_limits_have_variables_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """A limit is set by PALAVER_ and its name, without the group's."""
    monkeypatch.setenv("PALAVER_LEASE_SECONDS", "3")
    assert Settings().limits.lease_seconds == 3


def test_secrets_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """No key shows in the text of the settings."""
    for name in ("OPENAI_API_KEY", "GROQ_API_KEY", "PALAVER_API_KEY"):
        monkeypatch.setenv(name, "s3cret-canary")
    monkeypatch.setenv("PALAVER_PROVIDER_KEYS", '{"local": "s3cret-canary"}')
    settings = Settings()
    assert "canary" not in f"{settings!r} {settings!s}"


def test_prices_are_json(monkeypatch: pytest.MonkeyPatch) -> None:
    """Prices are whole numbers from a day on; a price that is less than nothing, or of no day, is refused."""
    monkeypatch.setenv(
        "PALAVER_PRICES", '{"openai:small": [{"from": "2026-01-01", "input": 150000, "output": 600000}]}'
    )
    (price,) = Settings().prices["openai:small"]
    assert (price.since.isoformat(), price.input, price.output) == ("2026-01-01", 150_000, 600_000)
    for wrong in ('{"from": "2026-01-01", "input": -1, "output": 0}', '{"input": 1, "output": 1}'):
        monkeypatch.setenv("PALAVER_PRICES", f'{{"openai:small": [{wrong}]}}')
        with pytest.raises(ValidationError):
            Settings()
