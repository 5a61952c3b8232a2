"""``palaver.compat.abacusai.ChatSession`` in process: the class of the document, on a store and against a server."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

import palaver
from crash.process import serving
from palaver.compat.abacusai import AiBuildingTask, ApiClient, ChatMessage, ChatSession
from palaver.embeddings.base import Purpose
from palaver.embeddings.scripted import ScriptedEmbedding
from palaver.models.scripted import ScriptedModel

DOCUMENTED = {
    "client": inspect.Parameter.empty,
    "answer": None,
    "chatSessionId": None,
    "projectId": None,
    "name": None,
    "createdAt": None,
    "status": None,
    "aiBuildingInProgress": None,
    "chatHistory": {},
    "nextAiBuildingTask": {},
}


class HeldEmbedding:
    """An embedding that waits until it is let go."""

    def __init__(self) -> None:
        self.inner = ScriptedEmbedding()
        self.dimension = self.inner.dimension
        self.let_go = threading.Event()

    async def embed(self, texts: Sequence[str], *, purpose: Purpose = Purpose.DOCUMENT) -> Sequence[bytes]:
        await asyncio.to_thread(self.let_go.wait, 30)
        return await self.inner.embed(texts, purpose=purpose)


def texts(session: ChatSession) -> list[str]:
    return [message.text[0]["text"] for message in session.chat_history]


def talk(client: ApiClient) -> None:
    session = client.create_chat_session(name="Refunds")
    assert session.chat_history == []
    for question in ("one", "two", "three"):
        session = client.send_chat_message(session.chat_session_id, question)
    assert session.answer == "You said: three"
    assert session.rename("Returns") is None
    session = session.get()
    assert (session.id, session.name, session.status) == (session.chat_session_id, "Returns", "active")
    assert session.ai_building_in_progress is False
    assert texts(session)[:2] == ["one", "You said: one"]
    assert session.delete_chat_message(0) is None
    with pytest.raises(palaver.Conflict):
        session.delete_chat_message(0)
    session = session.get()
    assert texts(session) == ["two", "You said: two", "three", "You said: three"]
    with pytest.raises(palaver.InvalidInput, match="messageIndex"):
        session.delete_chat_message(4)
    session.delete_chat_message(1)
    assert texts(session.get()) == ["three", "You said: three"]
    page = session.export()
    assert page.startswith("<!doctype html>")
    assert "Returns" in page
    second = client.create_chat_session(session.project_id)
    assert client.list_chat_sessions() == [second, session]
    assert client.list_chat_sessions(most_recent_per_project=True) == [second]
    with pytest.raises(palaver.NotFound):
        client.get_chat_session("conv_unknown")


def test_a_session_lives_on_a_store_of_this_process(tmp_path: Path) -> None:
    """Everything that the document says a session can do works on a file."""
    with palaver.connect(str(tmp_path / "chat.db"), models={"echo": ScriptedModel()}) as hub:
        hub.bots.create(name="default", model="echo")
        talk(ApiClient(hub=hub))


async def test_a_session_lives_on_a_server(tmp_path: Path) -> None:
    """The same works against a server, with the client's own way to name it."""

    def on(url: str) -> None:
        with ApiClient("", server=url) as client:
            talk(client)

    async with serving(tmp_path / "chat.db", {"PALAVER_DEFAULT_MODEL": "scripted:echo"}) as server:
        await asyncio.to_thread(on, server.url)


def test_a_session_can_be_made_by_its_id_and_a_hub(tmp_path: Path) -> None:
    """A hub will do as the client, and an index means what it meant when no message before it was ever deleted."""
    with palaver.connect(str(tmp_path / "chat.db"), models={"echo": ScriptedModel()}) as hub:
        bot = hub.bots.create(name="Echo", model="echo")
        conversation = hub.conversations.create(bot.id, title="Mine")
        hub.messages.send(conversation.id, "one")
        hub.messages.send(conversation.id, "two")
        ChatSession(hub, chatSessionId=conversation.id).delete_chat_message(0)
        session = ChatSession(hub, chatSessionId=conversation.id)
        with pytest.raises(palaver.Conflict):
            session.delete_chat_message(0)
        assert texts(session.get()) == ["two", "You said: two"]


def test_the_constructor_is_that_of_the_document() -> None:
    """Names, order and defaults are the document's, and what is given is what is shown."""
    parameters = dict(inspect.signature(ChatSession).parameters)
    assert {name: each.default for name, each in parameters.items()} == DOCUMENTED
    assert list(parameters) == list(DOCUMENTED)
    history = [{"role": "USER", "text": [{"text": "hi"}], "isUseful": True, "aNewKey": 1}]
    task = {"task": "Make it ready", "taskType": "document"}
    session = ChatSession(None, "yes", "conv_1", chatHistory=history, nextAiBuildingTask=task)
    assert isinstance(session.chat_history[0], ChatMessage)
    assert isinstance(session.next_ai_building_task, AiBuildingTask)
    assert session.to_dict() == {
        "answer": "yes",
        "chat_session_id": "conv_1",
        "chat_history": [{"role": "USER", "text": [{"text": "hi"}], "is_useful": True}],
        "next_ai_building_task": {"task": "Make it ready", "task_type": "document"},
    }
    assert repr(ChatSession(None, "yes", "conv_1", name="n")) == (
        "ChatSession(answer='yes',\n  chat_session_id='conv_1',\n  name='n')"
    )
    bare = ChatSession(None)
    assert (bare.chat_history, bare.next_ai_building_task, hasattr(bare, "id")) == (None, None, False)
    assert bare != session
    assert ChatSession(None, "no", "conv_1") == session
    with pytest.raises(TypeError, match="without a client"):
        bare.get()


def test_building_is_what_happens_to_the_bots_documents(tmp_path: Path) -> None:
    """While a document is made ready its sessions say so, and which it is; afterwards they do not."""
    held = HeldEmbedding()
    models, embeddings = {"echo": ScriptedModel()}, {"held": held}
    with palaver.connect(str(tmp_path / "chat.db"), models=models, embeddings=embeddings) as hub:
        bot = hub.bots.create(name="Echo", model="echo", retrieval={"embedding": "held"})
        session = ApiClient(hub=hub).create_chat_session(bot.id)
        document = hub.documents.add(bot.id, text="Refunds take a week.", title="Handbook", wait=False)
        building = session.get()
        assert building.ai_building_in_progress is True
        assert building.next_ai_building_task.to_dict() == {"task": "Make Handbook ready", "task_type": "document"}
        held.let_go.set()
        hub.documents.wait(document.id)
        ready = session.get()
        assert (ready.ai_building_in_progress, ready.next_ai_building_task) == (False, None)
