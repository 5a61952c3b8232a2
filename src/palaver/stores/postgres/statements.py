"""Named parameters for a driver that numbers them: ``:word`` becomes ``$1``, in the order of the words' first use."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

_PARAMETER = re.compile(r"(?<![:\w]):([a-z]\w*)")


class Statement(NamedTuple):
    """What the driver takes."""

    sql: str
    names: tuple[str, ...]

    def arguments(self, params: Mapping[str, Any]) -> list[Any]:
        """Return the values in the driver's order."""
        return [params[name] for name in self.names]


@lru_cache(maxsize=1024)
def statement_of(query: str) -> Statement:
    """Number the parameters of a query. A cast (``::text``) is none."""
    numbers: dict[str, int] = {}
    sql = _PARAMETER.sub(lambda match: f"${numbers.setdefault(match[1], len(numbers) + 1)}", query)
    return Statement(sql, tuple(numbers))
