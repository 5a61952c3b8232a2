"""What schemathesis has to be told: how the formats of our texts look, which ids exist, and what no schema can say.

It is loaded by the ``schemathesis`` command that ``test_openapi.py`` runs, with ``PALAVER_TEST_IDS`` in its environment.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import schemathesis
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

import pictures
from palaver.errors import InvalidInput
from palaver.text import check_message_text, check_name

OF_THE_PAST = frozenset(
    {"idempotency_key_reused", "invalid_cursor", "invalid_page", "invalid_parent", "version_conflict"}
)
"""Codes of refusals that hang on what was asked before: a cursor, a version, a key or a turn of another answer."""

OF_THE_BYTES = frozenset({"invalid_file", "unsupported_type", "fetch_disabled", "model_has_no_vision"})
"""Codes of files that are not what they say, of pages that are not fetched here, and of images for a model that is told not to
look: a schema can't tell."""

OF_THE_LINES = frozenset({"invalid_line", "unsupported_schema"})
"""Codes of lines that are none of an export: each kind of line has a shape of its own, and the first comes first."""

UNQUOTED = "invalid_if_match"
"""schemathesis 4.32 sends an entity tag without its quotes where it covers the pattern of ``If-Match``."""

_TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1, max_size=60)
_IDS: dict[str, str] = json.loads(os.environ.get("PALAVER_TEST_IDS", "{}"))
_UNKNOWN = "bot_0198c0de00007000800000000000abcd"
_LARGE = 10**299


def _passes(check: Callable[[str], str]) -> Callable[[str], bool]:
    def passes(value: str) -> bool:
        try:
            check(value)
        except InvalidInput:
            return False
        return True

    return passes


schemathesis.openapi.format("palaver-message", _TEXT.filter(_passes(check_message_text)))
schemathesis.openapi.format("palaver-url", st.from_regex(r"\Ahttps?://[a-z0-9./-]{1,60}\Z"))
_PICTURE = pictures.data_url(pictures.plain(side=4))
schemathesis.openapi.format("palaver-data-url", st.just(_PICTURE))
schemathesis.openapi.format("palaver-attachment", st.sampled_from([_PICTURE, _IDS.get("att", _PICTURE)]))
_DAYS = st.integers(1, 300).map(lambda ago: (datetime.now(UTC) - timedelta(days=ago)).date().isoformat())
schemathesis.openapi.format("palaver-moment", st.one_of(_DAYS, _DAYS.map(lambda day: f"{day}T12:00:00Z")))
schemathesis.openapi.format("palaver-timezone", st.sampled_from(["UTC", "Europe/Berlin", "Asia/Kathmandu"]))
schemathesis.openapi.format("palaver-columns", st.sampled_from(["key", "key,turns", "name,message_ratings_5"]))
schemathesis.openapi.format("palaver-name", _TEXT.filter(_passes(check_name)))


@schemathesis.check
def valid_requests_are_accepted(context: schemathesis.CheckContext, response: Any, case: Case) -> bool | None:
    """The check that schemathesis has for this, but for refusals that no schema can foresee."""
    passing = OF_THE_PAST | OF_THE_BYTES | OF_THE_LINES | {"resume_window_gone", UNQUOTED}
    if response.status_code in (400, 410, 412, 422) and response.json()["code"] in passing:
        return None
    return positive_data_acceptance(context, response, case)


@schemathesis.check
def servers_do_not_fail(context: schemathesis.CheckContext, response: Any, case: Case) -> bool | None:
    """The check that schemathesis has for this, but for models and rerankers of names that nobody configured here."""
    if response.status_code == 502 and response.json()["code"] == "provider_not_configured":
        return None
    return not_a_server_error(context, response, case)


_MADE_TO_BE_VALID = "Positive test case"


@schemathesis.check
def invalid_requests_are_refused(context: schemathesis.CheckContext, response: Any, case: Case) -> bool | None:
    """The check that schemathesis has for this, but for forms that it made to be valid and takes for invalid where they follow a
    link (4.32)."""
    if case.meta is not None and getattr(case.meta.phase.data, "description", None) == _MADE_TO_BE_VALID:
        return None
    return negative_data_rejection(context, response, case)


@schemathesis.hook
def before_call(context: Any, case: Case, kwargs: dict[str, Any]) -> None:
    """Let most well-formed ids be those of things that exist, and say who talks once.

    In a valid request an integer is written as one, with at most 300 digits: for JSON Schema ``1.0`` is an integer.
    """
    path = _existing(case)
    if path != case.path_parameters:
        case.path_parameters = path
    valid = case.meta is not None and case.meta.generation.mode is GenerationMode.POSITIVE
    query = dict(case.query or {})
    if valid and str(query.get("from", "")) >= str(query.get("to", "~")):  # no schema says which of them comes first
        case.query = {name: value for name, value in query.items() if name != "to"}
    if isinstance(case.body, dict):
        body = _said_once(_whole(case.body) if valid else case.body)
        if json.dumps(body) != json.dumps(case.body):  # an assignment alone makes it another case
            case.body = body


def _existing(case: Case) -> dict[str, Any]:
    given = dict(case.path_parameters or {})
    found = given.get("id")
    if case.method.lower() == "delete":  # what others need stays
        return {**given, "id": _UNKNOWN} if found in _IDS.values() else given
    known = _IDS.get(found.partition("_")[0]) if isinstance(found, str) else None
    follows = case.meta is not None and case.meta.phase.name.value == "stateful"  # its ids are those of answers
    if known is None or follows or found[-1:] in ("0", "1", "2"):
        return given
    return {**given, "id": known}


def _said_once(body: dict[str, Any]) -> dict[str, Any]:
    left_out: set[str] = {"url"} if isinstance(body.get("text"), str) else set()
    if isinstance(body.get("entity"), dict):
        left_out = {"entity_id", "entity_type"}
    elif isinstance(body.get("entity_id"), str):
        left_out = {"entity_type"}
    if body.get("policy") != "rated" and isinstance(body.get("min_rating"), int):
        body = {**body, "min_rating": None}
    return {name: value for name, value in body.items() if name not in left_out or not isinstance(value, str)}


def _whole(value: Any) -> Any:
    match value:
        case dict():
            return {name: _whole(item) for name, item in value.items()}
        case list():
            return [_whole(item) for item in value]
        case float() if value.is_integer() and abs(value) < _LARGE:
            return int(value)
        case int() if not isinstance(value, bool) and abs(value) >= _LARGE:
            return 0
        case _:
            return value
