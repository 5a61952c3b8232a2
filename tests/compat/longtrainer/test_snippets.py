"""The code of LongTrainer's two documents about chats (MIT, github.com/ENDEVSOLS/Long-Trainer), as it stands there."""

from __future__ import annotations

import ast
import asyncio
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from langchain_core.embeddings import DeterministicFakeEmbedding
from langchain_core.language_models import FakeListChatModel

import pictures
from palaver.compat.longtrainer import LongTrainer

BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)


def blocks(page: str) -> list[str]:
    return BLOCK.findall(Path(__file__).with_name(page).read_text(encoding="utf-8"))


def run(block: str, names: dict[str, Any]) -> None:
    """Run a block; one that awaits runs in a loop of its own, as in a notebook."""
    made = compile(block, "<snippet>", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    done = eval(made, names)
    if inspect.iscoroutine(done):
        asyncio.run(done)


@pytest.fixture
def names(folder: Path) -> Iterator[dict[str, Any]]:
    """What the snippets take for granted: a trainer, a bot and an image."""
    image = folder / "path/to/image.jpg"
    image.parent.mkdir(parents=True)
    image.write_bytes(pictures.photo())
    model = FakeListChatModel(responses=["A fine answer."])
    with LongTrainer(llm=model, embedding_model=DeterministicFakeEmbedding(size=8)) as trainer:
        bot_id = trainer.initialize_bot_id()
        (folder / "rules.txt").write_text("The search query is about refunds.", encoding="utf-8")
        trainer.add_document_from_path("rules.txt", bot_id)
        trainer.create_bot(bot_id)
        yield {"trainer": trainer, "bot_id": bot_id}


def test_the_first_document_runs(names: dict[str, Any], folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its six snippets, in their order, print what it says that they do."""
    found = blocks("chat_management.md")
    assert len(found) == 6
    for block in found:
        run(block, names)
    said = capsys.readouterr().out
    assert said.count("Response:  A fine answer.\n") == 2
    assert "Q: Your query here\nA: A fine answer.\n" in said
    exported = re.search(r"^Chat history exported to: (.*)$", said, re.MULTILINE)
    assert exported is not None
    assert (folder / exported[1]).read_text(
        encoding="utf-8"
    ) == '"Question","Answer"\n"Your query here","A fine answer."\n'
    assert "Trainer updated with new chat history." in said
    chats = names["trainer"].list_chats(names["bot_id"])
    assert [chat["question"] for chat in chats["chats"]] == ["Your query here"]


def test_the_second_document_runs(names: dict[str, Any], folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its nine snippets, in their order, print what it says that they do."""
    found = blocks("chat_sessions.md")
    assert len(found) == 9
    for block in found:
        run(block, names)
    said = capsys.readouterr().out
    assert said.count("A fine answer.") > 6
    assert f"Text chats: ['{names['chat_id']}']\nVision chats: ['{names['vision_chat_id']}']\n" in said
    assert "Q: Your question here\nA: A fine answer.\n\nQ: Summarize this\n" in said
    assert "Q: What is depicted in this image?\nA: A fine answer.\n" in said
    assert "Trainer updated with new chat history.\nExported to: ./data-bot_" in said
    assert "The search query is about refunds.\n" in said
    assert Path(names["result"]["csv_path"]).is_file()
