"""``palaver copy``: everything from one store to another, and the proof that it is there."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from palaver.cli.progress import bar
from palaver.cli.show import clean, emit
from palaver.cli.target import JsonOption
from palaver.errors import InvalidInput, PalaverError
from palaver.proof import Kind, Proof, TenantProof, digest_of, prove
from palaver.stores.base import Store
from palaver.stores.open import address_of, schema_for, store_for, without_password
from palaver.transfer import count_conversations, move

EPILOG = """Examples:

palaver copy --from palaver.db --to postgresql://palaver@db.internal/palaver

palaver copy --from redis://cache.internal/0 --to sqlite:////backups/palaver.db

palaver copy --from palaver.db --to postgresql://palaver@db.internal/palaver --verify-only
"""
SHOWN_MAX = 50
"""How many tenants that are equal are listed."""

FromOption = Annotated[
    str, typer.Option("--from", metavar="STORE", help="A file, sqlite:///file.db, postgresql://… or redis://….")
]
ToOption = Annotated[str, typer.Option("--to", metavar="STORE", help="Likewise: an empty store, or one to be made.")]
VerifyOption = Annotated[bool, typer.Option("--verify-only", help="Compare the two, and write nothing.")]
_KINDS = tuple(kind for kind in Kind if kind is not Kind.TENANT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What two stores hold."""

    proof: Proof
    source: str
    target: str
    verified_only: bool

    def plain(self) -> Any:
        """As JSON shapes."""
        return {"equal": self.proof.equal, "tenants": [_plain(tenant) for tenant in self.proof.tenants]}

    def show(self, console: Console) -> None:
        """For a person: a row a tenant, those that differ first."""
        tenants = sorted(self.proof.tenants, key=lambda tenant: tenant.equal)
        table = Table(box=None, pad_edge=False, header_style="bold")
        for title in ("tenant", "conversations", "messages", "records", "hash", ""):
            table.add_column(title, justify="right" if title.endswith("s") else "left", overflow="fold")
        differing = sum(not tenant.equal for tenant in tenants)
        for tenant in tenants[: differing + SHOWN_MAX]:
            table.add_row(*(Text(cell) for cell in _row(tenant)))
        console.print(table)
        left = len(tenants) - differing - SHOWN_MAX
        if left > 0:
            console.print(Text(f"… and {left:,} more tenants that are equal."))
        for tenant in tenants[:differing]:
            console.print(Text(f"{clean(tenant.tenant_id)}: {_differences(tenant)}.", style="red"), soft_wrap=True)
        console.print(Text(self._sentence()), soft_wrap=True)

    def _sentence(self) -> str:
        if self.proof.equal:
            records = sum(_records(tenant) for tenant in self.proof.tenants)
            counted = "1 record" if records == 1 else f"{records:,} records, compared one by one"
            return f"{self.target} holds all that {self.source} holds: {counted}."
        unfinished = (
            "If the copy was cut, finish it without --verify-only. Else something"
            if self.verified_only
            else "Something"
        )
        return (
            f"They differ. {unfinished} wrote to one of them during the copy or since:"
            " stop what does, and copy into a new store."
        )


def _records(tenant: TenantProof) -> int:
    return sum(its.count for its in tenant.source.values())


def _differences(tenant: TenantProof) -> str:
    kinds = ", ".join(
        f"{kind} ({tenant.source[kind].count:,} and {tenant.target[kind].count:,})" for kind in tenant.differing
    )
    where = f", for example in {', '.join(tenant.conversations)}" if tenant.conversations else ""
    return f"{kinds} differ{where}"


def _plain(tenant: TenantProof) -> Any:
    return {
        "tenant_id": tenant.tenant_id,
        "equal": tenant.equal,
        "differing": [kind.value for kind in tenant.differing],
        "conversations": list(tenant.conversations),
        "source": {"hash": digest_of(tenant.source), **{kind.value: tenant.source[kind].count for kind in _KINDS}},
        "target": {"hash": digest_of(tenant.target), **{kind.value: tenant.target[kind].count for kind in _KINDS}},
    }


def _row(tenant: TenantProof) -> tuple[str, ...]:
    counts = (tenant.source[Kind.CONVERSATIONS].count, tenant.source[Kind.MESSAGES].count, _records(tenant))
    hashes = digest_of(tenant.source)[:12] + ("" if tenant.equal else f" ≠ {digest_of(tenant.target)[:12]}")
    return (
        clean(tenant.tenant_id),
        *(f"{count:,}" for count in counts),
        hashes,
        "equal" if tenant.equal else "differs",
    )


@contextmanager
def _named(option: str) -> Iterator[None]:
    """Say which of the two stores an error is about."""
    try:
        yield
    except PalaverError as error:
        error.message = f"{option}: {error.message}"
        raise


@asynccontextmanager
async def _opened(option: str, url: str) -> AsyncIterator[Store]:
    with _named(option):
        store = store_for(url)
        await store.open()
    try:
        yield store
    finally:
        await store.close()


async def _refuse_absent(option: str, url: str) -> None:
    with _named(option):
        if (await schema_for(url).plan()).version == 0:
            raise InvalidInput(f"there is no store at {without_password(url)}.")


async def _moved(source_url: str, target_url: str, *, verify_only: bool) -> Proof:
    await _refuse_absent("--from", source_url)
    if verify_only:
        await _refuse_absent("--to", target_url)
    async with _opened("--from", source_url) as source, _opened("--to", target_url) as target:
        total = 0
        if not verify_only:
            with bar("Copying", "conversations") as shown:
                shown(0, None)
                total = await count_conversations(source)
                await move(source, target, lambda progress: shown(progress.conversations, total))
        with bar("Comparing", "conversations") as shown:
            return await prove(source, target, lambda done: shown(done, total or None))


def copy(source: FromOption, target: ToOption, verify_only: VerifyOption = False, as_json: JsonOption = False) -> None:
    """Move everything from one store to another of any kind, and prove that it is there: exit code 1 if it is not.

    Stop the servers of both stores first. A copy that was cut goes on where it was: give the same command again. Keys,
    cursors, idempotency keys and ids hold in the new store; what was deleted can still be restored there.
    """
    for option, url in (("--from", source), ("--to", target)):
        with _named(option):
            if address_of(url).is_memory:
                raise InvalidInput("a store in memory ends with its process.")
    if address_of(source) == address_of(target):
        raise InvalidInput("--from and --to name one store.")
    try:
        proof = asyncio.run(_moved(source, target, verify_only=verify_only))
    except KeyboardInterrupt:
        sys.stderr.write("palaver: Stopped. The same command goes on where this one was.\n")
        raise typer.Exit(130) from None
    outcome = Outcome(
        proof=proof, source=without_password(source), target=without_password(target), verified_only=verify_only
    )
    emit(outcome, as_json=as_json)
    if not proof.equal:
        raise typer.Exit(1)
