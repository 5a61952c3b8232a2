"""Conversations of other days: real ones that were just had, moved into the past through an export and an import."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta

from palaver.clock import parse_rfc3339, rfc3339
from palaver.ids import derived_id
from web.desk import Desk

_TIME = re.compile(r'"(\d{4}-\d\d-\d\dT[\d:.]+Z)"')
_ID = re.compile(r"\b(turn|msg)_[0-9a-f]{32}")


async def moved(desk: Desk, conversation_id: str, at: datetime, *, slower: float = 1) -> str:
    """Let a conversation begin at another time, and go so many times slower; return its new id."""
    answer = await desk.http.get(f"/v1/conversations/{conversation_id}/export?format=jsonl", timeout=60)
    lines = answer.text.splitlines()
    (began,) = (parse_rfc3339(line["started_at"]) for line in map(json.loads, lines) if line["line"] == "conversation")
    new_id = derived_id("conv", at, conversation_id)

    def time(found: re.Match[str]) -> str:
        return f'"{rfc3339(at + timedelta(seconds=(parse_rfc3339(found[1]) - began).total_seconds() * slower))}"'

    def told(line: str) -> str:
        if json.loads(line)["line"] not in ("conversation", "turn", "message"):
            return line
        named = _ID.sub(lambda found: derived_id(found[1], at, found[0], within=new_id), line)
        return _TIME.sub(time, named.replace(conversation_id, new_id))

    await desk.http.delete(f"/v1/conversations/{conversation_id}", timeout=60)
    done = await desk.http.post("/v1/import", json={"lines": [json.loads(told(line)) for line in lines]}, timeout=60)
    assert done.status_code == 200, done.text
    return new_id
