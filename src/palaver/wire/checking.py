"""From pydantic's errors to ours: one problem with the contract's code, and a list of everything that is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from palaver.errors import InvalidInput
from palaver.wire.base import Wire

W = TypeVar("W", bound=Wire)

_OURS = frozenset(
    {
        "empty_message",
        "file_too_large",
        "invalid_character",
        "invalid_file",
        "invalid_filter",
        "invalid_idempotency_key",
        "invalid_number",
        "invalid_page",
        "invalid_parameter",
        "invalid_parent",
        "invalid_role",
        "invalid_type",
        "invalid_unicode",
        "json_too_deep",
        "message_too_long",
        "metadata_too_large",
        "missing_field",
        "query_too_long",
        "unknown_field",
        "too_many_attachments",
    }
)
_ERRORS_MAX = 20
_PATH_MAX = 200


def _is_type_error(kind: str) -> bool:
    return kind.endswith("_type") or kind in {"int_from_float", "is_instance_of", "model_attributes_type"}


def _code(kind: type[Wire], error: ErrorDetails) -> str:
    found = error["type"]
    field = str(error["loc"][0]) if error["loc"] else ""
    if found in _OURS:
        return found
    if found == "extra_forbidden":
        return kind.UNKNOWN if len(error["loc"]) == 1 else "unknown_field"
    if field in kind.CODES and found != "missing":
        return kind.CODES[field]
    if found == "missing":
        return "empty_message" if error["loc"][-1] == "text" else "missing_field"
    if found == "string_unicode":
        return "invalid_unicode"
    return "invalid_type" if _is_type_error(found) else "invalid_parameter"


def _path(error: ErrorDetails) -> str:
    return ".".join(str(step) for step in error["loc"])[:_PATH_MAX].encode("ascii", "backslashreplace").decode()


def refusal(kind: type[Wire], errors: list[ErrorDetails]) -> InvalidInput:
    """Return the error of a request whose fields these errors are about; the first one's code is the problem's."""
    listed = [{"path": _path(each), "code": _code(kind, each), "message": each["msg"]} for each in errors[:_ERRORS_MAX]]
    first = listed[0]
    where = f"{first['path']}: " if first["path"] else ""
    return InvalidInput(where + first["message"], code=first["code"], errors=listed)


def check(kind: type[W], fields: Mapping[str, Any]) -> W:
    """Return the request that ``fields`` are.

    Raises:
        InvalidInput: With the code of the first thing that is wrong, and ``details['errors']`` with all of them:
            ``{path, code, message}`` each, at most 20.
    """
    try:
        return kind.model_validate(dict(fields))
    except ValidationError as error:
        raise refusal(kind, error.errors(include_url=False, include_context=False, include_input=False)) from None
