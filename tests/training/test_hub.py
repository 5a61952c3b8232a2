"""Training as a program uses it: through a hub."""

from __future__ import annotations

import csv
from pathlib import Path

import palaver
from palaver.document import DocumentStatus, report_of


def test_a_bot_is_trained_through_a_hub(tmp_path: Path) -> None:
    """The report comes once answers come from the run; the hook that was given with the hub has seen all of it; the CSV is the
    document's content; taken back, nothing is left of it."""
    with palaver.connect(str(tmp_path / "palaver.db"), redact=lambda text: text.replace("Ada", "[name]")) as hub:
        bot = hub.bots.create(name="Helper", model="scripted:Hello, Ada.")
        chat = hub.conversations.create(bot.id)
        hub.messages.send(chat.id, "=1+1, says Ada")
        preview = hub.train(bot.id, dry_run=True)
        report = hub.train(bot.id)
        assert report.document is not None
        assert report.counts() == preview.counts() == {"used": 1, "duplicates": 0, "conversations": 1}
        assert [hit.chunk.text for hit in hub.search(bot.id, "says")] == ["Q: =1+1, says [name]\nA: Hello, [name]."]
        (row,) = csv.DictReader(hub.documents.content(report.document.id).decode().splitlines())
        (pair,) = preview.pairs
        assert row == {
            "question": "'=1+1, says [name]",
            "answer": "Hello, [name].",
            "conversation_id": chat.id,
            "turn_id": pair.turn_id,
        }
        assert hub.train(bot.id).document is None
        assert hub.train(bot.id, wait=False).document is None
        hub.untrain(report.document.id)
        assert not hub.search(bot.id, "says").hits
        begun = hub.train(bot.id, wait=False)
        assert begun.document is not None
        assert begun.document.status is DocumentStatus.PROCESSING
        assert report_of(hub.documents.wait(begun.document.id)).used == 1
