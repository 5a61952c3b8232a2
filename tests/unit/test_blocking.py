"""The blocking hub on a file, as a script uses it."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest

import palaver
from palaver.looper import LooperClosed

FORGETFUL = """
import palaver
hub = palaver.connect("a.db")
bot = hub.bots.create(name="Slow", model="scripted:slow")
chat = hub.conversations.create(bot.id)
stream = hub.messages.stream(chat.id, "Go on.")
for event in stream:
    if event.seq == 4:
        print(event.data)
        break
"""
INTERRUPTED = """
import os, signal, threading, palaver
hub = palaver.connect("a.db")
bot = hub.bots.create(name="Slow", model="scripted:slow")
chat = hub.conversations.create(bot.id)
threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
try:
    hub.messages.send(chat.id, "Go on.", key="k")
except KeyboardInterrupt:
    turn = hub.messages.start(chat.id, "Go on.", key="k").turn
    print(turn.status, hub.turns.stop(turn.id).reason)
hub.close()
"""


def script(source: str, folder: Path) -> str:
    done = subprocess.run([sys.executable, "-c", source], cwd=folder, capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_a_script_that_forgets_to_close_ends(tmp_path: Path) -> None:
    """A script that leaves a stream and never closes its hub ends at once; what it saw is stored, and the turn that was
    left running is ended by the next one to open the file, once its lease is over."""
    assert "word" in script(FORGETFUL, tmp_path)
    with palaver.connect(str(tmp_path / "a.db")) as hub:
        (turn,) = hub.turns.list()
        assert hub.messages.list(turn.conversation_id).data[1].text.startswith("word0")


def test_ctrl_c_leaves_the_turn_running(tmp_path: Path) -> None:
    """Ctrl-C in a waiting send is a KeyboardInterrupt; the turn runs on, and the hub can still stop it."""
    assert script(INTERRUPTED, tmp_path) == "running stopped\n"


def test_closing_twice_and_using_it_afterwards(tmp_path: Path) -> None:
    """Close may be repeated; a call afterwards is a LooperClosed."""
    hub = palaver.connect(str(tmp_path / "a.db"))
    hub.close()
    hub.close()
    with pytest.raises(LooperClosed):
        hub.bots.list()


def test_threads_share_a_hub(tmp_path: Path) -> None:
    """Eight threads talk in conversations of their own through one hub, each gets its own answers."""
    answers: dict[int, list[str]] = {}
    with palaver.connect(str(tmp_path / "a.db")) as hub:
        bot = hub.bots.create(name="Echo", model="scripted:echo")

        def talk(number: int) -> None:
            chat = hub.conversations.create(bot.id)
            sent = hub.messages.send(chat.id, f"{number} sent").text
            streamed = "".join(event.text for event in hub.messages.stream(chat.id, f"{number} streamed"))
            answers[number] = [sent, streamed]

        threads = [threading.Thread(target=talk, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
    assert answers == {n: [f"You said: {n} sent", f"You said: {n} streamed"] for n in range(8)}


def test_what_does_not_go_together_is_refused(tmp_path: Path) -> None:
    """A file has no API key; a server takes neither tenant nor models; a tenant has a name of its own alphabet."""
    file = str(tmp_path / "a.db")
    with pytest.raises(palaver.InvalidInput, match="key"):
        palaver.connect(file, api_key="pk_x")
    with pytest.raises(palaver.InvalidInput, match="tenant"):
        palaver.connect("http://127.0.0.1:1", tenant="acme")
    with pytest.raises(palaver.InvalidInput, match="tenant"):
        palaver.connect(file, tenant="../x")


def test_tenants_of_one_file_are_apart(tmp_path: Path) -> None:
    """What one tenant makes in a file, another one does not see."""
    file = str(tmp_path / "a.db")
    with palaver.connect(file, tenant="acme") as hub:
        bot = hub.bots.create(name="Mine")
    with palaver.connect(file) as hub:
        assert hub.bots.list().data == ()
        with pytest.raises(palaver.NotFound):
            hub.bots.get(bot.id)


def test_a_model_given_in_process_answers(tmp_path: Path) -> None:
    """``models=`` makes a model of this process available under its bare name."""
    from palaver.models.scripted import ScriptedModel

    with palaver.connect(str(tmp_path / "a.db"), models={"support": ScriptedModel("Here to help.")}) as hub:
        bot = hub.bots.create(name="Support", model="support")
        chat = hub.conversations.create(bot.id)
        assert hub.messages.send(chat.id, "Hello?").text == "Here to help."
