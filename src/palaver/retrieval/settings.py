"""How a bot finds: the value behind its ``retrieval`` field."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from palaver.embeddings.base import EmbeddingCatalog
from palaver.errors import InvalidInput
from palaver.text import check_unicode

K_MAX = 50
VECTOR_WEIGHT_MIN = 0.7
NAME_CHARACTERS = 200
WHERE_KEYS = 20
WHERE_CHARACTERS = 1_000
NO_EMBEDDING = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class RetrievalSettings:
    """What is looked for in a bot's documents, and how.

    Attributes:
        enabled: Whether its answers rest on documents at all.
        k: How many chunks an answer gets, 1–50.
        embedding: By which name texts are embedded; None: the process's default, ``none``: words alone.
        vector_weight: What the vector side weighs against the words, 0.7–1.
        where: Only documents whose metadata has these texts at its top level.
        reranker: The name of one that was given in process; None: the order stays the index's.
    """

    enabled: bool = True
    k: int = 6
    embedding: str | None = None
    vector_weight: float = VECTOR_WEIGHT_MIN
    where: Mapping[str, str] = field(default_factory=dict)
    reranker: str | None = None

    def wanted_embedding(self, embeddings: EmbeddingCatalog) -> str | None:
        """Return the name by which this bot's texts are to be embedded; None: words alone."""
        if self.embedding is None:
            return embeddings.default_name()
        return None if self.embedding == NO_EMBEDDING else self.embedding


def retrieval_settings(given: Mapping[str, Any]) -> RetrievalSettings:
    """Return the settings that a ``retrieval`` object stands for; what is missing is the default.

    Raises:
        InvalidInput: ``unknown_field``, ``invalid_type`` or ``invalid_parameter``; ``path`` says where.
    """
    unknown = given.keys() - _CHECKS.keys()
    if unknown:
        raise _refused(min(map(str, unknown)), "is no setting of retrieval", code="unknown_field")
    return RetrievalSettings(**{name: _CHECKS[name](name, value) for name, value in given.items()})


def _flag(name: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise _refused(name, "is true or false", code="invalid_type")
    return value


def _count(name: str, value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise _refused(name, "is a whole number", code="invalid_type")
    if not 1 <= value <= K_MAX:
        raise _refused(name, f"is 1 to {K_MAX}")
    return value


def _weight(name: str, value: object) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise _refused(name, "is a number", code="invalid_type")
    if not VECTOR_WEIGHT_MIN <= value <= 1:  # NaN is in no range
        raise _refused(name, f"is {VECTOR_WEIGHT_MIN} to 1")
    return float(value)


def _name(name: str, value: object) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str):
        raise _refused(name, "is a name or null", code="invalid_type")
    if not (0 < len(value) <= NAME_CHARACTERS and value.isascii() and value.isprintable() and value == value.strip()):
        raise _refused(name, f"is 1 to {NAME_CHARACTERS} printable ASCII characters")
    return value


def _where(name: str, value: object) -> Mapping[str, str]:
    if not isinstance(value, Mapping):
        raise _refused(name, "is an object of texts", code="invalid_type")
    if len(value) > WHERE_KEYS:
        raise _refused(name, f"holds at most {WHERE_KEYS} names")
    for each in (*value.keys(), *value.values()):
        if not isinstance(each, str):
            raise _refused(name, "is an object of texts", code="invalid_type")
        if len(check_unicode(each, f"retrieval.{name}")) > WHERE_CHARACTERS:
            raise _refused(name, f"holds texts of at most {WHERE_CHARACTERS:,} characters")
    return dict(value)


_CHECKS: Mapping[str, Callable[[str, object], Any]] = {
    "enabled": _flag,
    "k": _count,
    "embedding": _name,
    "vector_weight": _weight,
    "where": _where,
    "reranker": _name,
}


def _refused(name: str, rule: str, *, code: str = "invalid_parameter") -> InvalidInput:
    path = f"retrieval.{name[:NAME_CHARACTERS]}".encode("ascii", "backslashreplace").decode()
    return InvalidInput(f"{path} {rule}.", code=code, path=path)
