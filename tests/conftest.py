"""Options of the test run."""

from __future__ import annotations

import pytest

pytest_plugins = ["peers.fixtures"]
pytest.register_assert_rewrite("palaver.testing")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--kills", type=int, default=20, help="how often the crash test kills the server")


@pytest.fixture
def kills(request: pytest.FixtureRequest) -> int:
    """How often the server is killed."""
    count: int = request.config.getoption("--kills")
    return count
