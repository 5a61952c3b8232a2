"""Options of the test run."""

from __future__ import annotations

import signal

import pytest
from hypothesis import Phase, settings

# A change is judged by the same examples wherever it is tested; what new ones find is looked for apart (`make fuzz`).
settings.register_profile("gate", derandomize=True, print_blob=True)
settings.register_profile("fuzz", max_examples=1_000, deadline=None, print_blob=True)
# For whoever only wants to know that a property fails, not the smallest way to make it fail.
settings.register_profile("fail-fast", phases=(Phase.explicit, Phase.generate))
settings.load_profile("gate")

pytest_plugins = ["peers.fixtures", "servers.fixtures"]
pytest.register_assert_rewrite("palaver.testing")


def pytest_configure() -> None:
    """A shell has what it starts in the background ignore Ctrl-C, and so would all that the tests start."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The slow ones come first: at the end the processes have little left to share, and none waits long for another."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--kills", type=int, default=20, help="how often the crash test kills the server")


@pytest.fixture
def kills(request: pytest.FixtureRequest) -> int:
    """How often the server is killed."""
    count: int = request.config.getoption("--kills")
    return count
