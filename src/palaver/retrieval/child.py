"""The child process that reads one file: ``python -m palaver.retrieval.child ORDER``.

Its limits are set before it reads a byte. It gets the file on its standard input and writes what it read to its standard output,
a line of JSON each: ``[kind, text, level, page]`` for a block, and at the end ``{"title": …}`` or ``{"code": …, "message": …}``. It
ends when its input does: with the process that wants the answer. It opens no connection and starts no process.
"""

from __future__ import annotations

import json
import os
import resource
import sys
from collections.abc import Iterator
from contextlib import suppress
from threading import Thread
from typing import Any

from palaver.errors import InvalidInput
from palaver.retrieval.loaders.base import Draft, Extract, too_complex, unreadable
from palaver.retrieval.loaders.catalog import loader_of

FILE_BYTES = 16 * 1024 * 1024
"""The largest file that it may write: nothing but compiled modules is."""


def main(order: str) -> None:
    """Read the file that the order (JSON) describes."""
    wanted = json.loads(order)
    _limit(memory_bytes=wanted["memory_bytes"], cpu_seconds=wanted["cpu_seconds"])
    content = sys.stdin.buffer.read(wanted["size_bytes"])
    Thread(target=_end_with_input, daemon=True).start()
    sys.addaudithook(_refuse)
    for line in _answer(content, wanted):
        sys.stdout.buffer.write(json.dumps(line, ensure_ascii=False).encode() + b"\n")


def _limit(*, memory_bytes: int, cpu_seconds: int) -> None:
    limits = {
        resource.RLIMIT_CPU: cpu_seconds,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_FSIZE: FILE_BYTES,
        resource.RLIMIT_AS: memory_bytes,
    }
    for which, most in limits.items():
        # macOS refuses to limit the address space: there the time limits and the loaders' own caps must do.
        with suppress(ValueError, OSError):
            resource.setrlimit(which, (most, most))
    os.nice(5)


def _end_with_input() -> None:
    os.read(sys.stdin.fileno(), 1)
    os._exit(1)


def _refuse(event: str, _: tuple[Any, ...]) -> None:
    if event.startswith(("socket.", "subprocess.", "os.exec", "os.fork", "os.posix_spawn", "os.system")):
        raise PermissionError(f"A loader wanted {event}.")


def _answer(content: bytes, wanted: dict[str, Any]) -> Iterator[Any]:
    """Yield the lines of the answer. What is not caught here ends the process: the file is unreadable."""
    try:
        extract = _read(content, wanted)
    except InvalidInput as error:
        refused = error
    except (MemoryError, RecursionError):
        refused = too_complex("Reading it takes more memory than a file may.")
    else:
        for block in extract.blocks:
            yield [block.kind, block.text, block.level, block.page]
        yield {"title": extract.title}
        return
    yield {"code": refused.code, "message": refused.message}


def _read(content: bytes, wanted: dict[str, Any]) -> Extract:
    draft = Draft(text_bytes=wanted["text_bytes"], blocks=wanted["blocks"])
    loader_of(wanted["media_type"])(content, draft)
    extract = draft.extract()
    if not extract.blocks:
        raise unreadable("There is no text in it; pictures of text (scans) are not read.")
    return extract


if __name__ == "__main__":
    main(sys.argv[1])
