"""Everything that knowrithm-py 0.1.22 does with conversations, messages, agents, documents, leads, keys and analytics.

Run by its own Python, with the address of a server, a key and the half of a pair: ``newest.py URL KEY AGENT``. It says ``done``.
"""

import json
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from knowrithm_py.dataclass.config import KnowrithmConfig
from knowrithm_py.dataclass.error import KnowrithmAPIError
from knowrithm_py.knowrithm.client import KnowrithmClient

url, key, failing = sys.argv[1:]
client = KnowrithmClient(key, "", config=KnowrithmConfig(base_url=url, timeout=20))
bare = KnowrithmClient(key, "", config=KnowrithmConfig(base_url=url.removesuffix("/api") + "/"))

NAMES = {"llm_provider": "scripted", "llm_model": "echo", "embedding_provider": "x", "embedding_model": "y"}
IDS = {"llm_provider_id": "scripted", "llm_model_id": "echo", "embedding_provider_id": "x", "embedding_model_id": "y"}


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
    made = client.agents.create_agent(
        {"name": "My Bot/1", "description": "A try"}, settings={**NAMES, "llm_temperature": 0.6}
    )
    agent = made["agent"]["id"]
    assert made["id"] == agent
    assert (made["llm_provider"], made["llm_model"], made["llm_temperature"]) == ("scripted", "echo", 0.6)
    second = client.agents.create_agent({"name": "Second", **IDS})["agent"]
    assert client.agents.get_agent(agent)["description"] == "A try"
    assert client.agents.get_agent_by_name("my bot/1")["agent"]["id"] == agent
    assert bare.agents.get_agent(agent)["id"] == agent
    listed = client.agents.list_agents(search="second", page=1, per_page=5)
    assert [one["id"] for one in listed["agents"]] == [second["id"]]
    assert listed["pagination"] == {
        "page": 1,
        "per_page": 5,
        "total": 1,
        "pages": 1,
        "has_next": False,
        "has_prev": False,
    }
    assert (
        client.agents.update_agent(agent, {"description": "Changed", "status": "inactive"})["description"] == "Changed"
    )
    assert [one["id"] for one in client.agents.list_agents(status="inactive")["agents"]] == [agent]
    assert client.agents.test_agent(agent, query="Works?")["response"] == "You said: Works?"
    assert client.agents.test_agent(agent)["response"].startswith("You said: Hello!")
    refused(502, "MODEL_ERROR", client.agents.test_agent, failing)
    copy = client.agents.clone_agent(agent, name="Third")
    assert (copy["description"], copy["llm_model"]) == ("Changed", "echo")
    client.agents.delete_agent(copy["id"])
    refused(404, "NOT_FOUND", client.agents.get_agent, copy["id"])
    assert client.agents.restore_agent(copy["id"])["agent"]["name"] == "Third"
    refused(400, "VALIDATION_ERROR", client.agents.create_agent, {"name": "Own key", **IDS, "llm_api_key": "sk-1"})
    refused(409, "CONFLICT", client.agents.create_agent, {"name": "Second", **IDS})
    refused(501, "NOT_SUPPORTED", client.agents.get_embed_code, agent)
    refused(404, "NOT_FOUND", client.agents.get_embed_code, "bot_0198c0de00007000800000000000abcd")
    return agent


def widget(agent):
    root = url.removesuffix("/knowrithm/api")
    body = json.dumps({"widget": {"allowed_origins": ["https://shop.example"], "title": 'Ask "us"'}}).encode()
    head = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    urllib.request.urlopen(urllib.request.Request(f"{root}/v1/bots/{agent}", body, head, method="PATCH")).close()
    code = client.agents.get_embed_code(agent)
    line = f'<script src="{root}/widget.js" data-bot="{agent}" data-title="Ask &quot;us&quot;" async></script>'
    assert code == {"agent_id": agent, "embed_code": line}
    with urllib.request.urlopen(f"{url}/v1/widget.js") as script:
        assert script.headers["content-type"] == "text/javascript; charset=utf-8"
        assert b"data-bot" in script.read()


def conversations(agent):
    made = client.conversations.create_conversation(
        agent, title="First", metadata={"plan": "pro"}, max_context_length=4000
    )
    first = made["conversation"]["id"]
    assert (made["title"], made["metadata"], made["max_context_length"]) == ("First", {"plan": "pro"}, 4000)
    second = client.conversations.create_conversation(agent)["conversation"]["id"]
    assert {one["id"] for one in client.conversations.list_conversations()["conversations"]} >= {first, second}
    pages = [client.conversations.list_conversations_by_agent(agent, page=page, per_page=1) for page in (1, 2)]
    assert [one["id"] for page in pages for one in page["conversations"]] == [second, first]
    assert pages[0]["pagination"]["has_next"]
    assert pages[1]["pagination"]["has_prev"]
    assert client.conversations.list_conversations_for_entity(per_page=1)["pagination"]["per_page"] == 1
    client.conversations.delete_conversation(second)
    deleted = client.conversations.list_deleted_conversations()["conversations"]
    assert [(one["id"], one["status"]) for one in deleted] == [(second, "deleted")]
    assert client.conversations.restore_conversation(second)["conversation"]["status"] == "active"
    assert client.conversations.list_conversations_by_agent(agent, status="archived")["conversations"] == []
    refused(404, "NOT_FOUND", client.conversations.create_conversation, "bot_nothing")
    return first, second


def messages(first, second):
    reply = client.messages.send_message(first, "Hello, wörld")
    assert (reply["role"], reply["content"], reply["response"]) == ("assistant", *["You said: Hello, wörld"] * 2)
    assert reply["history"][-1]["assistant_response"] == reply["content"]
    assert reply["id"] == reply["message_id"] == reply["messages"][-1]["id"]
    said = client.conversations.list_conversation_messages(first, page=1, per_page=20)
    assert [(one["role"], one["content"]) for one in said["messages"]] == [
        ("user", "Hello, wörld"),
        ("assistant", "You said: Hello, wörld"),
    ]
    assert said["pagination"]["total"] == 2
    stream(first)
    client.messages.send_message(second, "Once")
    restoring(second)
    refused(400, "VALIDATION_ERROR", client.messages.send_message, first, "  ")
    refused(404, "NOT_FOUND", client.messages.send_message, "conv_nothing", "x")
    return reply["id"]


def restoring(conversation):
    def said():
        return [one["content"] for one in client.conversations.list_conversation_messages(conversation)["messages"]]

    twice = client.messages.send_message(conversation, "Twice")["message_id"]
    everything = ["Once", "You said: Once", "Twice", "You said: Twice"]
    client.messages.delete_message(twice)
    assert said() == everything[:2]
    deleted = client.messages.list_deleted_messages()
    assert [one["content"] for one in deleted["messages"]] == everything[:1:-1]
    assert deleted["pagination"]["total"] == 2
    assert client.messages.restore_message(twice)["message"]["content"] == "You said: Twice"
    assert said() == everything
    client.messages.delete_message(twice)
    client.conversations.delete_conversation_messages(conversation)
    assert said() == []
    assert client.conversations.restore_all_messages(conversation)["restored_count"] == 4
    assert said() == everything
    assert client.messages.list_deleted_messages()["messages"] == []
    client.conversations.delete_conversation_messages(conversation)
    refused(404, "NOT_FOUND", client.messages.restore_message, "msg_nothing")
    refused(404, "NOT_FOUND", client.conversations.restore_all_messages, "conv_nothing")


def stream(conversation):
    text = "Line\u2028break, next\u0085line, \U0001f389"
    with client.messages.send_message(conversation, text, stream=True) as events:
        assert events.message_id == events.metadata["id"]
        heard = list(events)
    assert [heard[0].event, heard[0].data["status"]] == ["chat_status", "in_progress"]
    assert {event.event for event in heard[1:-1]} == {"chat_delta"}
    assert "".join(event.data["content"] for event in heard[1:-1]) == f"You said: {text}"
    last = heard[-1]
    assert (last.event, last.data["status"], last.data["message"]["content"]) == (
        "chat_response",
        "completed",
        f"You said: {text}",
    )
    assert last.data["message"]["id"] == events.message_id
    again = list(client.messages.stream_conversation_messages(conversation, event_types=["chat_response"]))
    assert [event.raw for event in again] == [last.raw]
    error = refused(404, "NOT_FOUND", client.messages.stream_conversation_messages, "conv_nothing")
    assert "(GET http" in error.message


def failures():
    conversation = client.conversations.create_conversation(failing)["id"]
    error = refused(502, "MODEL_ERROR", client.messages.send_message, conversation, "Break")
    assert error.response_data["details"]["code"] == "provider_rejected"
    heard = list(client.messages.stream_conversation_messages(conversation))
    assert heard[-1].data["status"] == "failed"
    assert heard[-1].data["error"] == error.message
    assert client.conversations.list_conversation_messages(conversation)["messages"][0]["content"] == "Break"


def documents(agent):
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder, "handbook.txt"), Path(folder, "prices.md")]
        paths[0].write_text("Refunds are paid within fourteen days of the purchase.")
        paths[1].write_text("# Prices\n\nThe Pro plan costs twenty euros.")
        page = "https://example.org/"
        made = client.documents.upload_documents(agent, file_paths=paths, url=page, metadata={"tags": "help"})
    handbook, prices = made["documents"]
    assert [one["code"] for one in made["errors"]] == ["fetch_disabled"]
    assert (handbook["name"], handbook["metadata"]) == ("handbook.txt", {"tags": "help"})
    for _ in range(200):
        listed = client.documents.list_documents(status="processed")["documents"]
        if len(listed) == 2:
            break
        time.sleep(0.05)
    assert {one["id"] for one in listed} == {handbook["id"], prices["id"]}
    found = client.analytics.search_documents("How fast are refunds paid?", agent, limit=3)["results"]
    assert (found[0]["document_id"], found[0]["content"][:7]) == (handbook["id"], "Refunds")
    client.documents.delete_document(prices["id"])
    assert [one["id"] for one in client.documents.list_deleted_documents()["documents"]] == [prices["id"]]
    client.documents.restore_document(prices["id"])
    client.documents.bulk_delete_documents([handbook["id"], prices["id"]])
    assert client.documents.list_documents()["documents"] == []
    refused(501, "NOT_SUPPORTED", client.documents.list_deleted_chunks)
    refused(400, "VALIDATION_ERROR", client.documents.upload_documents, agent, url="file:///etc/passwd")


def leads(agent):
    said = {
        "agent_id": agent,
        "first_name": "Ada",
        "last_name": "Lovelace",
        "email": "ada@example.org",
        "phone": "1815",
    }
    lead = client.leads.register_lead(said)["lead"]
    assert (lead["name"], lead["phone"], lead["status"]) == ("Ada Lovelace", "1815", "new")
    other = client.leads.create_lead({"first_name": "Grace", "email": "grace@example.org", "source": "fair"})
    assert (
        client.leads.update_lead(other["id"], {"last_name": "Hopper", "status": "converted"})["name"] == "Grace Hopper"
    )
    assert client.leads.get_lead(lead["id"])["email"] == "ada@example.org"
    listed = client.leads.list_company_leads(search="hopper", status="converted")
    assert [one["id"] for one in listed["leads"]] == [other["id"]]
    figures = client.analytics.get_lead_analytics()
    assert figures["lead_summary"]["total_leads"] == 2
    assert figures["conversion_funnel"]["overall_conversion_rate_percent"] == 50.0
    assert figures["top_performing_sources"] == [{"source": "fair", "count": 1}]
    client.leads.delete_lead(other["id"])
    refused(404, "NOT_FOUND", client.leads.get_lead, other["id"])
    assert client.conversations.list_conversations_by_entity(lead["id"], entity_type="lead")["conversations"] == []


def keys():
    about = client.api_keys.validate_credentials({})
    assert about["valid"]
    assert "admin" in about["scopes"]
    made = client.api_keys.create_api_key({"name": "Reader", "scopes": ["read"]})
    assert made["api_key"].startswith("ak_")
    reader = KnowrithmClient(made["api_key"], made["api_secret"], config=KnowrithmConfig(base_url=url))
    assert reader.api_keys.validate_credentials({})["scopes"] == ["read"]
    assert reader.agents.list_agents()["agents"]
    refused(403, "AUTHORIZATION_ERROR", reader.agents.create_agent, {"name": "x", **IDS})
    wrong = KnowrithmClient(made["api_key"], "wrong", config=KnowrithmConfig(base_url=url))
    refused(401, "AUTHENTICATION_ERROR", wrong.agents.list_agents)
    bearer = {"Authorization": f"Bearer {key}"}
    assert "Reader" in [one["name"] for one in wrong.api_keys.list_api_keys(bearer)["api_keys"]]
    client.api_keys.delete_api_key(made["id"], {})
    refused(401, "AUTHENTICATION_ERROR", reader.agents.list_agents)
    refused(501, "NOT_SUPPORTED", client.auth.login, "a@example.org", "secret")


def analytics(agent, conversation):
    figures = client.analytics.get_conversation_analytics(conversation)
    assert figures["message_statistics"]["total_messages"] == 4
    assert figures["conversation_flow"]["duration_minutes"] >= 0
    its = client.analytics.get_agent_analytics(agent, start_date="2020-01-01", end_date="2100-01-01")
    assert its["conversation_metrics"]["total_conversations"] == 2
    assert its["performance_metrics"]["avg_response_time_seconds"] >= 0
    assert (
        client.analytics.get_agent_analytics(agent, end_date="2020-01-01")["conversation_metrics"][
            "total_conversations"
        ]
        == 0
    )
    beside = client.analytics.get_agent_performance_comparison(agent)["performance_comparison"]
    assert set(beside) == {"conversations", "satisfaction_rating", "response_time"}
    assert client.agents.get_agent_stats(agent)["total_conversations"] == 2
    overview = client.analytics.get_dashboard_overview()
    assert overview["agents"]["total"] >= 3
    assert overview["messages"]["today"] >= 4
    assert client.analytics.get_usage_metrics()["api_usage"]["total_api_calls"] >= 3
    rows = client.analytics.export_analytics("conversations", "csv", start_date="2020-01-01")
    assert rows["data"].splitlines()[0].startswith('"id","agent_id"')
    assert rows["count"] == len(rows["data"].splitlines()) - 1
    assert client.analytics.health_check()["status"] == "healthy"


if __name__ == "__main__":
    its_agent = agents()
    its_first, its_second = conversations(its_agent)
    messages(its_first, its_second)
    failures()
    documents(its_agent)
    leads(its_agent)
    keys()
    analytics(its_agent, its_first)
    widget(its_agent)
    print("done")
