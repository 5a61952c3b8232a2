"""``palaver migrate``: bring a store to the schema of this version, or say what that would do."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from palaver.cli.show import clean, emit
from palaver.cli.target import JsonOption, StoreOption
from palaver.config import Settings
from palaver.stores.open import schema_for
from palaver.stores.schema import Schema, SchemaPlan, SchemaStep

EPILOG = """Examples:

palaver migrate --plan

palaver migrate --store sqlite:////var/lib/palaver.db
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Migration:
    """The plan that was found, and whether its steps were ``taken`` or only looked at."""

    plan: SchemaPlan
    taken: bool

    def plain(self) -> Any:
        """As JSON shapes."""
        steps = [
            {"version": step.version, "name": step.name, "min_compatible": step.min_compatible, "script": step.script}
            for step in self.plan.missing
        ]
        return {"version": self.plan.version, "newest": self.plan.newest, "steps": steps, "taken": self.taken}

    def show(self, console: Console) -> None:
        """For a person."""
        if not self.taken:
            for step in self.plan.missing:
                console.print(Text(f"-- {_heading(step)}\n{clean(step.script)}"), soft_wrap=True)
        console.print(Text(self._sentence()), soft_wrap=True)

    def _sentence(self) -> str:
        plan = self.plan
        if not plan.missing:
            newer = f", which is newer than the {plan.newest} of this program" if plan.version > plan.newest else ""
            return f"The store has schema {plan.version}{newer}: nothing to do."
        if self.taken:
            return f"The store has schema {plan.newest} now; it had {plan.version}."
        return f"The store has schema {plan.version}; {_steps(plan.missing)} to {plan.newest}. Nothing was changed."


def _steps(missing: Sequence[SchemaStep]) -> str:
    return f"{len(missing)} step{'s' if len(missing) > 1 else ''}"


def _heading(step: SchemaStep) -> str:
    return f"{step.version:04} {step.name}"


def _say(step: SchemaStep) -> None:
    sys.stderr.write(f"{_heading(step)}: done\n")
    sys.stderr.flush()


async def migrated(schema: Schema, *, only_plan: bool) -> Migration:
    """Look at a store and, unless told to ``only_plan``, take what it lacks."""
    plan = await schema.plan()
    if not only_plan and plan.missing:
        await schema.apply(_say)
    return Migration(plan=plan, taken=not only_plan)


def migrate(
    store: StoreOption = None,
    plan: Annotated[bool, typer.Option("--plan", help="Print the steps with their SQL, and change nothing.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Bring a store to the schema of this version. Servers of the version before go on while it runs.

    A run that was cut can be repeated. Upgrade in this order: migrate, then restart the servers one by one.
    """
    settings = Settings() if store is None else Settings(store=store)
    emit(asyncio.run(migrated(schema_for(settings.store), only_plan=plan)), as_json=as_json)
