"""What a request may say beside what is read: passed over where it changes nothing, refused by name where it would.

``null`` says nothing anywhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from palaver.compat.openai.errors import unsupported
from palaver.wire.base import Wire
from palaver.wire.checking import check

W = TypeVar("W", bound=Wire)

_HINTS = frozenset(
    {
        "background_options",
        "include",
        "parallel_tool_calls",
        "prediction",
        "prompt_cache_key",
        "prompt_cache_options",
        "prompt_cache_retention",
        "reasoning",
        "reasoning_effort",
        "safety_identifier",
        "service_tier",
        "user",
        "verbosity",
    }
)
"""They say how an answer is made, billed or counted, and not what it is."""

_WITHOUT_EFFECT: Mapping[str, tuple[object, ...]] = {
    "audio": (),
    "function_call": ("none", "auto"),
    "functions": ([],),
    "logit_bias": ({},),
    "logprobs": (False,),
    "max_tool_calls": (0,),
    "modalities": (["text"],),
    "moderation": (),
    "n": (1,),
    "response_format": ({"type": "text"},),
    "text": ({"format": {"type": "text"}}, {}),
    "tool_choice": ("none", "auto"),
    "tools": ([],),
    "top_logprobs": (0,),
    "truncation": ("auto", "disabled"),
    "web_search_options": (),
}
"""With one of these values a parameter asks for what is done anyway."""

_WHY: Mapping[str, str] = {
    "functions": "A bot calls no tools.",
    "n": "A message gets one answer; regenerate it for another.",
    "response_format": "A bot answers in text.",
    "text": "A bot answers in text.",
    "tools": "A bot calls no tools.",
}


def taken(kind: type[W], body: Mapping[str, Any]) -> W:
    """Return the request that a body is, with what it says beside it looked at.

    Raises:
        InvalidInput: ``param`` names what is refused.
    """
    said = {name: value for name, value in body.items() if value is not None and name not in _HINTS}
    no_tools = said.get("tool_choice") == "none" or said.get("function_call") == "none"
    for name in [name for name in said if name not in kind.model_fields]:
        of_tools = name in {"tools", "functions"}
        if _unhinted(said.pop(name)) not in _WITHOUT_EFFECT.get(name, ()) and not (of_tools and no_tools):
            raise unsupported(name, _WHY.get(name, "It would change the answer, and has no place here."))
    return check(kind, said)


def _unhinted(value: Any) -> Any:
    """Return what a parameter asks for but for the hints in it: ``text`` holds ``verbosity``, too."""
    if not isinstance(value, Mapping):
        return value
    return {name: part for name, part in value.items() if part is not None and name not in _HINTS}
