"""``palaver chat``: piped, and in a real terminal."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import palaver
import pictures
from crash.process import serving
from palaver.conversation import TurnStatus

PROGRAM = str(Path(sys.executable).with_name("palaver"))
DEADLINE_SECONDS = 20


def environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PALAVER_", "OPENAI_", "GROQ_"))}
    return {**kept, "TERM": "dumb"}


def piped(store: Path, text: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [PROGRAM, "chat", *arguments, "--store", str(store)]
    return subprocess.run(
        command, input=text, capture_output=True, text=True, timeout=DEADLINE_SECONDS, check=False, env=environment()
    )


class Terminal:
    """A person at a terminal: types, and waits for what is shown."""

    def __init__(self, store: Path, *arguments: str) -> None:
        self.shown = ""
        self._pid, self._fd = pty.fork()
        if self._pid == 0:
            os.execve(PROGRAM, [PROGRAM, "chat", *arguments, "--store", str(store)], environment())

    def wait_for(self, text: str, *, pressing: str = "") -> None:
        """Read until ``text`` is shown, behind what was waited for before.

        ``pressing`` is pressed each second meanwhile: input() loses a Ctrl-C in the instant at which its prompt appears.
        """
        deadline = time.monotonic() + DEADLINE_SECONDS
        while text not in self.shown:
            assert time.monotonic() < deadline, self.shown
            self.type(pressing)
            if select.select([self._fd], [], [], 1)[0]:
                self.shown += self._read()
        self.shown = self.shown.partition(text)[2]

    def _read(self) -> str:
        try:
            return os.read(self._fd, 65_536).decode(errors="replace")
        except OSError:  # EIO: the other side has gone
            raise AssertionError(f"it left: {self.shown}") from None

    def type(self, text: str) -> None:
        os.write(self._fd, text.encode())

    def leave(self) -> int:
        """Press Ctrl-D and return the exit code."""
        self.type("\x04")
        deadline = time.monotonic() + DEADLINE_SECONDS
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError):
                if select.select([self._fd], [], [], 0.05)[0]:
                    os.read(self._fd, 65_536)
            pid, status = os.waitpid(self._pid, os.WNOHANG)
            if pid:
                self._pid = 0
                return os.waitstatus_to_exitcode(status)
        raise AssertionError("it does not leave")

    def close(self) -> None:
        if self._pid:
            os.kill(self._pid, signal.SIGKILL)
            os.waitpid(self._pid, 0)
        os.close(self._fd)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "chat.db"


@pytest.fixture
def terminals() -> Iterator[list[Terminal]]:
    opened: list[Terminal] = []
    yield opened
    for terminal in opened:
        terminal.close()


def test_an_image_goes_with_the_next_message(tmp_path: Path) -> None:
    """``/image`` shows a file to the bot with the next message, and with that alone; what is no file is refused."""
    (tmp_path / "red.png").write_bytes(pictures.plain())
    typed = f"/image {tmp_path}/red.png\nWhat is it?\nAnd now?\n/history\n"
    done = piped(tmp_path / "chat.db", typed, "Eye", "--model", "scripted:Red.")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "Red.\nRed.\n> What is it? [image]\nRed.\n> And now?\nRed.\n"
    refused = piped(tmp_path / "chat.db", "/image nothing.png\n", "Eye")
    assert refused.returncode == 1
    assert "/image PATH" in refused.stderr


def test_a_pipe_gets_the_answers_and_nothing_else(store: Path) -> None:
    """Each line of stdin is a message; stdout has the answers, a line each, and the conversation is stored."""
    done = piped(store, "Hello\n\nAnd again\n", "Echo", "--model", "scripted:echo")
    assert (done.returncode, done.stdout, done.stderr) == (0, "You said: Hello\nYou said: And again\n", "")
    with palaver.connect(str(store)) as hub:
        (chat,) = hub.conversations.list()
        assert [message.text for message in hub.messages.list(chat.id)][::2] == ["Hello", "And again"]


async def test_a_chat_with_a_server(tmp_path: Path) -> None:
    """``--url`` talks to a server in the same way; nothing is stored on this side."""
    async with serving(tmp_path / "served.db", {}) as server:
        command = [PROGRAM, "chat", "Echo", "--model", "scripted:echo", "--url", server.url]
        done = await asyncio.to_thread(
            subprocess.run, command, input="Hello\n/rate 4\n", capture_output=True, text=True, cwd=tmp_path, timeout=20
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, "You said: Hello\n", "")
        async with palaver.open(server.url) as hub:
            (found,) = await hub.messages.search("You said")
    assert found.rating == 4
    assert not (tmp_path / "palaver.db").exists()


def test_with_no_bot_a_default_one_answers(store: Path) -> None:
    """With nothing configured the bot ``default`` is made and says honestly how to configure a model."""
    done = piped(store, "Hello\n")
    assert done.returncode == 0
    assert "OPENAI_API_KEY" in done.stdout
    with palaver.connect(str(store)) as hub:
        assert [(bot.name, bot.model) for bot in hub.bots.list()] == [("default", "offline")]
    assert piped(store, "Hello\n").returncode == 0


def test_several_bots_need_a_name(store: Path) -> None:
    """With several bots and none named ``default`` the person is asked which one."""
    with palaver.connect(str(store)) as hub:
        for name in ("Ada", "Bob"):
            hub.bots.create(name=name, model="scripted:echo")
    done = piped(store, "Hello\n")
    assert done.returncode == 2
    assert "Bob, Ada" in done.stderr
    other = piped(store, "Hello\n", "Ada", "--model", "offline")
    assert other.returncode == 2
    assert "palaver bots edit Ada" in other.stderr


def test_a_failed_answer_is_an_exit_code(store: Path) -> None:
    """A pipe whose turn fails gets the reason on stderr and exit code 1, behind the text that came."""
    done = piped(store, "Hello\n", "Broken", "--model", "scripted:fail?code=provider_error&count=2")
    assert (done.returncode, done.stdout, done.stderr) == (1, "word0 word1\n", "The script says so.\n")


def test_commands(store: Path) -> None:
    """/rate, /regenerate, /new, /history and a command that does not exist do what they say."""
    lines = [
        "/rate 3",
        "Hello",
        "/rate 9",
        "/rate 4",
        "/regenerate",
        "/history",
        "/new",
        "Fresh",
        "/dance",
        "/quit",
        "No",
    ]
    done = piped(store, "\n".join(lines), "Echo", "--model", "scripted:echo")
    assert done.stdout == "You said: Hello\nYou said: Hello\n> Hello\nYou said: Hello\nYou said: Fresh\n"
    assert (
        done.stderr == "There is no answer yet.\nRate from 1 to 5: /rate 4\n/dance is no command; /help lists them.\n"
    )
    with palaver.connect(str(store)) as hub:
        fresh, first = hub.conversations.list()
        assert [message.text for message in hub.messages.list(fresh.id)] == ["Fresh", "You said: Fresh"]
        regenerated, other = hub.conversations.branches(first.id)
        assert {regenerated.parent_id, other.parent_id} == {None}
        assert sum(branch.active for branch in (regenerated, other)) == 1


def test_a_terminal_streams_stops_and_comes_back(store: Path, terminals: list[Terminal]) -> None:
    """In a real terminal an answer is shown as it comes; Ctrl-C stops it and keeps what was said; reopening the
    conversation shows it; Ctrl-D leaves with exit code 0."""
    terminal = Terminal(store, "Slow", "--model", "scripted:slow")
    terminals.append(terminal)
    terminal.wait_for("Ctrl-D leaves")
    terminal.wait_for("> ")
    terminal.type("Tell me.\n")
    terminal.wait_for("palaver chat --conversation ")
    terminal.wait_for("word3")
    assert "word99" not in terminal.shown
    terminal.type("\x03")
    terminal.wait_for("[stopped: what was said is kept]")
    terminal.wait_for("> ")
    terminal.type("/help\n")
    terminal.wait_for("what was said is kept.")
    terminal.wait_for("> ")
    terminal.wait_for("Ctrl-D leaves.", pressing="\x03")
    terminal.wait_for("> ")
    assert terminal.leave() == 0
    with palaver.connect(str(store)) as hub:
        (turn,) = hub.turns.list()
        answer = hub.messages.list(turn.conversation_id).data[1]
    assert (turn.status, turn.reason) == (TurnStatus.INTERRUPTED, "stopped")
    assert answer.text.startswith("word0 word1 word2 word3")
    again = Terminal(store, "--conversation", turn.conversation_id)
    terminals.append(again)
    again.wait_for("word0 word1 word2 word3")
    again.wait_for("> ")
    assert again.leave() == 0


def test_reopening_follows_a_running_answer(store: Path) -> None:
    """A conversation whose answer is under way, in another process, is followed to its end when it is opened."""
    with palaver.connect(str(store)) as hub:
        bot = hub.bots.create(name="Slow", model="scripted:words?count=30&delay=0.05")
        chat = hub.conversations.create(bot.id)
        hub.messages.start(chat.id, "Go on.")
        done = piped(store, "", "--conversation", chat.id)
    assert done.returncode == 0
    assert done.stdout == "> Go on.\n" + " ".join(f"word{number}" for number in range(30)) + "\n"
