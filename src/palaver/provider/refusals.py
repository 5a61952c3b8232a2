"""What a model's server refused, or broke: from its status and body to a ``ModelError``. Pure.

The sentences are ours. What the provider wrote goes along as ``provider_text`` for the log, cut to 2,000 characters.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from palaver.conversation import InterruptReason
from palaver.errors import ModelError

PROVIDER_TEXT_CHARACTERS = 2_000

# "context_length_exceeded" (OpenAI, Groq), "exceed_context_size_error" (llama.cpp), "maximum context length" (vLLM) …
_TOO_LONG = re.compile(
    r"context.{0,20}(length|size|window)|prompt.{0,20}too (long|large)|too many (input |prompt )?tokens|"
    r"reduce the length of the (messages|prompt)",
    re.IGNORECASE,
)
_NO_QUOTA = re.compile(
    r"insufficient[_ ](quota|funds|balance|credits?)|exceeded your current quota|billing", re.IGNORECASE
)
_NO_MODEL = re.compile(r"model_(not_found|decommissioned)")  # Groq says the second with a 400
_SENTENCES: Mapping[str, str] = {
    "provider_auth": "The model's server does not accept the configured API key.",
    "provider_denied": "The model's server does not allow the configured API key to do this.",
    "model_not_found": "The model's server has no model of that name.",
    "context_too_long": "The conversation is longer than the model can take.",
    "provider_rejected": "The model's server refused the request.",
    "provider_rate_limited": "The model's server has too much to do, or the quota is used up.",
    "provider_error": "The model's server failed.",
    "provider_protocol": "What the model's server sent is no chat completion.",
    "provider_unreachable": "The model's server can't be reached.",
    "limit": "What the model's server sent is over the limit.",
}


def refusal(code: str, provider_text: str = "", *, retryable: bool = False, **details: Any) -> ModelError:
    """Return the error of this code with our sentence for it."""
    text = provider_text[:PROVIDER_TEXT_CHARACTERS]
    return ModelError(_SENTENCES[code], code=code, retryable=retryable, provider_text=text, **details)


def over_limit(provider_text: str) -> ModelError:
    """Return the error of a server that sent more than anyone should hold; the text so far is kept."""
    code = InterruptReason.LIMIT.value
    return ModelError(_SENTENCES[code], code=code, interrupts=True, provider_text=provider_text)


def refused(status: int, body: str, retry_after: str | None = None, *, now: datetime | None = None) -> ModelError:
    """Return the error of an answer that is no 2xx.

    Args:
        status: The HTTP status.
        body: Its first kilobytes, as text.
        retry_after: The header as it was sent, seconds or a date.
        now: For a date in ``retry_after``; the machine's clock when omitted.
    """
    code = _code(status, body)
    retryable = status == 429 or status >= 500
    if code == "provider_rate_limited" and _NO_QUOTA.search(body):
        retryable = False
    seconds = _seconds(retry_after, now or datetime.now(UTC)) if retryable else None
    details = {} if seconds is None else {"retry_after_seconds": seconds}
    return refusal(code, f"{status} {body}", retryable=retryable, **details)


def foreign_failure(error: Exception) -> ModelError:
    """Return the error of somebody else's code that raised: by the provider's status where it has one."""
    text = f"{type(error).__name__}: {error}"
    status = getattr(error, "status_code", None)
    if isinstance(status, int) and 400 <= status <= 599:
        return refused(status, text)
    return refusal("provider_error", text)


def refused_in_stream(error: object) -> ModelError:
    """Return the error of an error object where the first chunk of an answer was due.

    Its ``code`` may be the HTTP status, as a number or in digits, or a word; without a status it is the server's fault.
    """
    body = json.dumps(error)
    fields: Mapping[str, Any] = error if isinstance(error, dict) else {}
    for word in (fields.get("code"), fields.get("status"), fields.get("type")):
        status = _status(word)
        if status is not None:
            return refused(status, body)
    return refused(400 if _TOO_LONG.search(body) else 500, body)


def _status(word: object) -> int | None:
    if isinstance(word, str):
        if "rate_limit" in word or "quota" in word:
            return 429
        word = int(word) if len(word) == 3 and word.isdecimal() else None
    if isinstance(word, int) and 400 <= word <= 599:
        return word
    return None


def _code(status: int, body: str) -> str:
    match status:
        case 401:
            return "provider_auth"
        case 403:
            return "provider_denied"
        case 429:
            return "provider_rate_limited"
        case 413:
            return "context_too_long"
        case _ if 400 <= status < 500 and _TOO_LONG.search(body):
            return "context_too_long"
        case _ if status == 404 or (status == 400 and _NO_MODEL.search(body)):
            return "model_not_found"
        case _ if 400 <= status < 500:
            return "provider_rejected"
        case _ if status >= 500:
            return "provider_error"
        case _:
            return "provider_protocol"


def _seconds(retry_after: str | None, now: datetime) -> int | None:
    if retry_after is None:
        return None
    try:
        return max(0, math.ceil(min(float(retry_after), 1e9)))
    except ValueError:
        pass
    try:
        when = parsedate_to_datetime(retry_after)
    except ValueError:
        return None
    return max(0, math.ceil((when.replace(tzinfo=when.tzinfo or UTC) - now).total_seconds()))
