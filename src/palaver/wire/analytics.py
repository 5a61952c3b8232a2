"""Requests about what conversations come to."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from functools import cache
from typing import Annotated, ClassVar
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, Field, PlainValidator, WithJsonSchema

from palaver.analytics.table import COLUMNS
from palaver.clock import parse_rfc3339
from palaver.figures import By
from palaver.page import PAGE_LIMIT, PAGE_LIMIT_MAX
from palaver.wire.base import FilterValue, Wire, choice, refused
from palaver.wire.pages import PageQuery

_FILTER = "invalid_filter"
_FIRST_YEAR, _LAST_YEAR = 1971, 2999
_DAY_LENGTH = len("2026-01-31")
_TIME_CODES = dict.fromkeys(("from", "to", "timezone", "bot_id", "model"), _FILTER)


def _moment(value: object) -> date:
    """Return a day, or an aware time."""
    said: object = value
    if isinstance(value, str):
        try:
            said = date.fromisoformat(value) if len(value) == _DAY_LENGTH else parse_rfc3339(value)
        except (ValueError, OverflowError):
            raise refused(_FILTER, "Say a day, 2026-01-31, or a time, 2026-01-31T12:00:00Z.") from None
    if not isinstance(said, date):
        raise refused(_FILTER, "Say a day or a time.")
    if isinstance(said, datetime) and said.tzinfo is None:
        raise refused(_FILTER, "A time needs an offset.")
    if not _FIRST_YEAR <= said.year <= _LAST_YEAR:
        raise refused(_FILTER, f"A year from {_FIRST_YEAR} to {_LAST_YEAR}.")
    return said


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def _zone(value: str) -> str:
    if value not in _zones():
        raise refused(_FILTER, "A time zone is named like Europe/Berlin.")
    return value


def _columns(value: object) -> tuple[str, ...]:
    """Return the names of columns that are there: of a table, or of its text with commas between."""
    named = tuple(value.split(",") if isinstance(value, str) else value if isinstance(value, list | tuple) else ())
    if not named or len(set(named)) < len(named) or not set(named) <= set(COLUMNS):
        raise refused(_FILTER, f"Columns are some of {', '.join(COLUMNS)}.")
    return named


Columns = Annotated[
    tuple[str, ...], PlainValidator(_columns), WithJsonSchema({"type": "string", "format": "palaver-columns"})
]
"""Names of columns of figures."""
Moment = Annotated[date, PlainValidator(_moment), WithJsonSchema({"type": "string", "format": "palaver-moment"})]
"""A day, or a time with an offset."""
Timezone = Annotated[str, AfterValidator(_zone), Field(json_schema_extra={"format": "palaver-timezone"})]


class TimeQuery(Wire):
    """Of which time: ``from`` a day or a moment ``to`` another; days are both included, and are those of ``timezone``."""

    from_: Annotated[Moment | None, Field(alias="from")] = None
    to: Moment | None = None
    timezone: Timezone = "UTC"
    bot_id: FilterValue | None = None
    model: FilterValue | None = None

    @property
    def zone(self) -> ZoneInfo:
        """The time zone."""
        return ZoneInfo(self.timezone)


class FiguresQuery(TimeQuery):
    """Which figures: of which time, and told apart by what."""

    CODES: ClassVar[Mapping[str, str]] = {**_TIME_CODES, "entity_id": _FILTER, "limit": "invalid_page"}
    UNKNOWN: ClassVar[str] = _FILTER

    by: Annotated[By, choice(By, _FILTER)] = By.DAY
    entity_id: FilterValue | None = None
    limit: Annotated[int, Field(ge=1, le=PAGE_LIMIT_MAX)] = PAGE_LIMIT


class TableQuery(FiguresQuery):
    """Which figures as a table: ``columns`` are names of columns with commas between; without it there are all."""

    CODES: ClassVar[Mapping[str, str]] = {**FiguresQuery.CODES, "columns": _FILTER}

    columns: Columns | None = None


class UnfoundQuery(TimeQuery, PageQuery):
    """Of which time the questions are listed that were answered with nothing from documents."""

    CODES: ClassVar[Mapping[str, str]] = {**PageQuery.CODES, **_TIME_CODES}
