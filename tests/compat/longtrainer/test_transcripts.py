"""What goes over the wire, byte for byte: see ``exchanges``; the version is hidden, too."""

from __future__ import annotations

import re
from pathlib import Path

import httpx2
import pytest

import palaver
import pictures
from compat.exchanges import Names, played
from palaver.models.scripted import ScriptedModel
from server.world import a_world

TRANSCRIPTS = sorted(Path(__file__).with_name("transcripts").glob("*.txt"))


@pytest.mark.parametrize("transcript", TRANSCRIPTS, ids=lambda path: path.stem)
async def test_the_bytes_are_those_of_the_transcript(tmp_path: Path, transcript: Path) -> None:
    """Each request of the transcript is answered with its bytes."""
    opened = tmp_path / "opened"
    opened.mkdir()
    (opened / "rules.txt").write_text("A refund takes 14 days.", encoding="utf-8")
    (opened / "cat.jpg").write_bytes(pictures.photo())
    names = Names({"<version>": re.compile(re.escape(palaver.__version__))})
    model = ScriptedModel("Fourteen days [1].", "Eins. Zwei. Drei ✓")
    async with a_world(tmp_path, model, server_files=str(opened)) as world:

        async def job(answer: httpx2.Response) -> None:
            if answer.request.method == "POST" and '"job_id"' in answer.text:
                await world.root.for_tenant().documents.wait(answer.json()["job_id"])

        written = await played(world, "/longtrainer", transcript, names, job)
    assert written == transcript.read_text(encoding="utf-8")
