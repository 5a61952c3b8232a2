"""What every model of a request has in common, and the kinds of field that several nouns share.

A field refuses with a code of the contract (section 4): its validator raises ``PydanticCustomError`` whose type is the
code. ``checking.check`` collects them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from enum import StrEnum
from functools import partial
from typing import Annotated, Any, ClassVar, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from palaver import text
from palaver.clock import parse_rfc3339
from palaver.errors import InvalidInput
from palaver.metadata import METADATA_BYTES, check_size

DEPTH_MAX = 64
INSTRUCTIONS_CODE_POINTS = 100_000
PARAGRAPH_CODE_POINTS = 1_000
FEEDBACK_CODE_POINTS = 10_000
EXTERNAL_ID_CODE_POINTS = 255
LABELS = 16
LABEL_KEY_CODE_POINTS = 64
LABEL_CODE_POINTS = 512
QUERY_CODE_POINTS = 1_000
URL_CODE_POINTS = 2_000
KEY_PATTERN = "^[!-~]{1,255}$"

E = TypeVar("E", bound=StrEnum)
_URL = re.compile(r"https?://[!-~\u00a1-\U0010ffff]+\Z", re.IGNORECASE)
_KEY = re.compile(KEY_PATTERN[:-1] + r"\Z")


class Wire(BaseModel):
    """A request: strict, closed, frozen. ``model_fields_set`` tells which fields were given.

    ``CODES`` names the code of whatever is wrong with a field where that is not told by the error itself; ``UNKNOWN``
    is the code of a field that does not exist.
    """

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    CODES: ClassVar[Mapping[str, str]] = {}
    UNKNOWN: ClassVar[str] = "unknown_field"

    def given(self) -> dict[str, Any]:
        """The fields that the caller gave, as plain values."""
        return self.model_dump(exclude_unset=True)


class Empty(Wire):
    """A request that says nothing: its body is ``{}``, or there is none."""


def refused(code: str, message: str) -> PydanticCustomError:
    """The error of a field; pydantic's template syntax in ``message`` is defused."""
    # The code is one of the contract's; the type asks for a literal in the source.
    return PydanticCustomError(code, "{message}", {"message": message})  # pyright: ignore[reportArgumentType]


def _text_rule(check: Callable[[str], str]) -> AfterValidator:
    def checked(value: str) -> str:
        try:
            return check(value)
        except InvalidInput as error:
            raise refused(error.code, error.message) from None

    return AfterValidator(checked)


def _said(**schema: str | int) -> Any:
    """What a text rule means, for the JSON Schema: pydantic can't read it from the rule."""
    return Field(json_schema_extra=dict(schema))


def _bounded(limit: int, code: str = "invalid_parameter") -> Callable[[str], str]:
    def checked(value: str) -> str:
        if len(value) > limit:
            raise InvalidInput(f"At most {limit:,} characters.", code=code)
        return text.check_unicode(value)

    return checked


def _url(value: str) -> str:
    if len(value) > URL_CODE_POINTS or _URL.match(value) is None:
        raise InvalidInput("A URL begins with http:// or https:// and has no blanks.", code="invalid_parameter")
    return value


def _key(value: str) -> str:
    if _KEY.match(value) is None:
        raise InvalidInput("1 to 255 printable ASCII characters, no spaces.", code="invalid_parameter")
    return value


def _choose(kind: type[E], code: str, value: object) -> E:
    if not isinstance(value, str):
        raise refused("invalid_type", "This is a string.")
    try:
        return kind(value)
    except ValueError:
        raise refused(code, f"One of: {', '.join(kind)}.") from None


def choice(kind: type[E], code: str = "invalid_parameter") -> BeforeValidator:
    """Takes the enum's value as a string; anything else is refused with ``code``."""
    return BeforeValidator(partial(_choose, kind, code))


def _time(value: object) -> datetime:
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise refused("invalid_filter", "A time needs an offset.")
        return value
    if not isinstance(value, str):
        raise refused("invalid_filter", "A time is an RFC 3339 string.")
    try:
        return parse_rfc3339(value)
    except (ValueError, OverflowError):
        raise refused("invalid_filter", "A time looks like 2026-01-31T12:00:00Z.") from None


def _leaves(value: object, depth: int) -> Iterator[tuple[object, int]]:
    if depth > DEPTH_MAX:
        raise refused("json_too_deep", f"Nested deeper than {DEPTH_MAX}.")
    if isinstance(value, Mapping):
        for key, item in value.items():
            if not isinstance(key, str):
                raise refused("invalid_type", "The keys of an object are strings.")
            yield key, depth
            yield item, depth + 1
    elif isinstance(value, list | tuple):
        for item in value:
            yield item, depth + 1
    elif not (value is None or isinstance(value, str | int | float)):
        raise refused("invalid_type", "JSON values only.")


def _check_strings(value: object) -> int:
    """Check the depth and all strings of a JSON value without recursion; return how many things it holds."""
    todo: list[tuple[object, int]] = [(value, 1)]
    count = 0
    while todo:
        item, depth = todo.pop()
        count += 1
        if isinstance(item, str):
            try:
                text.check_unicode(item)
            except InvalidInput as error:
                raise refused(error.code, error.message) from None
        else:
            todo.extend(_leaves(item, depth))
        if count > METADATA_BYTES:
            raise refused("metadata_too_large", f"At most {METADATA_BYTES:,} bytes.")
    return count


def _plain(value: object) -> dict[str, Any]:
    """Check a JSON object: its depth first, since everything after may recurse."""
    if not isinstance(value, Mapping):
        raise refused("invalid_type", "This is an object.")
    _check_strings(value)
    try:
        encoded = json.dumps(dict(value), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    except ValueError:
        raise refused("invalid_number", "This number has no place in JSON.") from None
    try:
        check_size(encoded, value)
    except InvalidInput as error:
        raise refused(error.code, error.message) from None
    plain: dict[str, Any] = json.loads(encoded)
    return plain


def _few(value: dict[str, str]) -> dict[str, str]:
    if len(value) > LABELS:
        raise refused("metadata_too_large", f"At most {LABELS} names.")
    return value


Metadata = Annotated[dict[str, Any], BeforeValidator(_plain)]
"""A JSON object of at most 64 KB and 1,000 keys. Keys mean nothing to us: ``__class__`` is data."""

_LabelKey = Annotated[
    str, _text_rule(_bounded(LABEL_KEY_CODE_POINTS, "metadata_too_large")), _said(maxLength=LABEL_KEY_CODE_POINTS)
]
_LabelText = Annotated[
    str, _text_rule(_bounded(LABEL_CODE_POINTS, "metadata_too_large")), _said(maxLength=LABEL_CODE_POINTS)
]
Labels = Annotated[dict[_LabelKey, _LabelText], AfterValidator(_few), _said(maxProperties=LABELS)]
"""Texts by name, few and short enough to be told with every event: 16 at most."""

MessageText = Annotated[
    str,
    _text_rule(text.check_message_text),
    _said(format="palaver-message", minLength=1, maxLength=text.MESSAGE_CODE_POINTS),
]
Name = Annotated[
    str, _text_rule(text.check_name), _said(format="palaver-name", minLength=1, maxLength=text.NAME_CODE_POINTS)
]
ExternalId = Annotated[
    str,
    _text_rule(partial(text.check_name, path="external_id", limit=EXTERNAL_ID_CODE_POINTS)),
    _said(format="palaver-name", minLength=1, maxLength=EXTERNAL_ID_CODE_POINTS),
]
Instructions = Annotated[str, _text_rule(_bounded(INSTRUCTIONS_CODE_POINTS)), _said(maxLength=INSTRUCTIONS_CODE_POINTS)]
Paragraph = Annotated[str, _text_rule(_bounded(PARAGRAPH_CODE_POINTS)), _said(maxLength=PARAGRAPH_CODE_POINTS)]
Feedback = Annotated[str, _text_rule(_bounded(FEEDBACK_CODE_POINTS)), _said(maxLength=FEEDBACK_CODE_POINTS)]
SearchText = Annotated[
    str, _text_rule(_bounded(QUERY_CODE_POINTS, "query_too_long")), _said(maxLength=QUERY_CODE_POINTS)
]
DocumentText = Annotated[
    str,
    _text_rule(text.check_document_text),
    _said(format="palaver-message", minLength=1, maxLength=text.DOCUMENT_CODE_POINTS),
]
Url = Annotated[str, _text_rule(_url), _said(format="palaver-url", pattern="^https?://", maxLength=URL_CODE_POINTS)]
"""Where a page is. Whether it may be fetched is the fetcher's to say."""
MediaType = Annotated[str, Field(pattern=r"^[!#$&^_.+A-Za-z0-9-]+/[!#$&^_.+A-Za-z0-9-]+$", max_length=100)]
AnyId = Annotated[str, _text_rule(_bounded(METADATA_BYTES))]
"""An id in a body: one that is malformed is not found, like one that is unknown."""
StopText = Annotated[str, _text_rule(_bounded(100)), Field(min_length=1)]
ClientKey = Annotated[str, _text_rule(_key), _said(pattern=KEY_PATTERN)]
FilterKey = Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f\"'`\\]{1,200}$")]
FilterValue = Annotated[
    str, _text_rule(_bounded(EXTERNAL_ID_CODE_POINTS, "invalid_filter")), _said(maxLength=EXTERNAL_ID_CODE_POINTS)
]
Where = Annotated[dict[FilterKey, FilterValue], Field(max_length=20, json_schema_extra={"additionalProperties": False})]
"""Top-level values of metadata, as texts, that must be equal."""
Time = Annotated[datetime, BeforeValidator(_time)]
Rating = Annotated[int, Field(ge=1, le=5)]
