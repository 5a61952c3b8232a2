"""One program, run with longtrainer 1.4.0 as it was released, on a MongoDB in memory, and with ours: compared call by call."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.xdist_group("longtrainer")  # both programs run once
ROOT = Path(__file__).resolve().parents[3]
STORY = Path(__file__).with_name("story.py")
RELEASED = ROOT / ".venv/clients/longtrainer/bin/python"
UNKNOWN = {"raised": "UnknownId", "kinds": ["ValueError"]}
UNREAD = {"raised": "InvalidInput", "kinds": []}
FAILED = {"raised": "TurnFailed", "kinds": []}
OURS: Mapping[str, Mapping[str, Any]] = {
    "`print(trainer.get_response(…))`": {"str of get_response": "You asked: Blue?"},
    "`list_chats`": {"list_chats, snapshot": ["How many days for a refund?"]},
    "`_export_chats_to_csv(trainer.get_chat_by_id(…), bot_id)`": {
        "_export_chats_to_csv of a history": ["Question", "Answer"]
    },
    "a history without messages": {"history of a chat without messages": "list"},
    "an answer that fails": {
        "an answer that fails": FAILED,
        "what is kept of it": 0,
        "what is trained of an answer that failed": [],
    },
    "a document or an image that can't be read": {
        "a file that is not there": UNREAD,
        "an image that is not there": UNREAD,
    },
    "an unknown bot or chat": {
        "load_bot, unknown bot": UNKNOWN,
        "invoke_vectorstore, unknown bot": UNKNOWN,
        "a chat that is not there": UNKNOWN,
        "an answer in a chat that is not there": UNKNOWN,
        "create_bot, unknown bot": UNKNOWN,
        "a chat with the bot that load_bot was given": UNKNOWN,
        "get_documents, unknown bot": UNKNOWN,
    },
    "JSON with no filter": {
        "add_document_from_json, rows.json": ["rows[0].text: salt"],
        "add_document_from_json, rows.jsonl": ["text: salt\n\ntext: blue"],
    },
    "a chat of another bot": {"a chat of another bot": UNKNOWN},
    "training": {
        "a passage after training": 1,
        "the prompt stays when a bot is trained": True,
        "an open chat knows what was trained": True,
    },
    "training that fails": {
        "training that fails": {"raised": "DocumentFailed", "kinds": []},
        "training after it": "Trainer updated with new chat history.",
    },
    "building twice": {"a passage after the second build": 1},
    "a stream that is left": {"an answer that was left": "You asked: One two three four?"},
    "a long history": {"questions before this one that the model was given": 1},
}
"""What ours returns where the released package does not do what its documents say: by the row of the table in the pages."""
THEIRS: Mapping[str, Mapping[str, Any]] = {
    "`print(trainer.get_response(…))`": {"str of get_response": "('You asked: Blue?', [])"},
    "`list_chats`": {"list_chats, snapshot": {"raised": "KeyError", "kinds": ["KeyError", "LookupError"]}},
    "`_export_chats_to_csv(trainer.get_chat_by_id(…), bot_id)`": {"_export_chats_to_csv of a history": ""},
    "a history without messages": {"history of a chat without messages": "NoneType"},
    "an answer that fails": {
        "an answer that fails": ["", []],
        "what is kept of it": 1,
        "what is trained of an answer that failed": [["break", ""]],
    },
    "a document or an image that can't be read": {
        "a file that is not there": None,
        "an image that is not there": ["You asked: ?", []],
    },
    "an unknown bot or chat": {
        "load_bot, unknown bot": None,
        "invoke_vectorstore, unknown bot": [],
        "a chat that is not there": None,
        "an answer in a chat that is not there": "You asked: ?",
        "create_bot, unknown bot": None,
        "a chat with the bot that load_bot was given": "str",
        "get_documents, unknown bot": [],
    },
    "JSON with no filter": {
        "add_document_from_json, rows.json": ['{"rows": [{"text": "salt"}]}'],
        "add_document_from_json, rows.jsonl": [],
    },
    "a chat of another bot": {"a chat of another bot": "You asked: Hello?"},
    "training": {
        "a passage after training": 2,
        "the prompt stays when a bot is trained": False,
        "an open chat knows what was trained": False,
    },
    "training that fails": {
        "training that fails": "Trainer updated with new chat history.",
        "training after it": "No new chats found for training.",
    },
    "building twice": {"a passage after the second build": 2},
    "a stream that is left": {"an answer that was left": "You"},
    "a long history": {"questions before this one that the model was given": 3},
}
"""And what the released package returns there."""


def steps_of(rows: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    return {name: step for steps in rows.values() for name, step in steps.items()}


def told(python: str | Path, which: str, folder: Path) -> dict[str, Any]:
    """Run the story in an empty folder."""
    folder.mkdir()
    env = {**os.environ, "PYTHONWARNINGS": "ignore"}
    command = [str(python), str(STORY), which]
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.fixture(scope="module")
def stories(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the released package told, and what ours did."""
    folder = tmp_path_factory.mktemp("stories")

    async def both() -> tuple[dict[str, Any], dict[str, Any]]:
        released = asyncio.to_thread(told, RELEASED, "theirs", folder / "theirs")
        return await asyncio.gather(released, asyncio.to_thread(told, sys.executable, "ours", folder / "ours"))

    return asyncio.run(both())


def kinds_only(step: Any) -> Any:
    """An error as a program that was written for the released package sees it."""
    return {"kinds": step["kinds"]} if isinstance(step, dict) and "raised" in step else step


@pytest.mark.slow
def test_every_call_returns_the_same(stories: tuple[dict[str, Any], dict[str, Any]]) -> None:
    """Where the documents and what was released agree, each call returns the same, and raises what is a kind of the same."""
    released, ours = stories
    assert len(released["steps"]) >= 50
    assert list(released["steps"]) == list(ours["steps"])
    for name, step in released["steps"].items():
        assert kinds_only(ours["steps"][name]) == kinds_only(step), name


@pytest.mark.slow
def test_where_they_part_the_documents_are_kept(stories: tuple[dict[str, Any], dict[str, Any]]) -> None:
    """Each row of the table in the pages: ours does as it says, and the released package as the row says of it."""
    released, ours = stories
    assert released["apart"] == steps_of(THEIRS)
    assert ours["apart"] == steps_of(OURS)


def test_each_row_of_the_table_is_compared() -> None:
    """The table in docs/drop-in.md has those rows and no others, and in each step of each row the two part."""
    page = (ROOT / "docs/drop-in.md").read_text(encoding="utf-8")
    table = page.split("| | 1.4.0 | here |\n| --- | --- | --- |\n")[1].split("\n\n")[0]
    rows = [line.removeprefix("| ").split(" | ")[0].split(", ")[0] for line in table.split("\n")]
    assert rows == [row.split(", ")[0] for row in OURS]
    assert {row: set(steps) for row, steps in THEIRS.items()} == {row: set(steps) for row, steps in OURS.items()}
    assert [name for name, step in steps_of(THEIRS).items() if step == steps_of(OURS)[name]] == []


@pytest.mark.slow
def test_every_public_call_is_there(stories: tuple[dict[str, Any], dict[str, Any]]) -> None:
    """Each with the same parameters in the same order; what ours adds is named."""
    released, ours = stories
    assert len(released["signatures"]) > 35
    for name, parameters in released["signatures"].items():
        found = ours["signatures"][name]
        assert found[: len(parameters)] == parameters, name
        assert all(each.startswith("*") for each in found[len(parameters) :]), name


def test_the_tables_of_what_is_otherwise_are_in_the_pages() -> None:
    """docs/drop-in.md has every public call by its name, or by the end of it."""
    from palaver.compat.longtrainer import LongTrainer
    from palaver.compat.longtrainer.refusals import INSTEAD

    page = (ROOT / "docs/drop-in.md").read_text(encoding="utf-8")
    calls = [name for name in dir(LongTrainer) if not name.startswith("_")]
    for name in (*calls, *INSTEAD):
        short = f"_{name.rpartition('from_')[2]}"
        assert f"`{name}" in page or f"`{short}`" in page or name in ("YouTube", "aadd_document_from_path", "close"), (
            name
        )
