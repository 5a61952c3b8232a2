"""Copies of a whole file: taken while servers write to it, checked, and put in place at once or not at all.

SQLite's backup API copies page by page. The source connection holds one read snapshot all the while, so that a writing
process neither makes it start over nor waits for it; only the write-ahead log can't be reset meanwhile and grows. What is
copied stands in a file beside the target and gets the target's name once it is whole and on the disk.
"""

from __future__ import annotations

import os
import sqlite3
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from palaver.errors import StoreRefused, StoreUnavailable
from palaver.stores.migrations import plan_of
from palaver.stores.sqlite.connection import APPLICATION_ID, Database
from palaver.stores.sqlite.driver_errors import code_of, translated
from palaver.stores.sqlite.schema import migrations, version_of

Progress = Callable[[int, int], None]
"""Told of the pages that are copied, and of how many there are."""

PAGES_A_STEP = 1024
_SIDE_FILES = ("-wal", "-shm", "-journal")
_OPEN_ELSEWHERE_SECONDS = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Copied:
    """What was written. ``kept`` is where the store went that was there before, if one was."""

    path: Path
    size_bytes: int
    schema_version: int
    kept: Path | None = None


def back_up(source: Path, target: Path, progress: Progress, *, replace: bool = False) -> Copied:
    """Copy a store that may be in use to one file, as it was at one moment behind the begin of this call. Blocks.

    Args:
        source: The store's file.
        target: Made, readable by its owner only. Until the copy is whole and checked nothing has that name.
        progress: Called after each step.
        replace: Take the place of a file that has the target's name.

    Raises:
        StoreRefused: The source is no store, is damaged, or can't be used by this program; the target is taken, or its
            folder can't be written to.
        StoreFull, StoreUnavailable: The disk has no room or fails, or the source is locked.
    """
    _refuse_unfit(source, target)
    _refuse_taken(_side_files(target), "a store seems to be in use there")
    if not replace:
        _refuse_taken([target], "it is not overwritten without --force")
    with _beside(target) as partial:
        version = _copy(source, partial, progress)
        if not replace:
            _refuse_taken([target], "it was made meanwhile, and is not overwritten")
        _rename(partial, target)
    return Copied(path=target, size_bytes=target.stat().st_size, schema_version=version)


def restore(backup: Path, target: Path, progress: Progress, *, now: datetime, replace: bool = False) -> Copied:
    """Make a store of a backup. Blocks.

    Args:
        backup: What ``back_up`` wrote, or the file of a store that nobody uses.
        target: The store's file.
        progress: Called after each step.
        now: Names what was there before: with ``replace`` it is kept beside the target.
        replace: Take the place of a store that is there.

    Raises:
        StoreRefused: The backup is none, is damaged, or can't be used by this program; a store is there, or another process
            has it open.
        StoreFull, StoreUnavailable: The disk has no room or fails.
    """
    _refuse_unfit(backup, target)
    if not replace:
        _refuse_taken([target, *_side_files(target)], "--force replaces it and keeps it beside the new one")
    with _beside(target) as partial:
        version = _copy(backup, partial, progress)
        kept = _set_aside(target, now) if replace else None
        _rename(partial, target)
    return Copied(path=target, size_bytes=target.stat().st_size, schema_version=version, kept=kept)


def _refuse_unfit(source: Path, target: Path) -> None:
    if not source.is_file():
        raise StoreRefused(f"{source} is not there, or is no file.")
    if target.exists() and target.samefile(source):
        raise StoreRefused(f"{source} and {target} are one file.")


def _refuse_taken(paths: Sequence[Path], why: str) -> None:
    for path in paths:
        if path.exists():
            raise StoreRefused(f"{path} exists already: {why}.")


def _side_files(path: Path) -> list[Path]:
    return [path.with_name(path.name + ending) for ending in _SIDE_FILES]


@contextmanager
def _beside(target: Path) -> Iterator[Path]:
    """An empty file in the target's folder, which is removed if it still is there at the end."""
    try:
        handle, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".partial", dir=target.absolute().parent)
    except OSError as error:
        raise StoreRefused(f"{target} can't be written: {error.strerror}.") from error
    os.close(handle)
    partial = Path(name)
    try:
        yield partial
    except OSError as error:
        raise StoreUnavailable(f"{target} can't be written: {error.strerror}.") from error
    finally:
        for left in (partial, *_side_files(partial)):
            left.unlink(missing_ok=True)


def _copy(source: Path, partial: Path, progress: Progress) -> int:
    """Copy, check and sync; return the schema version of what was copied."""
    try:
        with closing(Database(path=str(source)).connect_as_it_is()) as reading:
            reading.execute("BEGIN")
            version, min_compatible = version_of(reading)  # the first read takes the snapshot
            if not version:
                raise StoreRefused(f"{source} holds no Palaver store.")
            plan_of(version, min_compatible, migrations())
            with closing(sqlite3.connect(partial, isolation_level=None)) as writing:
                _copy_pages(reading, writing, progress)
                _check(writing, source)
    except sqlite3.Error as error:
        raise translated(error) from error
    _sync(partial)
    return version


def _copy_pages(reading: sqlite3.Connection, writing: sqlite3.Connection, progress: Progress) -> None:
    for pragma in ("journal_mode = OFF", "synchronous = OFF"):  # it is thrown away if it fails, and synced at the end
        writing.execute(f"PRAGMA {pragma}")
    reading.backup(writing, pages=PAGES_A_STEP, progress=lambda _, left, total: progress(total - left, total))
    writing.execute("PRAGMA journal_mode = DELETE").fetchone()  # the copy says WAL, like its source: one file has none


def _check(copied: sqlite3.Connection, source: Path) -> None:
    (application_id,) = copied.execute("PRAGMA application_id").fetchone()
    found = copied.execute("PRAGMA integrity_check(1)").fetchone()[0]
    if application_id != APPLICATION_ID or found != "ok":
        raise StoreRefused(f"{source} is damaged ({found}): nothing was written. Restore it from a backup.")


def _set_aside(target: Path, now: datetime) -> Path | None:
    """Give a store that nobody has open a second name, and take its other files out of the way.

    The name that it had stays until the new store takes it: at no moment is there none.
    """
    if target.exists():
        _fold(target)
    kept = target.with_name(f"{target.name}.before-restore-{now:%Y%m%dT%H%M%SZ}")
    for old, new in zip(_side_files(target), _side_files(kept), strict=True):
        if old.exists():
            old.rename(new)
    if not target.exists():
        return None
    os.link(target, kept)
    return kept


def _fold(store: Path) -> None:
    """Bring what is in the log into the file; only who has a file to itself can leave the mode with a log.

    A store that is damaged stays as it is.

    Raises:
        StoreRefused: Another process has the file open.
    """
    try:
        with closing(sqlite3.connect(store, timeout=_OPEN_ELSEWHERE_SECONDS, isolation_level=None)) as connection:
            connection.execute("PRAGMA journal_mode = DELETE").fetchone()
    except sqlite3.Error as error:
        if code_of(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise StoreRefused(f"Another process has {store} open: stop it first.") from error


def _rename(partial: Path, target: Path) -> None:
    if target.exists():
        _belong_like(partial, target.stat())
    partial.replace(target)
    _sync(target.absolute().parent)


def _belong_like(partial: Path, old: os.stat_result) -> None:
    """Let the new file have the owner and the rights of the old one, else a server could not open it any more."""
    partial.chmod(old.st_mode)
    made = partial.stat()
    if (old.st_uid, old.st_gid) != (made.st_uid, made.st_gid):
        os.chown(partial, old.st_uid, old.st_gid)


def _sync(path: Path) -> None:
    """Bring a file, or the names in a folder, onto the disk."""
    if os.name == "nt" and path.is_dir():
        return  # Windows opens no folders
    handle = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
