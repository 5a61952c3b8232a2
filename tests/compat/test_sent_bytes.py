"""The raw bytes that ``palaver serve`` sends on each surface: see ``sockets``."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

import palaver
from compat.exchanges import Names
from compat.sockets import HIDDEN, replayed
from crash.process import serving

TRANSCRIPTS = Path(__file__).with_name("sent")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def place(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[int, str]]:
    """The port of a server whose model says one word, so that it comes at once, and the id of its bot."""
    store = tmp_path_factory.mktemp("sent") / "chat.db"
    async with serving(store, {"PALAVER_DEFAULT_MODEL": "scripted:Größe✓"}) as server:
        async with palaver.open(server.url) as hub:
            bot = await hub.bots.create(name="default")
        yield server.port, bot.id


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("surface", ["sessions", "openai", "longtrainer", "knowrithm", "abacusai"])
async def test_the_bytes_are_those_of_the_transcript(place: tuple[int, str], surface: str) -> None:
    """Each request of the transcript, over a socket of its own, is answered with its bytes: status line, headers, body."""
    port, bot_id = place
    names = Names(HIDDEN)
    names.hide(bot_id)
    transcript = (TRANSCRIPTS / f"{surface}.txt").read_bytes().decode()
    assert await replayed(port, transcript, names) == transcript


def test_each_surface_has_a_transcript() -> None:
    """No folder of a surface is without one."""
    folder = Path(palaver.__file__).with_name("compat")
    surfaces = {each.parent.name for each in folder.rglob("routes*") if each.parent != folder}
    assert surfaces == {each.stem for each in TRANSCRIPTS.glob("*.txt")}
