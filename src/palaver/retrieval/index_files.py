"""Mirrors of vectors as files, to be there again after a restart: a cache that may go at any time.

Each mirror is two files: what FAISS writes, and a JSON that says what it holds, with a hash of both. A pair that is
damaged, of another bot, embedding or format is as good as none. Nothing is pickled, and no byte is given to FAISS before the
hash was compared.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import structlog

from palaver.retrieval.faiss_mirror import FaissMirror
from palaver.retrieval.mirror import Held

_FORMAT = 1
_log = structlog.get_logger("palaver.retrieval")


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexName:
    """Whose vectors, by which embedding."""

    tenant_id: str
    bot_id: str
    embedding: str


class IndexFiles:
    """A folder of such files. Its methods block. Several processes may share it: files are put in place whole."""

    def __init__(self, folder: str | Path) -> None:
        self._folder = Path(folder)

    def load(self, name: IndexName) -> FaissMirror | None:
        """Return the mirror of that name as it was saved; it may be behind the rows."""
        about, data = self._paths(name)
        try:
            said = json.loads(about.read_bytes())
            if said.pop("sha256") != _hash_of(said, data) or (said["format"], said["name"]) != (_FORMAT, _fields(name)):
                return None
            mirror = FaissMirror(name.embedding, keep=partial(self.save, name))
            _fill(mirror, said, data)
            return mirror
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RuntimeError) as error:
            _log.warning("index_file_unreadable", file=about.name, error=type(error).__name__)
            return None

    def save(self, name: IndexName, mirror: FaissMirror) -> None:
        """Write a mirror that is equal to its rows. A disk that refuses costs the next start some time, and nothing else."""
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._write(name, mirror)
        except (OSError, RuntimeError) as error:
            _log.warning("index_file_unwritable", folder=str(self._folder), error=type(error).__name__)

    def remove(self, name: IndexName) -> None:
        """Remove the files of a mirror, if there are any."""
        for path in self._paths(name):
            with suppress(OSError):
                path.unlink(missing_ok=True)

    def names(self) -> Sequence[tuple[IndexName, int]]:
        """Return what is there, with the revision at which each was saved. What can't be read is removed."""
        return list(self._names())

    def _names(self) -> Iterator[tuple[IndexName, int]]:
        for about in sorted(self._folder.glob("*.json")):
            try:
                said = json.loads(about.read_bytes())
                yield IndexName(**said["name"]), int(said["revision"])
            except (OSError, ValueError, KeyError, TypeError):
                with suppress(OSError):
                    about.with_suffix(".faiss").unlink(missing_ok=True)
                    about.unlink()

    def _write(self, name: IndexName, mirror: FaissMirror) -> None:
        import faiss

        about, data = self._paths(name)
        draft = data.with_suffix(f".{os.getpid()}-{threading.get_ident()}")
        try:
            if mirror.index is not None:
                faiss.write_index(mirror.index, str(draft))
            else:
                draft.write_bytes(b"")
            said = _said(name, mirror)
            said["sha256"] = _hash_of(said, draft)
            draft.replace(data)  # a crash in between leaves a pair whose hash is wrong: as good as none
            draft.write_text(json.dumps(said), encoding="utf-8")
            draft.replace(about)
        finally:
            draft.unlink(missing_ok=True)

    def _paths(self, name: IndexName) -> tuple[Path, Path]:
        digest = hashlib.sha256(json.dumps(_fields(name), sort_keys=True).encode()).hexdigest()[:32]
        return self._folder / f"{digest}.json", self._folder / f"{digest}.faiss"


def _fields(name: IndexName) -> dict[str, str]:
    return {"tenant_id": name.tenant_id, "bot_id": name.bot_id, "embedding": name.embedding}


def _said(name: IndexName, mirror: FaissMirror) -> dict[str, Any]:
    documents = [
        {
            "id": document_id,
            "version": (held := mirror.held[document_id]).version,
            "revision": held.revision,
            "metadata": held.metadata,
            "ordinals": ordinals,
        }
        for document_id, ordinals in mirror.documents()
    ]
    return {"format": _FORMAT, "name": _fields(name), "revision": mirror.revision, "documents": documents}


def _fill(mirror: FaissMirror, said: dict[str, Any], data: Path) -> None:
    import faiss

    for each in said["documents"]:
        mirror.put_rows(each["id"], each["version"], each["ordinals"])
        mirror.held[each["id"]] = Held(
            version=each["version"], revision=each["revision"], metadata=dict(each["metadata"])
        )
    mirror.put_index(faiss.read_index(str(data)) if data.stat().st_size else None)
    mirror.revision = mirror.kept_revision = int(said["revision"])
    mirror.is_loaded = True


def _hash_of(said: Mapping[str, Any], data: Path) -> str:
    with data.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256")
    digest.update(json.dumps(said, sort_keys=True).encode())
    return digest.hexdigest()
