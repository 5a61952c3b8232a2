"""Logs: JSON lines on stderr, each with its request's id. What is secret is never given to a log."""

from __future__ import annotations

import logging
import sys

import structlog

from palaver.stores.orders import StoreHealth

_log = structlog.get_logger("palaver.store")

# Not the values of a stack: they hold passwords, keys and what people say.
_TRACEBACKS = structlog.processors.ExceptionRenderer(structlog.tracebacks.ExceptionDictTransformer(show_locals=False))


def configure_logs(level: str) -> None:
    """Write our logs as JSON lines, and the libraries' warnings beside them. For a process that is ours."""
    number = logging.getLevelNamesMapping().get(level.upper(), logging.INFO)
    logging.basicConfig(stream=sys.stderr, level=max(number, logging.WARNING), format="%(message)s", force=True)
    configure_structlog(number)


def configure_structlog(number: int) -> None:
    """Write our logs as JSON lines; ``number`` is a level of the standard library's logging."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _TRACEBACKS,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),  # the stderr of now: it may be another one later
        cache_logger_on_first_use=False,
    )


def configure_if_nobody_did(level: str) -> None:
    """Keep the app quiet in somebody else's process, unless that has its own idea of structlog."""
    if not structlog.is_configured():
        configure_structlog(logging.getLevelNamesMapping().get(level.upper(), logging.INFO))


def log_guarantee(health: StoreHealth) -> None:
    """Log what an acknowledgement means here; a warning where it means less than it should."""
    say = _log.warning if health.risks else _log.info
    say(
        "guarantee",
        engine=health.engine,
        survives_kill=health.survives_kill,
        survives_power_cut=health.survives_power_cut,
        settings=dict(health.settings),
        risks=health.risks,
        notes=health.notes,
    )
