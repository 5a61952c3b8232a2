"""Migrations in numbered ``.sql`` files, ``0001_what_it_brings.sql``, whose first line is ``-- min_compatible: N``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib.resources.abc import Traversable

from palaver.errors import SchemaTooNew
from palaver.stores.schema import SchemaPlan, SchemaStep

_NAME = re.compile(r"(\d{4})_(\w+)\.sql")
_MIN_COMPATIBLE = re.compile(r"-- min_compatible: (\d+)\n")


def load_steps(folder: Traversable) -> Sequence[SchemaStep]:
    """Return the steps of a folder, in order.

    Raises:
        ValueError: A file does not begin with its ``min_compatible``.
    """
    found = [(match, file) for file in folder.iterdir() if (match := _NAME.fullmatch(file.name))]
    steps = [_step(int(match[1]), match[2], file.read_text(encoding="utf-8")) for match, file in found]
    return tuple(sorted(steps, key=lambda step: step.version))


def _step(version: int, name: str, script: str) -> SchemaStep:
    match = _MIN_COMPATIBLE.match(script)
    if match is None:
        raise ValueError(f"{name} does not begin with its min_compatible")
    return SchemaStep(version=version, min_compatible=int(match[1]), name=name.replace("_", " "), script=script)


def plan_of(version: int, min_compatible: int, known: Sequence[SchemaStep]) -> SchemaPlan:
    """Return what a store at a version lacks.

    Raises:
        SchemaTooNew: A newer program wrote it, and says that this one can't use it.
    """
    newest = known[-1].version
    if min_compatible > newest:
        raise SchemaTooNew(
            f"This store needs a Palaver that knows schema {min_compatible}; this one knows {newest}: upgrade it."
        )
    missing = tuple(step for step in known if step.version > version)
    return SchemaPlan(version=version, newest=newest, missing=missing)
