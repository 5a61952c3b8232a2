"""Errors as FastAPI words them: ``{"detail": …}``, a text, or a list of what is wrong with which field of the body."""

from __future__ import annotations

from typing import Any

from palaver.errors import PalaverError


def detail_of(error: PalaverError) -> Any:
    """Return what is said of an error."""
    wrong = error.details.get("errors")
    if not wrong:
        return error.message
    return [{"type": each["code"], "loc": ["body", *each["path"].split(".")], "msg": each["message"]} for each in wrong]
