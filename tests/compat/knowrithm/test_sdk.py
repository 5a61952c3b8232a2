"""The classes of the guide, beyond what the guide does with them, over a hub in this process."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from pathlib import Path

import pytest

import palaver
from palaver.blocking import BlockingHub
from palaver.compat.knowrithm import (
    AnalyticsService,
    ConversationService,
    KnowrithmAPIError,
    KnowrithmClient,
    MessageService,
)
from palaver.models.scripted import ScriptedModel


class EntityType(Enum):
    """As the old releases have it."""

    LEAD = "lead"


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[BlockingHub]:
    with palaver.connect(str(tmp_path / "chat.db"), models={"echo": ScriptedModel()}) as opened:
        yield opened


@pytest.fixture
def conversation(hub: BlockingHub) -> str:
    return ConversationService(KnowrithmClient(hub=hub)).create(hub.bots.create(name="bot", model="echo").id)["id"]


def test_a_hub_that_was_given_stays_open(hub: BlockingHub, conversation: str) -> None:
    """A client over an open hub sees what is in it, and leaves it to whoever opened it."""
    with KnowrithmClient(hub=hub) as client:
        assert ConversationService(client).get(conversation)["conversation"]["status"] == "active"
    assert hub.conversations.get(conversation).id == conversation


def test_what_was_said_is_listed_whole_or_in_part(hub: BlockingHub, conversation: str) -> None:
    """With no limit all of it, however long; with one, from the offset on."""
    messages = MessageService(KnowrithmClient(hub=hub))
    hub.messages.append(conversation, [{"role": "user", "text": str(number)} for number in range(230)])
    assert [one["content"] for one in messages.list_messages(conversation)] == [str(number) for number in range(230)]
    assert [one["content"] for one in messages.list_messages(conversation, limit=2, offset=200)] == ["200", "201"]
    assert len(messages.list_messages(conversation, offset=225)) == 5


def test_conversations_come_and_go(hub: BlockingHub, conversation: str) -> None:
    """What the services can do with a conversation is what the hub has."""
    service = ConversationService(KnowrithmClient(hub=hub))
    lead = service.create("bot", EntityType.LEAD, {"a": 1}, title="Second")
    assert (lead["entity_type"], lead["title"]) == ("LEAD", "Second")
    assert [one["id"] for one in service.list({"entity_type": "lead"})] == [lead["id"]]
    assert {one["id"] for one in service.list()} == {conversation, lead["id"]}
    assert service.update(conversation, title="First")["title"] == "First"
    assert service.archive(conversation)["status"] == "archived"
    assert service.delete(conversation)["success"]
    assert [one["status"] for one in service.list({"status": "deleted"})] == ["deleted"]
    assert service.restore(conversation)["status"] == "archived"


def test_errors_are_the_clients_own(hub: BlockingHub, conversation: str) -> None:
    """Whatever goes wrong is one class with a status and a code, with our own error behind it."""
    client = KnowrithmClient(hub=hub)
    messages = MessageService(client)
    for status, code, call in (
        (404, "not_found", lambda: ConversationService(client).get("conv_nothing")),
        (404, "not_found", lambda: ConversationService(client).create("nobody")),
        (404, "not_found", lambda: AnalyticsService(client).get_conversation_analytics("conv_nothing")),
        (422, "invalid_role", lambda: messages.send_message(conversation, "x", role="system")),
        (422, "empty_message", lambda: messages.send_message_stream(conversation, " ")),
        (422, "invalid_parameter", lambda: messages.rate_message("msg_nothing", 6)),
        (422, "invalid_filter", lambda: ConversationService(client).list({"sort_by": "secret"})),
    ):
        with pytest.raises(KnowrithmAPIError) as raised:
            call()
        assert (raised.value.status_code, raised.value.error_code) == (status, code)
        assert isinstance(raised.value.__cause__, palaver.PalaverError)


def test_a_model_that_fails_raises_also_in_the_middle_of_a_stream(hub: BlockingHub) -> None:
    """What was said before is yielded, then the error is raised, the same as of a plain send."""
    client = KnowrithmClient(hub=hub)
    hub.bots.create(name="broken", model="scripted:fail?code=provider_rejected&count=2")
    conversation = ConversationService(client).create("broken")["id"]
    heard: list[dict[str, object]] = []
    with pytest.raises(KnowrithmAPIError) as raised:
        heard.extend(MessageService(client).send_message_stream(conversation, "Hello?"))
    assert "".join(str(chunk["content"]) for chunk in heard)
    with pytest.raises(KnowrithmAPIError) as again:
        MessageService(client).send_message(conversation, "Hello?")
    assert (raised.value.status_code, raised.value.error_code) == (502, "provider_rejected")
    assert (again.value.status_code, again.value.error_code) == (502, "provider_rejected")


def test_a_stream_that_is_left_ends_nothing(hub: BlockingHub, conversation: str) -> None:
    """Leaving early does not stop the turn: the answer is there."""
    messages = MessageService(KnowrithmClient(hub=hub))
    stream = messages.send_message_stream(conversation, "Hello?")
    assert next(stream)["content"].startswith("You")
    stream.close()
    hub.turns.wait(hub.conversations.get(conversation).head_turn_id or "")
    assert messages.list_messages(conversation)[-1]["content"] == "You said: Hello?"
