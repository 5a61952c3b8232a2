"""The header ``Idempotency-Key``: a quoted structured-field string, or bare."""

from __future__ import annotations

import re

from starlette.requests import Request

from palaver.errors import InvalidInput
from palaver.once import check_key

_ESCAPED = re.compile(r'\\(["\\])')
_QUOTED = re.compile(r'"((?:[ !#-\[\]-~]|\\["\\])*)"\Z')


def read_key(request: Request) -> str | None:
    """Return the request's idempotency key, without its quotes; None where there is none.

    Raises:
        InvalidInput: ``invalid_idempotency_key``.
    """
    given = request.headers.getlist("idempotency-key")
    if not given:
        return None
    value = given[0].strip(" \t")
    if len(given) > 1:
        raise InvalidInput("Idempotency-Key is given twice.", code="invalid_idempotency_key")
    if not value.startswith('"'):
        return check_key(value)
    quoted = _QUOTED.match(value)  # RFC 8941, section 3.3.3
    return check_key(_ESCAPED.sub(r"\1", quoted[1]) if quoted else "")
