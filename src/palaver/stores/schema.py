"""The schema of a store: which version it has, which steps it lacks, and how they are taken."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemaStep:
    """One migration. ``script`` is what it runs, for a person to read; ``min_compatible`` the oldest schema version that a
    program must know to use a store which has it."""

    version: int
    min_compatible: int
    name: str
    script: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemaPlan:
    """``version`` is that of the store (0: it is empty), ``newest`` the one this program knows, ``missing`` what lies between."""

    version: int
    newest: int
    missing: Sequence[SchemaStep] = ()


class Schema(Protocol):
    """The schema of one store, which need not be open. ``stores.open.schema_for`` returns it."""

    async def plan(self) -> SchemaPlan:
        """Look, and change nothing.

        Raises:
            SchemaTooNew: A newer program wrote the store, and says that this one can't use it.
            StoreRefused, StoreUnavailable: It is no store of ours, or does not answer.
        """
        ...

    async def apply(self, taken: Callable[[SchemaStep], None] | None = None) -> SchemaPlan:
        """Take the missing steps, each in one transaction with the version it leads to; ``taken`` is told of each.

        Two processes may do it at once, and one that was cut can be run again. Servers of the version before go on.
        """
        ...
