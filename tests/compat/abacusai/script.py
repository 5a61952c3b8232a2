"""What a program does with the released client, unmodified. Run by the client's own Python; it imports nothing of ours.

python script.py SERVER KEY BOT FAILING_BOT SLOW_BOT
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import sys
import time
import warnings

import abacusai
from abacusai import ApiClient, ApiException, ClientOptions, PredictionClient

SERVER, KEY, BOT, FAILING, SLOW = sys.argv[1:]
IS_NEW = abacusai.__version__ >= "1"


def raised(call, *args, **options):
    """Return the error of the API that a call raises."""
    try:
        call(*args, **options)
    except ApiException as error:
        return error
    raise AssertionError(f"{call} was let through")


def accepts(call, **options):
    """Return those options that this release of the client has."""
    return {name: value for name, value in options.items() if name in inspect.signature(call).parameters}


def spoken(history):
    """Return the texts of a session's messages."""
    return ["".join(segment["text"] for segment in message.text) for message in history]


def check_start() -> ApiClient:
    began = time.monotonic()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        client = ApiClient(KEY, server=SERVER)
    assert time.monotonic() - began < 5
    assert client.prediction_endpoint == client.proxy_endpoint == SERVER
    assert client.api_endpoint == (SERVER if IS_NEW else None)
    assert client.web_version == client.client_version
    stranger = ApiClient("pk_wrong", server=SERVER)
    error = raised(stranger.list_chat_sessions)
    assert error.http_status == 401, error
    assert error.exception == "GenericPermissionDeniedError", error
    return client


def check_sessions(client: ApiClient) -> None:
    session = client.create_chat_session(BOT, name="My chat")
    assert session.id == session.chat_session_id
    assert session.chat_session_id.startswith("conv_")
    assert (session.project_id, session.name, session.status) == (BOT, "My chat", "active")
    assert session.chat_history == []
    assert session.answer is None
    assert session.ai_building_in_progress is False
    assert session.next_ai_building_task is None
    assert session.created_at.endswith("+00:00")
    for question in ("one", "two & <b>", "three"):
        # The method of the releases 0.63 and 0.64, by the call that it made.
        session = client._call_api(
            "sendChatMessage",
            "POST",
            body={"chatSessionId": session.chat_session_id, "message": question},
            parse_type=type(session),
        )
    assert session.answer == "You said: three"
    assert [message.role for message in session.chat_history] == ["USER", "BOT"] * 3
    assert spoken(session.chat_history)[:4] == ["one", "You said: one", "two & <b>", "You said: two & <b>"]
    assert session.to_dict()["chat_history"][0]["text"] == [{"type": "text", "text": "one", "segment": "one"}]
    assert session.rename("Renamed") is None
    session = session.get()
    assert session.name == "Renamed"
    assert "name='Renamed'" in repr(session)
    listed = client.list_chat_sessions()
    assert [each.name for each in listed] == ["Renamed"]
    assert listed == [session]
    check_deletes(client, session)
    page = session.export()
    assert page.startswith("<!doctype html>")
    assert "Renamed" in page
    assert "two &amp; &lt;b&gt;" in page
    assert "<b>" not in page
    second = client.create_chat_session(BOT, name="Second")
    assert [each.name for each in client.list_chat_sessions(most_recent_per_project=True)] == ["Second"]
    assert len(client.list_chat_sessions(most_recent_per_project=False)) == 2
    nobodys = client.create_chat_session(name=None)
    assert nobodys.name is None
    assert nobodys.project_id not in (BOT, None)
    assert {each.id for each in client.list_chat_sessions(True)} == {second.id, nobodys.id}
    assert raised(client.get_chat_session, BOT.replace("bot_", "conv_")).exception == "DataNotFoundError"


def check_deletes(client: ApiClient, session) -> None:
    other = ApiClient(KEY, server=SERVER)
    assert raised(session.delete_chat_message, 6).exception == "InvalidParameterError"
    assert session.delete_chat_message(0) is None
    again = raised(session.delete_chat_message, 0)
    assert (again.exception, again.http_status) == ("ConflictError", 409)
    session = other.get_chat_session(session.id)
    assert spoken(session.chat_history) == ["two & <b>", "You said: two & <b>", "three", "You said: three"]
    session.delete_chat_message(3)
    assert spoken(session.get().chat_history) == ["two & <b>", "You said: two & <b>"]


def check_conversations(client: ApiClient) -> None:
    token = accepts(client.get_conversation_response, deployment_token="anything")
    first = client.get_conversation_response(BOT, message="hi", **token)
    kept = first["deploymentConversationId"]
    assert [said["text"] for said in first["messages"]] == ["hi", "You said: hi"]
    assert [said["is_user"] for said in first["messages"]] == [True, False]
    going_on = client.get_conversation_response(BOT, message="more", deployment_conversation_id=kept, **token)
    assert going_on["deploymentConversationId"] == kept
    assert [said["text"] for said in going_on["messages"]][2:] == ["more", "You said: more"]
    conversation = client.get_deployment_conversation(kept)
    assert conversation.deployment_id == BOT
    assert [event.role for event in conversation.history] == ["USER", "BOT"] * 2
    assert [event.text for event in conversation.history][-1] == "You said: more"
    assert [event.message_index for event in conversation.history] == [0, 1, 2, 3]
    part = client.get_deployment_conversation(kept, **accepts(client.get_deployment_conversation, start=1, limit=2))
    assert [event.message_index for event in part.history][:2] == ([1, 2] if IS_NEW else [0, 1])

    mine = {"external_session_id": "visitor 42", "temperature": 0.5, "num_completion_tokens": 50, **token}
    named = client.get_conversation_response(BOT, message="a", **mine)
    assert named["externalSessionId"] == "visitor 42"
    same = client.get_conversation_response(BOT, message="b", **mine)
    assert same["deploymentConversationId"] == named["deploymentConversationId"] != kept
    by_name = client.get_deployment_conversation(external_session_id="visitor 42")
    assert by_name.id == named["deploymentConversationId"]
    assert by_name.external_session_id == "visitor 42"
    assert len(by_name.history) == 4

    created = client.create_deployment_conversation(BOT, name="Mine")
    assert (created.name, created.deployment_id, created.history) == ("Mine", BOT, [])
    assert created.rename("Ours") is None
    assert created.get().name == "Ours"
    listed = client.list_deployment_conversations(BOT)
    assert {each.id for each in listed} >= {kept, created.id, by_name.id}
    assert client.list_deployment_conversations(deployment_id=BOT.replace("7", "8")) == []
    if IS_NEW:
        assert [each.name for each in client.list_deployment_conversations(BOT, search="our")] == ["Ours"]
        assert len(client.list_deployment_conversations(BOT, limit=2)) == 2
        other = client.create_deployment_conversation(BOT, external_application_id="app 1")
        assert client.list_deployment_conversations(external_application_id="app 1") == [other]
    check_changes(client, conversation)


def check_changes(client: ApiClient, conversation) -> None:
    conversation.set_feedback(1, is_useful=True, feedback="clear")
    conversation.set_feedback(3, is_not_useful=True)
    rated = conversation.get().history
    assert (rated[1].is_useful, rated[1].feedback, rated[3].is_useful) == (True, "clear", False)
    assert rated[0].is_useful is None
    conversation.set_feedback(3, is_not_useful=False)
    assert conversation.get().history[3].is_useful is None
    exported = conversation.export()
    assert exported.deployment_conversation_id == conversation.id
    assert "You said: more" in exported.conversation_export_html
    if "user_message_indices" in inspect.signature(client.clear_deployment_conversation).parameters:
        assert raised(conversation.clear, user_message_indices=[1]).exception == "InvalidParameterError"
        assert conversation.clear(user_message_indices=[0]) is None
        assert raised(conversation.clear, user_message_indices=[0]).exception == "ConflictError"
        assert [event.text for event in conversation.get().history] == ["more", "You said: more"]
    if IS_NEW:
        assert conversation.get_event_segments(1).segments[0]["segment"] == "You said: more"
    assert conversation.clear() is None
    assert not conversation.get().history
    assert conversation.delete() is None
    assert raised(conversation.get).exception == "DataNotFoundError"


def check_chat(client: ApiClient) -> None:
    messages = [
        {"is_user": True, "text": "My name is Ada."},
        {"is_user": False, "text": "Hello Ada."},
        {"is_user": True, "text": "hi"},
    ]
    before = len(client.list_deployment_conversations(BOT))
    answer = client.get_chat_response("anything", BOT, messages, temperature=0.1, system_message="Be brief.")
    assert answer["messages"] == [*messages, {"is_user": False, "text": "You said: hi"}]
    error = raised(client.get_chat_response, "anything", BOT, messages, filter_key_values={"a": ["b"]})
    assert error.exception == "InvalidParameterError"
    assert "filterKeyValues" in error.message
    error = raised(client.get_chat_response, "anything", FAILING, messages)
    assert (error.exception, error.http_status) == ("FailedDependencyError", 502), error
    anonymous = PredictionClient(ClientOptions(server=SERVER))
    assert anonymous.get_chat_response(KEY, BOT, messages)["messages"][-1]["text"] == "You said: hi"
    assert raised(anonymous.get_chat_response, "pk_wrong", BOT, messages).http_status == 401
    assert len(client.list_deployment_conversations(BOT)) == before


async def timed(stream) -> list[float]:
    """Return when each piece came, and look at each."""
    times = []
    async for piece in stream:
        assert set(piece) & {"segment", "end"}, piece
        times.append(time.monotonic())
    return times


async def gathered(stream) -> list[dict]:
    return [piece async for piece in stream]


def check_streams(client: ApiClient) -> None:
    pieces = asyncio.run(gathered(client.get_streaming_conversation_response("anything", BOT, "a b c d")))
    assert len(pieces) >= 2
    assert "".join(piece["segment"] for piece in pieces[:-1]) == "You said: a b c d"
    last = pieces[-1]
    assert (last["end"], last["success"]) == (True, True)
    conversation = client.get_deployment_conversation(last["deployment_conversation_id"])
    assert [event.text for event in conversation.history] == ["a b c d", "You said: a b c d"]
    options = {"deployment_conversation_id": conversation.id, "include_search_results": True}
    pieces = asyncio.run(gathered(client.get_streaming_conversation_response("anything", BOT, "again", **options)))
    assert pieces[-1]["deployment_conversation_id"] == conversation.id
    assert len(conversation.get().history) == 4

    messages = [{"is_user": True, "text": "hi there"}]
    pieces = asyncio.run(gathered(client.get_streaming_chat_response("anything", BOT, messages)))
    assert "".join(piece.get("segment", "") for piece in pieces) == "You said: hi there"
    assert pieces[-1] == {"end": True, "success": True}
    pieces = asyncio.run(gathered(client.get_streaming_conversation_response("anything", FAILING, "hi")))
    assert pieces[-1]["success"] is False
    assert pieces[-1]["error_type"] == "FailedDependencyError"
    # The server says every 50 ms that it is there; a word comes every 200 ms, as it is said.
    times = asyncio.run(timed(client.get_streaming_conversation_response("anything", SLOW, "hi")))
    assert len(times) >= 4
    assert times[-1] - times[0] > 0.4
    stranger = ApiClient("pk_wrong", server=SERVER)
    pieces = asyncio.run(gathered(stranger.get_streaming_chat_response("anything", BOT, messages)))
    assert [piece["success"] for piece in pieces] == [False]


def main() -> None:
    logging.disable(logging.WARNING)
    client = check_start()
    check_sessions(client)
    check_conversations(client)
    check_chat(client)
    if IS_NEW:  # the older release streams nothing
        check_streams(client)
    print("done")


if __name__ == "__main__":
    main()
