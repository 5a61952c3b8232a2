"""Rules about text: what may be stored, what counts as empty, what is data and what is a name."""

from __future__ import annotations

import re
import unicodedata

from palaver.errors import InvalidInput

MESSAGE_CODE_POINTS = 200_000
MESSAGE_BYTES = 1_000_000
DOCUMENT_CODE_POINTS = 1_000_000
NAME_CODE_POINTS = 200

_SURROGATE = re.compile("[\ud800-\udfff]")
_UNNAMEABLE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_INVISIBLE = frozenset({"Cc", "Cf", "Zs", "Zl", "Zp"})
_INVISIBLE_EXTRA = frozenset("\u115f\u1160\u2800\u3164\uffa0\ufe0f\ufe0e\u034f\u180b\u180c\u180d")


def check_unicode(value: str, path: str = "") -> str:
    """Return ``value``, or say why it can't be stored on every store.

    Raises:
        InvalidInput: ``invalid_character`` for NUL, ``invalid_unicode`` for a lone surrogate.
    """
    if "\x00" in value:
        raise InvalidInput("NUL can't be stored in text.", code="invalid_character", path=path)
    if _SURROGATE.search(value):
        raise InvalidInput("A lone surrogate is not Unicode text.", code="invalid_unicode", path=path)
    return value


def is_blank(value: str) -> bool:
    """Whether nothing in ``value`` would be seen: empty, blanks, controls or zero-width characters only."""
    if value and value[0].isalnum() and value[0] not in _INVISIBLE_EXTRA:
        return False
    return all(unicodedata.category(char) in _INVISIBLE or char in _INVISIBLE_EXTRA for char in value)


def check_message_text(value: str) -> str:
    """Return the text of a message unchanged, or refuse it.

    Control characters and bidi overrides are kept: text in is text out.

    Raises:
        InvalidInput: ``empty_message``, ``message_too_long`` (over 200,000 code points or 1 MB of UTF-8),
            ``invalid_character`` or ``invalid_unicode``.
    """
    if len(value) > MESSAGE_CODE_POINTS:
        raise InvalidInput(f"A message holds at most {MESSAGE_CODE_POINTS:,} characters.", code="message_too_long")
    check_unicode(value, "text")
    if len(value) * 4 > MESSAGE_BYTES and len(value.encode()) > MESSAGE_BYTES:
        raise InvalidInput(f"A message holds at most {MESSAGE_BYTES:,} bytes of UTF-8.", code="message_too_long")
    if is_blank(value):
        raise InvalidInput("A message needs text that can be seen.", code="empty_message")
    return value


def check_document_text(value: str) -> str:
    """Return the text of a document unchanged, or refuse it. A longer one comes as a file.

    Raises:
        InvalidInput: ``empty_message``, ``file_too_large`` (over 1,000,000 code points), ``invalid_character`` or
            ``invalid_unicode``.
    """
    if len(value) > DOCUMENT_CODE_POINTS:
        raise InvalidInput(f"At most {DOCUMENT_CODE_POINTS:,} characters; send more as a file.", code="file_too_large")
    check_unicode(value, "text")
    if is_blank(value):
        raise InvalidInput("A document needs text that can be seen.", code="empty_message")
    return value


def as_name(value: str, fallback: str) -> str:
    """Return what somebody else calls a thing as a name that we may keep: on one line, with nothing unseen, cut to its limit."""
    shown = " ".join(_UNNAMEABLE.sub(" ", _SURROGATE.sub("\ufffd", value)).split())[:NAME_CODE_POINTS].rstrip()
    return fallback if is_blank(shown) else shown


def check_name(value: str, path: str = "name", *, limit: int = NAME_CODE_POINTS) -> str:
    """Return a name or title, or refuse it: no controls, no line breaks, no bidi overrides, not blank.

    Raises:
        InvalidInput: ``invalid_character``, ``invalid_unicode`` or ``invalid_parameter`` (blank or too long).
    """
    check_unicode(value, path)
    if _UNNAMEABLE.search(value):
        raise InvalidInput(f"{path} holds a control character.", code="invalid_character", path=path)
    if is_blank(value) or len(value) > limit:
        raise InvalidInput(f"{path} needs 1 to {limit} visible characters.", code="invalid_parameter", path=path)
    return value


def paragraphs(*texts: str) -> str:
    """Return texts one below the other, with a blank line between; empty ones are left out."""
    return "\n\n".join(filter(None, texts))


def from_model(value: str) -> str:
    """Return text of a model fit to be stored: NUL and lone surrogates become U+FFFD."""
    return _SURROGATE.sub("\ufffd", value.replace("\x00", "\ufffd"))
