"""Everything that knowrithm-py 0.1.4 does with conversations, messages, agents, documents, leads, keys and analytics.

Run by its own Python, with the address of a server, a key and an agent that fails: ``oldest.py URL KEY AGENT``. The client prints
every answer; at last it says ``done``.
"""

import sys
import tempfile
import time
from pathlib import Path

from knowrithm_py.dataclass.config import KnowrithmConfig
from knowrithm_py.dataclass.error import KnowrithmAPIError
from knowrithm_py.knowrithm.client import KnowrithmClient
from knowrithm_py.models.conversation import ConversationStatus, EntityType
from knowrithm_py.models.document import DocumentStatus

url, key, failing = sys.argv[1:]
client = KnowrithmClient(key, "", config=KnowrithmConfig(base_url=url, timeout=20))


def refused(status, code, call, *args, **more):
    error = None
    try:
        call(*args, **more)
    except KnowrithmAPIError as raised:
        error = raised
    assert error is not None, f"{call} was not refused"
    assert (error.status_code, error.error_code) == (status, code), str(error)
    assert isinstance(error.message, str)
    assert error.message
    return error


def agents():
    agent = client.agents.create({"name": "bot", "llm_provider": "scripted", "llm_model": "echo"})["id"]
    assert {one["id"] for one in client.agents.list()} == {agent, failing}
    assert client.agents.get(agent)["name"] == "bot"
    assert client.agents.update(agent, {"name": "bot 2"})["name"] == "bot 2"
    assert client.agents.patch(agent, {"idle_timeout_minutes": 30})["idle_timeout_minutes"] == 30
    assert client.agents.update_status(agent, "maintenance")["status"] == "maintenance"
    other = client.agents.create({"name": "other"})["id"]
    client.agents.delete(other)
    refused(404, "NOT_FOUND", client.agents.get, other)
    assert client.agents.restore(other)["id"] == other
    return agent


def conversations(agent):
    first = client.conversations.create(agent, EntityType.USER, metadata={"source": "website_widget"})
    assert (first["status"], first["entity_type"], first["metadata"]) == (
        "active",
        "USER",
        {"source": "website_widget"},
    )
    second = client.conversations.create(agent, EntityType.LEAD)
    assert second["lead_id"] == second["entity_id"] is not None
    assert (
        client.conversations.create(agent, EntityType.LEAD, entity_id=second["lead_id"])["lead_id"] == second["lead_id"]
    )
    listed = client.conversations.list(agent_id=agent, status=ConversationStatus.ACTIVE, limit=2)
    assert [one["id"] for one in listed][1:] == [second["id"]]
    assert [one["id"] for one in client.conversations.list(agent_id=agent, limit=2, offset=2)] == [first["id"]]
    changed = client.conversations.update(first["id"], {"metadata": {"user_plan": "premium"}})
    assert changed["metadata"] == {"source": "website_widget", "user_plan": "premium"}
    assert client.conversations.archive(second["id"])["status"] == "archived"
    assert [one["id"] for one in client.conversations.list(status=ConversationStatus.ARCHIVED)] == [second["id"]]
    refused(409, "CONFLICT", client.messages.send_message, second["id"], "Too late")
    assert client.conversations.update(second["id"], {"status": "active"})["status"] == "active"
    client.conversations.delete(second["id"])
    refused(404, "NOT_FOUND", client.conversations.get, second["id"])
    assert [one["id"] for one in client.conversations.list(status=ConversationStatus.DELETED)] == [second["id"]]
    assert client.conversations.restore(second["id"])["id"] == second["id"]
    refused(400, "VALIDATION_ERROR", client.conversations.list, limit=1_000)
    return first["id"], second["id"]


def messages(conversation):
    reply = client.messages.send_message(conversation, "hello")
    assert (reply["role"], reply["content"]) == ("assistant", "You said: hello")
    assert [one["content"] for one in client.messages.list_messages(conversation)] == ["hello", "You said: hello"]
    assert [one["id"] for one in client.messages.list_messages(conversation, limit=1, offset=1)] == [reply["id"]]
    assert client.messages.get_message(reply["id"])["content"] == "You said: hello"
    assert client.messages.rate_message(reply["id"], 5, feedback="good")["rating"] == 5
    assert client.messages.get_message(reply["id"])["feedback"] == "good"
    again = client.messages.send_message(conversation, "again", priority="high")["id"]
    client.messages.delete_message(again)
    assert len(client.messages.list_messages(conversation)) == 2
    assert client.messages.restore_message(again)["content"] == "You said: again"
    assert len(client.messages.list_messages(conversation)) == 4
    client.messages.delete_message(again)
    refused(400, "VALIDATION_ERROR", client.messages.rate_message, reply["id"], 6)
    refused(400, "VALIDATION_ERROR", client.messages.send_message, conversation, "x", role="system")
    failed = client.conversations.create(failing)["id"]
    assert refused(502, "MODEL_ERROR", client.messages.send_message, failed, "Break").response_data["details"][
        "message_id"
    ]


def ending(first, second):
    assert client.conversations.end_conversation(second)["status"] == "ended"
    ended = client.conversations.end_conversation(first, satisfaction_rating=4)
    assert (ended["status"], ended["rating"], ended["ended_at"] is not None) == ("ended", 4, True)
    refused(409, "CONFLICT", client.messages.send_message, first, "Too late")


def documents(agent):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "handbook.txt")
        path.write_text("Refunds are paid within fourteen days of the purchase.")
        document = client.documents.upload(str(path), agent_id=agent, tags="help")
    assert (document["name"], document["metadata"]) == ("handbook.txt", {"tags": "help"})
    client.documents.upload_from_bytes(b"The Pro plan costs twenty euros.", "prices.txt", agent_id=agent)
    deadline = time.monotonic() + 10
    while len(client.documents.list(agent_id=agent, status=DocumentStatus.PROCESSED)) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert client.documents.get_processing_status(document["id"])["status"] == "processed"
    assert client.documents.get(document["id"])["chunk_count"] == 1
    (chunk,) = client.documents.list_chunks(document["id"])
    assert client.documents.get_chunk(chunk["id"])["content"].startswith("Refunds")
    found = client.documents.search("How fast are refunds paid?", {"agent_id": agent})["results"]
    assert found[0]["document_id"] == document["id"]
    assert client.documents.reprocess(document["id"])["version"] == 2
    client.documents.delete(document["id"])
    refused(404, "NOT_FOUND", client.documents.get, document["id"])
    assert client.documents.restore(document["id"])["id"] == document["id"]
    refused(501, "NOT_SUPPORTED", client.documents.delete_chunk, chunk["id"])


def leads():
    lead = client.leads.create({"first_name": "Ada", "email": "ada@example.org"})["id"]
    assert [one["id"] for one in client.leads.list(status="new")][:1] == [lead]
    assert client.leads.update(lead, {"last_name": "Lovelace"})["name"] == "Ada Lovelace"
    assert client.leads.patch(lead, {"phone": "1815"})["phone"] == "1815"
    assert client.leads.update_status(lead, "contacted", notes="Called.")["status"] == "contacted"
    assert client.leads.add_notes(lead, "Called again.")["notes"] == "Called again."
    assert client.leads.get(lead)["status"] == "contacted"
    client.leads.delete(lead)
    refused(404, "NOT_FOUND", client.leads.get, lead)


def analytics(agent, conversation):
    figures = client.analytics.get_conversation_analytics(conversation)
    assert figures["message_statistics"] == {
        "total_messages": 2,
        "user_message_count": 1,
        "agent_message_count": 1,
        "avg_message_length": 10.0,
    }
    assert figures["quality_metrics"]["satisfaction_rating"] == 4
    assert figures["quality_metrics"]["avg_message_rating"] == 5
    quality = client.analytics.get_agent_metrics(agent)["quality_metrics"]
    assert (quality["avg_satisfaction_rating"], quality["positive_feedback_percent"]) == (4.5, 100.0)
    assert client.analytics.get_agent_performance_comparison(agent)["performance_comparison"]
    assert client.analytics.get_dashboard()["conversations"]["active"] == 2
    assert client.analytics.get_usage_metrics(start_date="2020-01-01")["api_usage"]["error_rate_percent"] > 0
    assert client.analytics.get_lead_analytics(start_date="2020-01-01")["lead_summary"]["total_leads"] >= 1


def keys():
    assert client.auth.validate_credentials()["valid"]
    assert client.auth.get_api_key_info()["scopes"][-1] == "full_access"
    made = client.auth.create_api_key("second", permissions={"read": True, "write": True, "admin": False})
    assert made["scopes"] == ["read", "write", "update", "delete"]
    second = KnowrithmClient(made["api_key"], made["api_secret"], config=KnowrithmConfig(base_url=url))
    renewed = second.auth.refresh_api_key()
    refused(401, "AUTHENTICATION_ERROR", second.agents.list)
    third = KnowrithmClient(renewed["api_key"], renewed["api_secret"], config=KnowrithmConfig(base_url=url))
    assert third.auth.get_api_key_info()["id"] == renewed["id"]
    third.auth.revoke_api_key()
    refused(401, "AUTHENTICATION_ERROR", third.agents.list)
    assert renewed["id"] not in [one["id"] for one in client.auth.list_api_keys()["api_keys"]]


if __name__ == "__main__":
    its_agent = agents()
    its_first, its_second = conversations(its_agent)
    messages(its_first)
    ending(its_first, its_second)
    documents(its_agent)
    leads()
    analytics(its_agent, its_first)
    keys()
    print("done")
