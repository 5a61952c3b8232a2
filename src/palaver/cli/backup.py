"""``palaver backup`` and ``palaver restore``: a whole SQLite store in one file."""

from __future__ import annotations

import signal
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from palaver.cli.progress import bar
from palaver.cli.show import emit
from palaver.cli.target import JsonOption, StoreOption
from palaver.config import Settings
from palaver.errors import InvalidInput
from palaver.stores.open import Engine, address_of
from palaver.stores.sqlite import backup as files
from palaver.stores.sqlite.backup import Copied

BACKUP_EPILOG = """Examples:

palaver backup palaver-monday.db

palaver backup /backups/palaver.db --store sqlite:////var/lib/palaver.db --force
"""
RESTORE_EPILOG = """Examples:

palaver restore palaver-monday.db

palaver restore /backups/palaver.db --store sqlite:////var/lib/palaver.db --force
"""
_INSTEAD = {
    Engine.POSTGRES: "use pg_dump or your server's own backups, or palaver copy to a SQLite file",
    Engine.REDIS: "copy its RDB file (after BGSAVE) or its append-only files, or palaver copy to a SQLite file",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """A copy that was made, and the sentence that says so."""

    copied: Copied
    sentence: str

    def plain(self) -> Any:
        """As JSON shapes."""
        return {
            "path": str(self.copied.path),
            "size_bytes": self.copied.size_bytes,
            "schema_version": self.copied.schema_version,
            "kept": None if self.copied.kept is None else str(self.copied.kept),
        }

    def show(self, console: Console) -> None:
        """For a person."""
        console.print(Text(self.sentence), soft_wrap=True)


def _file_of(store: str | None) -> Path:
    """Return the file of a store.

    Raises:
        InvalidInput: It has none.
    """
    settings = Settings() if store is None else Settings(store=store)
    address = address_of(settings.store)
    if address.engine is not Engine.SQLITE:
        raise InvalidInput(f"A {address.engine} store is no file: {_INSTEAD[address.engine]}.")
    if address.is_memory:
        raise InvalidInput("A store in memory ends with its process: name a file.")
    return Path(address.place)


def _end_like_ctrl_c() -> None:
    """Let SIGTERM leave nothing behind, as Ctrl-C does."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where the copy goes.")],
    store: StoreOption = None,
    force: Annotated[bool, typer.Option("--force", help="Replace FILE if it is there.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Copy a SQLite store to one file, as it is at this moment. Servers may go on writing to it.

    The copy is checked, and gets its name only when it is whole. It holds everything, the hashes of API keys included: it
    is readable by you alone.
    """
    source = _file_of(store)
    _end_like_ctrl_c()
    with bar(f"Copying {source.name}") as progress:
        copied = files.back_up(source, file, progress, replace=force)
    emit(Done(copied=copied, sentence=f"{source} is in {file} now, {copied.size_bytes:,} bytes."), as_json=as_json)


def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What `palaver backup` wrote.")],
    store: StoreOption = None,
    force: Annotated[
        bool, typer.Option("--force", help="Replace a store that is there; it is kept beside the new one.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Make a SQLite store of a backup. Stop the servers first; a store that is in use is not replaced."""
    target = _file_of(store)
    _end_like_ctrl_c()
    with bar(f"Restoring {target.name}") as progress:
        copied = files.restore(file, target, progress, now=datetime.now(UTC), replace=force)
    kept = f" What was there is in {copied.kept}." if copied.kept else ""
    emit(Done(copied=copied, sentence=f"{target} is restored, {copied.size_bytes:,} bytes.{kept}"), as_json=as_json)
