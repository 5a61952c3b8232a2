"""Which part of a list is asked for, as this client says it."""

from __future__ import annotations

from typing import Any

from palaver.compat.openai.errors import wrong
from palaver.serving import Caller

LIMIT = 20
LIMIT_MAX = 100


def page_asked(caller: Caller, *, order: str = "desc") -> dict[str, Any]:
    """Return ``limit`` (1 to 100, 20), ``order`` and ``after`` (None where it is not given)."""
    said = caller.request.query_params
    limit = said.get("limit", str(LIMIT))
    if not (limit.isascii() and limit.isdigit() and len(limit) < 4 and 1 <= int(limit) <= LIMIT_MAX):
        raise wrong("limit", f"limit is 1 to {LIMIT_MAX}.")
    order = said.get("order", order)
    if order not in {"asc", "desc"}:
        raise wrong("order", "order is asc or desc.")
    return {"limit": int(limit), "order": order, "after": said.get("after")}


def number_asked(caller: Caller, name: str) -> int | None:
    """Return a whole number from the query, if it is there."""
    text = caller.request.query_params.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 16):
        raise wrong(name, f"{name} is a whole number.")
    return int(text)
