"""Requests as the hub of this process takes them: Python values, checked by the same rules as JSON."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from palaver.conversation import ConversationStatus, Policy
from palaver.errors import InvalidInput
from palaver.http.bodies import parse_object
from palaver.metadata import merge
from palaver.wire.base import Wire
from palaver.wire.bots import BotCreate, BotEdit
from palaver.wire.checking import check
from palaver.wire.conversations import ConversationCreate, ConversationQuery
from palaver.wire.messages import MessageSend

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def refusal(kind: type[Wire], fields: dict[str, Any]) -> InvalidInput:
    with pytest.raises(InvalidInput) as caught:
        check(kind, fields)
    return caught.value


def code_or(made: Callable[[], Any]) -> Any:
    """What ``made`` makes, or the code with which it refuses."""
    try:
        return made()
    except InvalidInput as error:
        return error.code


def test_only_what_was_given_is_given() -> None:
    """A field that was not given is not there; one that was set to None is."""
    edit = check(BotEdit, {"idle_timeout_minutes": None, "params": {"max_tokens": 5}})
    assert edit.given() == {"idle_timeout_minutes": None, "params": {"max_tokens": 5}}


def test_a_request_may_be_checked_twice() -> None:
    """What a check gives passes the same check again, unchanged: routes check first, the hub checks all callers."""
    fields = {"text": "x", "policy": "queue", "params": {"stop": ["a"], "temperature": 1}}
    first = check(MessageSend, fields)
    assert first.policy is Policy.QUEUE
    assert check(MessageSend, first.given()) == first


def test_python_values_are_taken() -> None:
    """Enums and aware times of any offset are as good as their texts."""
    noon = datetime(2026, 1, 31, 12, tzinfo=timezone(timedelta(hours=2)))
    query = check(ConversationQuery, {"status": ConversationStatus.ENDED, "created_after": noon})
    assert query == check(ConversationQuery, {"status": "ended", "created_after": "2026-01-31T10:00:00Z"})
    assert query.created_after == datetime(2026, 1, 31, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ({1: "x"}, "invalid_type"),
        pytest.param({"a": object()}, "invalid_type", id="an object"),
        ({"a": b"bytes"}, "invalid_type"),
        ({"a": float("nan")}, "invalid_number"),
        ({"a": float("inf")}, "invalid_number"),
        ({"a": "\ud800"}, "invalid_unicode"),
        ({"a": ["\x00"]}, "invalid_character"),
        ({"a": "x" * 70_000}, "metadata_too_large"),
        ({"a": [{str(n): n for n in range(600)}, {str(n): n for n in range(600)}]}, "metadata_too_large"),
        ("text", "invalid_type"),
        (None, "invalid_type"),
    ],
    ids=str,
)
def test_metadata_is_json_of_a_bounded_size(value: Any, code: str) -> None:
    """What JSON can't hold, or what is too much, is refused with its code."""
    assert refusal(BotCreate, {"name": "x", "metadata": value}).code == code


def test_depth_needs_no_recursion() -> None:
    """100,000 levels, and an object inside itself, are refused like 65 levels are."""
    deep: dict[str, Any] = {}
    inner = deep
    for _ in range(100_000):
        inner["a"] = {}
        inner = inner["a"]
    ring: dict[str, Any] = {}
    ring["a"] = ring
    for value in (deep, ring):
        assert refusal(BotCreate, {"name": "x", "metadata": value}).code == "json_too_deep"


@given(st.dictionaries(st.text(), JSON, max_size=4))
def test_metadata_comes_back_as_it_was(value: dict[str, Any]) -> None:
    """Every JSON object of valid text is kept, whatever its keys; anything else is refused, never broken."""
    outcome = code_or(lambda: check(BotCreate, {"name": "x", "metadata": value}).metadata)
    assert outcome == value or outcome in ("invalid_character", "invalid_unicode")


def test_a_change_of_metadata_is_one_level_deep() -> None:
    """A key's value is replaced as a whole; None removes the key, and stays where it is inside a value."""
    assert merge({"a": {"x": 1}, "b": 2, "c": None}, {"a": {"y": None}, "b": None}) == {"a": {"y": None}, "c": None}


def test_who_talks_is_said_once() -> None:
    """An entity by id and by description is two answers to one question."""
    assert refusal(ConversationCreate, {"bot_id": "b", "entity_id": "e", "entity": {}}).code == "invalid_parameter"


def test_at_most_twenty_errors_are_listed() -> None:
    """A request with a thousand wrong fields gets a short answer, whose paths are short ASCII."""
    fields = {"é" * 300 + str(number): 1 for number in range(1_000)}
    errors = refusal(BotCreate, fields).details["errors"]
    assert len(errors) == 20
    assert all(len(each["path"]) <= 1_300 and each["path"].isascii() for each in errors)


@given(st.binary(max_size=60))
def test_any_bytes_are_an_object_or_refused(raw: bytes) -> None:
    """Whatever the body is: a JSON object, or a refusal with a code; never another error."""
    codes = ("invalid_body", "invalid_encoding", "invalid_json", "invalid_number", "json_too_deep", "duplicate_key")
    outcome = code_or(lambda: parse_object(raw))
    assert isinstance(outcome, dict) or outcome in codes


@pytest.mark.parametrize("depth", [63, 64, 65, 1_000, 200_000])
@pytest.mark.parametrize("noise", ["", '"[[[[{{{{"', '"\\"["'])
def test_depth_counts_brackets_but_not_those_in_texts(depth: int, noise: str) -> None:
    """64 levels pass, 65 do not, however many brackets stand in strings."""
    inner = (noise or "1") + "," + (noise or "1")
    raw = ('{"a":' + "[" * (depth - 1) + inner + "]" * (depth - 1) + "}").encode()
    if depth <= 64:
        assert "a" in parse_object(raw)
    else:
        with pytest.raises(InvalidInput) as caught:
            parse_object(raw)
        assert caught.value.code == "json_too_deep"


SHOP = "https://shop.example"


@pytest.mark.parametrize(
    "origins",
    [[SHOP], ["http://localhost:8080"], ["*"], ["https://xn--bcher-kva.example", "http://127.0.0.1:1"], [SHOP] * 50],
)
def test_a_widget_is_allowed_on_origins(origins: list[str]) -> None:
    """An origin is a scheme, a host and perhaps a port; * alone is every origin."""
    edit = check(BotEdit, {"widget": {"allowed_origins": origins}})
    assert edit.given() == {"widget": {"allowed_origins": origins}}


@pytest.mark.parametrize(
    "origin",
    [
        "",
        "shop.example",
        f"{SHOP}/",
        f"{SHOP}/page",
        f"{SHOP}:0",
        f"{SHOP}:443 https://evil.example",
        f"{SHOP};script-src *",
        f"{SHOP}\n",
        f"{SHOP}\r\nX: y",
        "HTTPS://SHOP.EXAMPLE",
        "https://*.shop.example",
        "https://bücher.example",
        "https://[::1]",
        "https://user@shop.example",
        "null",
        "'self'",
        "data:",
        "javascript:x",
        "https://" + "a" * 250,
    ],
)
def test_nothing_else_gets_into_the_policy_of_the_widgets_page(origin: str) -> None:
    """What is no origin is refused: it would stand in a header."""
    assert refusal(BotEdit, {"widget": {"allowed_origins": [origin]}}).code == "invalid_parameter"


@pytest.mark.parametrize(
    ("widget", "code"),
    [
        ({}, "missing_field"),
        ({"allowed_origins": []}, "invalid_parameter"),
        ({"allowed_origins": ["*", SHOP]}, "invalid_parameter"),
        ({"allowed_origins": [SHOP] * 51}, "invalid_parameter"),
        ({"allowed_origins": [SHOP], "color": "red"}, "invalid_parameter"),
        ({"allowed_origins": [SHOP], "lead": "maybe"}, "invalid_parameter"),
        ({"allowed_origins": [SHOP], "title": " "}, "invalid_parameter"),
        ({"allowed_origins": [SHOP], "greeting": "x" * 1001}, "invalid_parameter"),
        ({"allowed_origins": [SHOP], "suggestions": ["x"] * 5}, "invalid_parameter"),
        ({"allowed_origins": [SHOP], "messages_per_minute": 0}, "invalid_parameter"),
        ({"allowed_origins": [SHOP], "theme": "x"}, "unknown_field"),
        ([], "invalid_type"),
    ],
)
def test_what_a_widget_can_t_be_is_refused(widget: Any, code: str) -> None:
    """Each rule has its code."""
    assert refusal(BotEdit, {"widget": widget}).code == code
