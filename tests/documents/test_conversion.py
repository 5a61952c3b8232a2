"""Files are read in a child process: what comes out, and what no file can do to the process that asks."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from pathlib import Path

import pytest
from blockbuster import blockbuster_ctx

from documents.docx_files import document, docx, paragraph
from documents.hostile import HOSTILE, Hostile, form_loop
from documents.pdf_files import book, text_pdf
from palaver.errors import InvalidInput
from palaver.retrieval.conversion import DEFAULT_LIMITS, ReadLimits, read
from palaver.retrieval.loaders.base import BlockKind
from palaver.retrieval.loaders.catalog import DOCX, HTML, PDF, PLAIN

MB = 1024 * 1024
QUICK = ReadLimits(cpu_seconds=4)
linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def resident_bytes() -> int:
    """What this process holds now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def children() -> list[str]:
    """The process ids of the children that read files."""
    return [
        path.parent.name
        for path in Path("/proc").glob("[0-9]*/stat")
        if path.read_text().rpartition(")")[2].split()[1] == str(os.getpid())
        and b"palaver.retrieval.child" in path.with_name("cmdline").read_bytes()
    ]


async def test_a_file_comes_back_as_its_blocks() -> None:
    """Kind, level, page, text and title survive the way back, any character included."""
    made = await read(docx(document(paragraph('Ü › \u2028 𝄞\\"', style="berschrift1")), title="T"), media_type=DOCX)
    assert [(block.kind, block.level, block.text) for block in made.blocks] == [
        (BlockKind.HEADING, 1, 'Ü › \u2028 𝄞\\"')
    ]
    assert made.title == "T"
    paged = await read(text_pdf(["one"], ["two"]), media_type=PDF)
    assert [block.page for block in paged.blocks] == [1, 2]


@pytest.mark.parametrize("hostile", HOSTILE, ids=lambda hostile: hostile.name)
async def test_a_hostile_file_has_its_named_error(hostile: Hostile) -> None:
    """Bombs, loops, depth and damage are refused by name, and this process holds no more memory than before."""
    content = hostile.make()
    before = resident_bytes() if sys.platform == "linux" else 0
    with pytest.raises(InvalidInput) as refused:
        await read(content, media_type=hostile.media_type, limits=QUICK)
    assert refused.value.code in hostile.codes
    if sys.platform == "linux":
        assert resident_bytes() - before < 16 * MB


async def test_a_loop_that_harms_nobody_is_read() -> None:
    """A form that draws itself is drawn once."""
    assert (await read(form_loop(), media_type=PDF)).text == "again"


async def test_a_type_that_nobody_reads_is_unsupported() -> None:
    """The child says so by name."""
    with pytest.raises(InvalidInput) as refused:
        await read(b"x", media_type="image/png")
    assert refused.value.code == "unsupported_type"


async def test_time_is_limited() -> None:
    """A child that works for too long, in CPU time or by the clock, is ended: ``file_too_complex``."""
    for limits in (ReadLimits(cpu_seconds=1), ReadLimits(wall_seconds=1)):
        begun = time.monotonic()
        with pytest.raises(InvalidInput) as refused:
            await read(b"<div>" * 200_000, media_type=HTML, limits=limits)
        assert refused.value.code == "file_too_complex"
        assert time.monotonic() - begun < 30


@pytest.mark.parametrize("limits", [ReadLimits(text_bytes=1000), ReadLimits(blocks=100)])
async def test_what_comes_out_is_limited(limits: ReadLimits) -> None:
    """More text, or more blocks, than a document may have is ``file_too_complex``."""
    with pytest.raises(InvalidInput) as refused:
        await read(b"word\n\n" * 1000, media_type=PLAIN, limits=limits)
    assert refused.value.code == "file_too_complex"


async def test_text_that_grows_on_its_way_is_limited() -> None:
    """Control characters take six bytes each in the answer: it is cut off where it is over twice the text's limit."""
    with pytest.raises(InvalidInput) as refused:
        await read(b"a" + b"\x01" * 500_000 + b"a", media_type=PLAIN, limits=ReadLimits(text_bytes=600_000, blocks=10))
    assert refused.value.code == "file_too_complex"


@linux
async def test_leaving_ends_the_child() -> None:
    """A caller that is cancelled leaves no process behind."""
    reading = asyncio.ensure_future(read(b"<div>" * 200_000, media_type=HTML))
    async with asyncio.timeout(10):
        while not children():
            await asyncio.sleep(0.01)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert children() == []


ORPHAN = """
import asyncio, sys
from palaver.retrieval.conversion import read
asyncio.run(read(b"<div>" * 1_000_000, media_type="text/html"))
"""


@linux
async def test_a_child_dies_with_whoever_wants_its_answer() -> None:
    """Where the caller's process is killed, the child ends, too: soon, and at the latest with its CPU time."""
    caller = await asyncio.create_subprocess_exec(sys.executable, "-c", ORPHAN)
    async with asyncio.timeout(20):
        while not (found := reading_below(caller.pid)):
            await asyncio.sleep(0.05)
        caller.kill()
        await caller.wait()
        while any(Path(f"/proc/{pid}/exe").exists() for pid in found):
            await asyncio.sleep(0.05)


def reading_below(pid: int) -> list[str]:
    """The children of a process that are at work, past their start."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        fields = path.read_text().rpartition(")")[2].split()
        if fields[1] == str(pid) and int(fields[17]) > 1:  # it has its second thread
            found.append(path.parent.name)
    return found


@linux
async def test_the_child_has_no_environment_and_no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """A secret of the caller's environment is not in the child's, and a loader that wants a connection fails."""
    monkeypatch.setenv("OPENAI_API_KEY", "canary")
    reading = asyncio.ensure_future(read(b"<div>" * 200_000, media_type=HTML, limits=QUICK))
    async with asyncio.timeout(10):
        while not (found := reading_below(os.getpid())):
            await asyncio.sleep(0.01)
    assert b"canary" not in Path(f"/proc/{found[0]}/environ").read_bytes()
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading


async def test_no_loader_can_open_a_connection_or_start_a_process() -> None:
    """What the child refuses, it refuses in whatever a loader calls."""
    script = (
        "import sys, socket, subprocess; from palaver.retrieval import child; sys.addaudithook(child._refuse)\n"
        "for attempt in (socket.socket, lambda: socket.getaddrinfo('localhost', 1), lambda: subprocess.Popen(['true'])):\n"
        "    try: attempt()\n"
        "    except PermissionError: print('refused')\n"
    )
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", script, stdout=asyncio.subprocess.PIPE)
    said, _ = await process.communicate()
    assert said.split() == [b"refused"] * 3


@linux
async def test_a_book_of_500_pages_takes_little() -> None:
    """Reading it takes less than 300 MB in the child, and the process that asks grows by less than 32 MB."""
    content = book(500)
    before = resident_bytes()
    extract = await read(content, media_type=PDF, limits=ReadLimits(memory_bytes=300_000_000))
    assert extract.blocks[-1].page == 500
    assert resident_bytes() - before < 32_000_000
    assert DEFAULT_LIMITS.memory_bytes > 300_000_000


async def test_files_are_read_side_by_side() -> None:
    """Two at once don't disturb each other."""
    first, second = await asyncio.gather(read(b"one", media_type=PLAIN), read(b"two", media_type=PLAIN))
    assert (first.text, second.text) == ("one", "two")


async def test_nothing_blocks_the_loop() -> None:
    """Starting the child, sending the file and reading the answer leave the event loop to others."""
    content = book(20)
    await read(b"warm", media_type=PLAIN)
    with blockbuster_ctx():
        assert (await read(content, media_type=PDF)).blocks[-1].page == 20


def test_files_are_read_under_uvloop() -> None:
    """The loop that the server runs on does it, too."""
    import uvloop

    assert uvloop.run(read(b"one", media_type=PLAIN)).text == "one"
