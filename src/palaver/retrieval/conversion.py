"""Reading a file in a child process, so that no file can harm the process that serves.

A fresh interpreter for each file: it starts in 0.1 to 0.2 s, which is little beside what a document takes, and shares
nothing with the last one, neither memory nor a state that a hostile file has left behind. It gets no environment (so no
secrets), and limits on memory, CPU time, time and output; the caller holds the file and its text, never what is in
between.
"""

from __future__ import annotations

import asyncio
import io
import json
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from palaver.errors import InvalidInput
from palaver.retrieval.loaders.base import Block, BlockKind, Extract, too_complex, unreadable

PIECE_BYTES = 64 * 1024
BLOCK_BYTES = 64
"""What a block takes in the answer beside its text, at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadLimits:
    """What reading one file may take.

    Attributes:
        memory_bytes: The address space of the child (not limited on macOS), its interpreter included.
        cpu_seconds: Of the child.
        wall_seconds: From its start to its answer.
        text_bytes: The most UTF-8 of the document's text: the default is about 2,000,000 tokens.
        blocks: The most headings, paragraphs, items and rows.
    """

    memory_bytes: int = 512 * 1024 * 1024
    cpu_seconds: int = 60
    wall_seconds: float = 300.0
    text_bytes: int = 8_000_000
    blocks: int = 200_000

    @property
    def answer_bytes(self) -> int:
        """How much of an answer is read: escapes may double a text."""
        return 2 * self.text_bytes + BLOCK_BYTES * self.blocks


DEFAULT_LIMITS = ReadLimits()


async def read(content: bytes, *, media_type: str, limits: ReadLimits = DEFAULT_LIMITS) -> Extract:
    """Return what is in a file. Cancelling it ends the child.

    Args:
        content: The file.
        media_type: As ``kind_of`` names it.
        limits: What the child may take.

    Raises:
        InvalidInput: ``file_unreadable`` (encrypted, damaged, cut off, without text), ``file_too_complex`` (over a
            limit) or ``unsupported_type``.
    """
    process = await asyncio.create_subprocess_exec(
        *_command(media_type, len(content), limits),
        stdin=PIPE,
        stdout=PIPE,
        stderr=DEVNULL,
        env=_environment(),
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(limits.wall_seconds):
            answer = await _converse(process, content, limits)
    except TimeoutError:
        raise too_complex("Reading it takes longer than a file may.") from None
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.communicate()  # what it still said is read away: its end is only seen behind that
    if answer.tell() > limits.answer_bytes:
        raise too_complex("It holds more text than one document may.")
    return await asyncio.to_thread(_extract, answer, process.returncode)


def _command(media_type: str, size_bytes: int, limits: ReadLimits) -> list[str]:
    order = {
        "media_type": media_type,
        "size_bytes": size_bytes,
        "memory_bytes": limits.memory_bytes,
        "cpu_seconds": limits.cpu_seconds,
        "text_bytes": limits.text_bytes,
        "blocks": limits.blocks,
    }
    return [sys.executable, "-P", "-s", "-X", "utf8", "-m", "palaver.retrieval.child", json.dumps(order)]


def _environment() -> Mapping[str, str]:
    """Return where modules are, and one arena for malloc: each further one would take 64 MB of the address space."""
    return {"PYTHONPATH": os.pathsep.join(sys.path), "MALLOC_ARENA_MAX": "1"}


async def _converse(process: Process, content: bytes, limits: ReadLimits) -> io.BytesIO:
    async with asyncio.TaskGroup() as group:
        group.create_task(_send(process, content))
        received = group.create_task(_receive(process, limits.answer_bytes))
    return received.result()


async def _send(process: Process, content: bytes) -> None:
    """Write the file piece by piece: nothing is copied. The pipe stays open, as the child ends with it."""
    assert process.stdin is not None
    view = memoryview(content)
    with suppress(BrokenPipeError, ConnectionResetError):  # a child that died says so by its end
        for start in range(0, len(view), PIECE_BYTES):
            process.stdin.write(view[start : start + PIECE_BYTES])
            await process.stdin.drain()


async def _receive(process: Process, limit_bytes: int) -> io.BytesIO:
    """Return the answer; the child is ended where it is longer than it may be."""
    assert process.stdout is not None
    answer = io.BytesIO()
    while some := await process.stdout.read(PIECE_BYTES):
        answer.write(some)
        if answer.tell() > limit_bytes:
            process.kill()
            return answer
    await process.wait()
    return answer


def _extract(answer: io.BytesIO, exit_code: int | None) -> Extract:
    """Return what the child wrote, or say of what it died."""
    blocks: list[Block] = []
    answer.seek(0)
    for line in answer:
        if not line.endswith(b"\n"):
            break
        match json.loads(line):
            case [kind, text, level, page]:
                blocks.append(Block(kind=BlockKind(kind), text=text, level=level, page=page))
            case {"title": title}:
                return Extract(blocks=tuple(blocks), title=title)
            case {"code": code, "message": message}:
                raise InvalidInput(message, code=code)
    raise _death(exit_code)


def _death(exit_code: int | None) -> InvalidInput:
    if exit_code in (-signal.SIGKILL, -signal.SIGXCPU, -signal.SIGSEGV, -signal.SIGABRT):
        return too_complex("Reading it takes more time or memory than a file may.")
    return unreadable("The file is damaged, or not what it seems to be.")
