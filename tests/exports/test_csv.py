"""The CSV export in a real spreadsheet: no cell is a formula, and every cell is what was said."""

from __future__ import annotations

import asyncio
import csv
import io
import shutil
from pathlib import Path
from xml.etree import ElementTree

import pytest

import palaver
from palaver.exports.base import Rows
from palaver.surface import Hub

OFFICE = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
HOSTILE = (
    "=1+1",
    '=HYPERLINK("http://evil.invalid","x")',
    "=cmd|' /C calc'!A0",
    "+1+1",
    "-1+1",
    "@SUM(1)",
    "\t=1+1",
    "\r=1+1",
    "\n=1+1",
    "＝1+1",
    '"=1+1',
    '","=1+1","',
    "a\r\n=1+1",
    "{=1+1}",
    "Grüße 😀",
)


async def _converted(folder: Path, *files: Path) -> None:
    soffice = shutil.which("soffice")
    assert soffice is not None, "install libreoffice-calc-nogui: scripts/servers.sh does"
    profile = f"-env:UserInstallation={(folder / 'profile').as_uri()}"
    process = await asyncio.create_subprocess_exec(
        *(soffice, "--headless", profile, "--infilter=CSV:44,34,UTF8", "--convert-to", "fods", "--outdir", str(folder)),
        *map(str, files),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await asyncio.wait_for(process.communicate(), 120)
    assert process.returncode == 0, output.decode()


def _opened(file: Path) -> tuple[list[str], str]:
    """Return the formulas of a sheet, and all that its cells show."""
    root = ElementTree.parse(file.with_suffix(".fods")).getroot()
    cells = list(root.iter(f"{OFFICE}table-cell"))
    formulas = [cell.attrib[f"{OFFICE}formula"] for cell in cells if f"{OFFICE}formula" in cell.attrib]
    return formulas, "\n".join("\n".join(cell.itertext()) for cell in cells)


async def _say(hub: Hub) -> None:
    for number, text in enumerate(HOSTILE):
        named = " ".join(text.split())
        bot = await hub.bots.create(name=f"{named}{' ' * number}", model="offline")
        chat = await hub.conversations.create(
            bot.id,
            title=named,
            entity={"external_id": f"{named}{' ' * number}", "name": named},
            metadata={named: text},
        )
        lines = [{"role": "user", "text": text}, {"role": "assistant", "text": text}]
        _, answer = await hub.messages.append(chat.id, lines)  # type: ignore[arg-type]
        await hub.messages.rate(answer.id, 1, feedback=text)


@pytest.mark.slow
async def test_a_spreadsheet_finds_no_formula(tmp_path: Path) -> None:
    """In no kind of table, whatever was said, titled, named or commented. The same cells without our care are formulas."""
    files = [tmp_path / f"{rows.value}.csv" for rows in Rows]
    control = tmp_path / "control.csv"
    control.write_text("".join(f'"{text}"\n' for text in HOSTILE[:1] * 3), "utf-8")
    async with palaver.open(str(tmp_path / "a.db")) as hub:
        await _say(hub)
        for rows, file in zip(Rows, files, strict=True):
            parts = [part async for part in hub.conversations.export_all(format="csv", rows=rows)]
            file.write_bytes(b"".join(parts))
    await _converted(tmp_path, *files, control)
    for file in files:
        formulas, shown = _opened(file)
        assert formulas == []
        assert "Grüße 😀" in shown
    assert len(_opened(control)[0]) == 3


async def test_a_row_is_a_message_a_turn_or_a_conversation(tmp_path: Path) -> None:
    """Every reader of CSV reads what was said, with an apostrophe in front of what looks like a formula."""
    async with palaver.open(str(tmp_path / "a.db")) as hub:
        bot = await hub.bots.create(name="Helper", model="scripted:Hello.")
        chat = await hub.conversations.create(bot.id, title="=T", metadata={"a": 1})
        reply = await hub.messages.send(chat.id, 'Say "x",\nplease')
        await hub.messages.regenerate(reply.id)
        await hub.messages.append(chat.id, [{"role": "assistant", "text": "Alone."}, {"role": "user", "text": "Left?"}])
        read = {}
        for rows in Rows:
            text = (await hub.conversations.export(chat.id, format="csv", rows=rows)).decode("utf-8-sig")
            read[rows] = list(csv.DictReader(io.StringIO(text, newline="")))
    said = ['Say "x",\nplease', "Hello.", "Alone.", "Left?"]
    assert [row["text"] for row in read[Rows.MESSAGES]] == said
    assert [(row["question"], row["answer"]) for row in read[Rows.TURNS]] == [
        (said[0], said[1]),
        ("", said[2]),
        (said[3], ""),
    ]
    (row,) = read[Rows.CONVERSATIONS]
    assert (row["title"], row["bot"], row["message_count"], row["metadata"]) == ("'=T", "Helper", "5", '{"a":1}')
