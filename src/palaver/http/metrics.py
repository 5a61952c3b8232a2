"""What is measured of requests and turns, in a registry of its own for each app."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from palaver.conversation import Turn, TurnStatus, Usage

_TURN_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 80, 160, 320, 640)
_METHODS = frozenset({"GET", "HEAD", "POST", "PATCH", "DELETE", "OPTIONS", "PUT"})


class Metrics:
    """Counts requests by route, never by path: a path holds ids, and there is no end to them."""

    media_type = CONTENT_TYPE_LATEST

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "palaver_http_requests", "Requests answered.", ("method", "route", "status"), registry=self._registry
        )
        self._seconds = Histogram(
            "palaver_http_request_seconds",
            "From a request's first byte to the begin of its answer.",
            ("route",),
            registry=self._registry,
        )

        self._ends = Counter("palaver_turns", "Turns that this process ended.", ("status",), registry=self._registry)
        self._answers = Histogram(
            "palaver_turn_seconds",
            "Of completed turns, from acceptance to their end.",
            buckets=_TURN_SECONDS,
            registry=self._registry,
        )
        self._first_tokens = Histogram(
            "palaver_first_token_seconds",
            "From a turn's acceptance to the first word of its answer.",
            buckets=_TURN_SECONDS,
            registry=self._registry,
        )
        self._tokens = Counter(
            "palaver_tokens", "Tokens, as the providers counted them.", ("kind",), registry=self._registry
        )
        self._cost = Counter(
            "palaver_cost_micro", "Millionths of the price table's currency unit.", registry=self._registry
        )

    def ended(self, turn: Turn) -> None:
        """Note a turn that this process ended."""
        self._ends.labels(turn.status.value).inc()
        if turn.status is TurnStatus.COMPLETED and turn.finished_at is not None:
            self._answers.observe((turn.finished_at - turn.created_at).total_seconds())
        if turn.first_token_at is not None:
            self._first_tokens.observe(max((turn.first_token_at - turn.created_at).total_seconds(), 0.0))
        self._tokens.labels("input").inc(turn.usage.input_tokens)
        self._tokens.labels("output").inc(turn.usage.output_tokens)
        self._cost.inc(turn.usage.cost_micro or 0)

    def titled(self, usage: Usage) -> None:
        """Note what a model took to make a title, which no turn counts."""
        self._tokens.labels("title_input").inc(usage.input_tokens)
        self._tokens.labels("title_output").inc(usage.output_tokens)
        self._cost.inc(usage.cost_micro or 0)

    def watch(self, name: str, meaning: str, value: Callable[[], float]) -> None:
        """Show a number that is read when it is asked for."""
        Gauge(name, meaning, registry=self._registry).set_function(value)

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """Note an answer that has begun."""
        self._requests.labels(method if method in _METHODS else "other", route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def render(self) -> bytes:
        """Return everything in Prometheus' text format."""
        return generate_latest(self._registry)
