"""What goes over the wire, byte for byte: see ``exchanges``. ``<a page>`` is an HTML document, whose bytes are not the wire's."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from compat.exchanges import Names, played
from palaver.models.scripted import ScriptedModel
from server.world import a_world

TRANSCRIPTS = sorted(Path(__file__).with_name("golden").glob("*.txt"))
PAGE = re.compile(r'(?<=")<!doctype html>(?:[^"\\]|\\.)*(?=")')


@pytest.mark.parametrize("transcript", TRANSCRIPTS, ids=lambda path: path.stem)
async def test_the_bytes_are_those_of_the_transcript(tmp_path: Path, transcript: Path) -> None:
    """Each request of the transcript is answered with its bytes."""
    names = Names({"<a page>": PAGE})
    async with a_world(tmp_path, ScriptedModel(["You said."])) as world:
        names.hide((await world.made("/v1/bots", {"name": "Echo"}))["id"])
        written = await played(world, "/abacusai", transcript, names)
    assert written == transcript.read_text(encoding="utf-8")
