"""Knowrithm's guide to conversations, block by block, over a server and in process; only the lines that import are changed."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
from pathlib import Path

from crash.process import serving

GUIDE = Path(__file__).with_name("guide.md")
MODEL = "scripted:Enterprise adds single sign-on."
BEGIN = """\
import sys
import palaver
from palaver.compat.knowrithm import KnowrithmClient
client = KnowrithmClient(api_key="", api_secret="", base_url=sys.argv[1])
client.run(lambda hub: hub.bots.create(name="your-agent-id"))
"""
TELL_A_STORY = 'print(stream_agent_response(conversation_id, "Tell me a long story about AI.") == "Enterprise adds single sign-on.")\n'
CHAT = 'interactive_chat_session(client, "your-agent-id")\n'
TYPED = "Hello?\n\nAnd in Germany?\nquit\nfive\n"

SAID = """\
Conversation started with ID: CONVERSATION
User: What's the difference between the Pro and Enterprise plans?
Agent: Enterprise adds single sign-on.
--- Conversation History (ID: CONVERSATION) ---
ICON (user): What's the difference between the Pro and Enterprise plans?
ICON (assistant): Enterprise adds single sign-on.
----------------------------------------------------
Feedback submitted. Thank you!
You: Tell me a long story about AI.
Agent: Enterprise adds single sign-on.
True
Found 1 active conversations.
Conversation CONVERSATION has been ended.
Conversation metadata updated.
Total Messages: 4
Duration: 0.00 minutes
User Satisfaction: 4/5.0
Starting a new conversation...
Conversation started (ID: CONVERSATION). Type 'quit' to end.

ICON You: Agent: Enterprise adds single sign-on.

ICON You:
ICON You: Agent: Enterprise adds single sign-on.

ICON You:
Ending conversation...
Rate this conversation (1-5): Conversation ended. Thank you!
"""


def blocks() -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", GUIDE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def program() -> str:
    """The ten blocks as one program that calls what they define."""
    changed = [
        re.sub(r"^from knowrithm_py\S* import", "from palaver.compat.knowrithm import", each, flags=re.M)
        for each in blocks()
    ]
    changed[4] += TELL_A_STORY
    changed[9] += CHAT
    return "".join([BEGIN, *changed, "client.close()\n"])


def run(target: str) -> str:
    """Run the guide's program, type what a person types, and return what was printed, ids and faces taken out."""
    env = {**os.environ, "PALAVER_DEFAULT_MODEL": MODEL, "PYTHONUTF8": "1"}
    command = [sys.executable, "-c", program(), target]
    done = subprocess.run(command, input=TYPED, env=env, capture_output=True, text=True, encoding="utf-8", timeout=60)
    assert done.returncode == 0, done.stderr
    shown = re.sub(r"conv_[0-9a-f]{32}", "CONVERSATION", done.stdout)
    return re.sub(r"[^\x00-\x7f]+", "ICON", shown).replace(" \n", "\n")


def test_the_guide_has_ten_blocks_and_only_its_imports_are_changed() -> None:
    """Ten blocks are run, and none of their other lines names the vendor's package."""
    assert len(blocks()) == 10
    assert "knowrithm_py" not in program()
    assert sum(line.startswith("from knowrithm_py") for each in blocks() for line in each.splitlines()) == 6


def test_the_guide_runs_in_process(tmp_path: Path) -> None:
    """Every block does what the guide says of it, on a file."""
    assert run(str(tmp_path / "chat.db")) == SAID


async def test_the_guide_runs_against_a_server(tmp_path: Path) -> None:
    """Every block does what the guide says of it, over HTTP."""
    async with serving(tmp_path / "chat.db", {"PALAVER_DEFAULT_MODEL": MODEL}) as server:
        assert await asyncio.to_thread(run, server.url + "/knowrithm/api") == SAID
