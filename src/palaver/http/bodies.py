"""Reading a request's body: never more than the limit, and JSON of the strict kind only; a form where one is taken.

Python's parser alone is no judge of input: it raises RecursionError on deep nesting and takes ``NaN``, ``1e400`` and
duplicate keys without a word.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import ClientDisconnect, Request

from palaver.errors import BodyTooLarge, InvalidInput

DEPTH_MAX = 64
DIGITS_MAX = 300
BODY_SECONDS = 60.0
FORM_FIELDS_MAX = 100
_IN_A_THREAD_BYTES = 100_000

_MEDIA_TYPE = re.compile(r"\s*([!#$&^_.+a-z0-9-]+/[!#$&^_.+a-z0-9-]+)\s*(?:;(.*))?\Z", re.IGNORECASE | re.DOTALL)
_CHARSET = re.compile(r'\bcharset\s*=\s*"?([^\s";]+)', re.IGNORECASE)
# One token a match, and a string that is never closed is one token to the end: the scan stays linear.
_TOKEN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)|[\[{]|[\]}]', re.DOTALL)


def _too_large(limit: int) -> BodyTooLarge:
    return BodyTooLarge(f"A request body holds at most {limit:,} bytes.", limit_bytes=limit)


async def read_body(request: Request, limit: int) -> bytes:
    """Return the whole body.

    Raises:
        BodyTooLarge: It is, or says that it is, longer than ``limit`` bytes; reading stops there.
        InvalidInput: ``request_timeout``: it did not arrive within a minute.
        ClientDisconnect: The client left before its end.
    """
    said = request.headers.get("content-length", "")
    if said.isascii() and said.isdigit() and (len(said) > 15 or int(said) > limit):
        raise _too_large(limit)
    try:
        async with asyncio.timeout(BODY_SECONDS):
            return await _receive(request, limit)
    except TimeoutError:
        raise InvalidInput("The body did not arrive in time.", code="request_timeout") from None


async def _receive(request: Request, limit: int) -> bytes:
    pieces: list[bytes] = []
    size = 0
    while True:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        piece = message.get("body", b"")
        size += len(piece)
        if size > limit:
            raise _too_large(limit)
        pieces.append(piece)
        if not message.get("more_body", False):
            return b"".join(pieces)


def check_json_type(header: str | None) -> None:
    """Accept ``application/json``, in UTF-8.

    Raises:
        InvalidInput: ``unsupported_media_type``.
    """
    found = _MEDIA_TYPE.match(header or "")
    charset = _CHARSET.search(found[2] or "") if found else None
    named = charset[1].lower() if charset else "utf-8"
    if found is None or found[1].lower() != "application/json" or named not in {"utf-8", "utf8"}:
        raise InvalidInput("Content-Type is application/json, in UTF-8.", code="unsupported_media_type")


def is_form(header: str | None) -> bool:
    """Whether a ``Content-Type`` says ``application/x-www-form-urlencoded``."""
    found = _MEDIA_TYPE.match(header or "")
    return found is not None and found[1].lower() == "application/x-www-form-urlencoded"


def parse_form(raw: bytes) -> Mapping[str, str]:
    """Return the fields of a form: names and texts, in UTF-8, each name once.

    Raises:
        InvalidInput: ``invalid_encoding``, ``invalid_body`` (no form, or more than 100 fields), ``duplicate_key``.
    """
    try:
        pairs = parse_qsl(
            raw.decode(), keep_blank_values=True, strict_parsing=True, errors="strict", max_num_fields=FORM_FIELDS_MAX
        )
    except UnicodeDecodeError:
        raise InvalidInput("A form is UTF-8.", code="invalid_encoding") from None
    except ValueError:
        raise InvalidInput(
            "This is no form; JSON has the Content-Type application/json.", code="invalid_body"
        ) from None
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise InvalidInput("A form has the same field twice.", code="duplicate_key")
    return fields


async def read_json(request: Request, limit: int, *, optional: bool = False) -> Mapping[str, Any]:
    """Return the JSON object that the body is; ``optional``: an empty body is an empty object.

    Raises:
        InvalidInput: ``unsupported_media_type``, ``invalid_body`` (empty, or no object), ``invalid_encoding``,
            ``invalid_json``, ``invalid_number``, ``duplicate_key``, ``json_too_deep``, and those of ``read_body``.
    """
    raw = await read_body(request, limit)
    if optional and not raw.strip():
        return {}
    if raw.strip():
        check_json_type(request.headers.get("content-type"))
    if len(raw) > _IN_A_THREAD_BYTES:
        return await asyncio.to_thread(parse_object, raw)
    return parse_object(raw)


def parse_object(raw: bytes) -> Mapping[str, Any]:
    """Return the one JSON object that ``raw`` is. Raises what ``read_json`` does."""
    text = _decoded(raw)
    if not text.strip():
        raise InvalidInput("A body is needed here: a JSON object.", code="invalid_body")
    _check_depth(raw)
    try:
        parsed = json.loads(
            text,
            object_pairs_hook=_object,
            parse_constant=_constant,
            parse_float=_float,
            parse_int=_int,
        )
    except json.JSONDecodeError as error:
        raise InvalidInput(f"This is no JSON: {error.msg} at {error.pos}.", code="invalid_json") from None
    if not isinstance(parsed, dict):
        raise InvalidInput("The body is a JSON object.", code="invalid_body")
    return parsed


def _decoded(raw: bytes) -> str:
    try:
        if json.detect_encoding(raw) != "utf-8":
            raise InvalidInput("JSON is UTF-8 without a byte order mark.", code="invalid_encoding")
        return raw.decode()
    except UnicodeDecodeError as error:
        raise InvalidInput(f"Byte {error.start} is no UTF-8.", code="invalid_encoding") from None


def _check_depth(raw: bytes) -> None:
    if raw.count(b"[") + raw.count(b"{") <= DEPTH_MAX:
        return
    depth = 0
    for token in _TOKEN.finditer(raw):
        match raw[token.start()]:
            case 0x5B | 0x7B:
                depth += 1
                if depth > DEPTH_MAX:
                    raise InvalidInput(f"JSON nested deeper than {DEPTH_MAX}.", code="json_too_deep")
            case 0x5D | 0x7D:
                depth -= 1


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise InvalidInput("An object has the same key twice.", code="duplicate_key")
    return made


def _constant(name: str) -> float:
    raise InvalidInput(f"{name} is no JSON number.", code="invalid_number")


def _float(digits: str) -> float:
    number = float(digits)
    if number in (float("inf"), float("-inf")) or len(digits) > DIGITS_MAX:
        raise InvalidInput("A number is too large.", code="invalid_number")
    return number


def _int(digits: str) -> int:
    if len(digits) > DIGITS_MAX:
        raise InvalidInput(f"An integer has more than {DIGITS_MAX} digits.", code="invalid_number")
    return int(digits)
