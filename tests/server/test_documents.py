"""Documents over HTTP: given as JSON or in a form, read, replaced, deleted, searched; and training."""

from __future__ import annotations

import hashlib
from typing import Any

import httpx2
import pytest

from palaver.errors import DocumentFailed
from server.world import World

TEXT = "# Refunds\n\nRefunds take 14 days.\n\n# Shipping\n\nShipping is free in Germany."
PAGE = b"<!doctype html><title>Hello</title><p>Refunds take 14 days.<script>alert(1)</script>"


async def _bot(world: World) -> str:
    return str((await world.made("/v1/bots", {"name": "Helper"}))["id"])


async def _ready(world: World, made: Any) -> Any:
    await world.root.for_tenant().documents.wait(made["id"])
    return (await world.http.get(f"/v1/documents/{made['id']}")).json()


def _form(name: str, content: bytes, media_type: str = "application/octet-stream") -> dict[str, Any]:
    return {"file": (name, content, media_type)}


async def test_a_text_becomes_a_document(world: World) -> None:
    """201 with its place while it is pending; then it is ready, listed, and its chunks are slices of its text."""
    bot = await _bot(world)
    body = {"text": TEXT, "title": "Policy", "metadata": {"product": "billing"}, "media_type": "text/markdown"}
    answer = await world.http.post(f"/v1/bots/{bot}/documents", json=body)
    made = answer.json()
    assert (answer.status_code, made["status"]) == (201, "pending")
    assert answer.headers["location"] == f"/v1/documents/{made['id']}"
    assert "etag" not in answer.headers
    ready = await _ready(world, made)
    assert (ready["status"], ready["ready_version"], ready["source"]) == ("ready", 1, "text")
    assert (ready["title"], ready["metadata"]) == ("Policy", {"product": "billing"})
    assert ready["sha256"] == hashlib.sha256(TEXT.encode()).hexdigest()
    assert (await world.http.get(f"/v1/bots/{bot}/documents")).json()["data"] == [ready]
    chunks = (await world.http.get(f"{answer.headers['location']}/chunks")).json()["data"]
    assert ready["chunk_count"] == len(chunks) > 0
    assert [chunk["ordinal"] for chunk in chunks] == list(range(len(chunks)))
    assert "Refunds take 14 days." in chunks[0]["text"]


async def test_a_file_comes_in_a_form(world: World) -> None:
    """A form has one file, a title and metadata in JSON; the name of the file is the title where none is given."""
    bot = await _bot(world)
    url = f"/v1/bots/{bot}/documents"
    given = await world.http.post(
        url, files=_form("prices.csv", b"item,price\nApple,1\n"), data={"title": "Prices", "metadata": '{"a": [1]}'}
    )
    made = await _ready(world, given.json())
    assert (made["title"], made["metadata"], made["source"]) == ("Prices", {"a": [1]}, "file")
    assert (made["media_type"], made["status"]) == ("text/csv", "ready")
    plain = await world.http.post(url, files=_form("notes.txt", b"Some notes."))
    assert plain.json()["title"] == "notes.txt"


@pytest.mark.parametrize(
    "name", ["../../etc/passwd.txt", "C:\\x\\a.txt", "a\u202etxt.exe.txt", "a\tb.txt", "x" * 500 + ".txt"]
)
async def test_the_stored_name_is_ours(world: World, name: str) -> None:
    """Nothing of a path, no character that is not seen and no endless name is kept of what a file is called."""
    bot = await _bot(world)
    answer = await world.http.post(f"/v1/bots/{bot}/documents", files=_form(name, b"Some words."))
    assert answer.status_code == 201, answer.text
    title = answer.json()["title"]
    assert 0 < len(title) <= 200
    assert not set(title) & set("/\\\u202e\t\x00")
    assert ".." not in title


async def test_a_document_is_made_once(world: World) -> None:
    """The same key and content again is the same document, as JSON and as a form; with another content it is refused."""
    url = f"/v1/bots/{await _bot(world)}/documents"
    for number, (same, other) in enumerate(
        (
            ({"json": {"text": "One."}}, {"json": {"text": "Two."}}),
            ({"files": _form("a.txt", b"One.")}, {"files": _form("a.txt", b"Two.")}),
        )
    ):
        headers = {"Idempotency-Key": f"k{number}"}
        first = await world.http.post(url, headers=headers, **same)
        again = await world.http.post(url, headers=headers, **same)
        assert (again.status_code, again.json()["id"]) == (201, first.json()["id"])
        assert again.headers["idempotent-replayed"] == "true"
        reused = await world.http.post(url, headers=headers, **other)
        assert (reused.status_code, reused.json()["code"]) == (422, "idempotency_key_reused")
    assert len((await world.http.get(url)).json()["data"]) == 2


async def test_content_is_given_back_to_be_saved(world: World) -> None:
    """What was uploaded comes back byte for byte, as a download that no browser shows, sniffs or runs."""
    bot = await _bot(world)
    made = (await world.http.post(f"/v1/bots/{bot}/documents", files=_form("hello.html", PAGE, "text/html"))).json()
    answer = await world.http.get(f"/v1/documents/{made['id']}/content")
    assert (answer.status_code, answer.content) == (200, PAGE)
    assert answer.headers["content-disposition"].startswith("attachment")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in answer.headers["content-security-policy"]
    assert "default-src 'none'" in answer.headers["content-security-policy"]


async def test_a_replacement_is_the_next_version(world: World) -> None:
    """A replacement counts up; answers come from the version before until it is ready; an empty body reads the content anew."""
    bot = await _bot(world)
    made = await _ready(world, await world.made(f"/v1/bots/{bot}/documents", {"text": TEXT}))
    url = f"/v1/documents/{made['id']}"
    replaced = (await world.http.post(url + "/replace", files=_form("b.txt", b"Refunds take 30 days."))).json()
    assert (replaced["version"], replaced["ready_version"], replaced["source"]) == (2, 1, "file")
    ready = await _ready(world, replaced)
    assert (ready["ready_version"], ready["title"]) == (2, made["title"])
    (chunk,) = (await world.http.get(url + "/chunks")).json()["data"]
    assert (chunk["text"], chunk["version"]) == ("Refunds take 30 days.", 2)
    anew = (await world.http.post(url + "/replace")).json()
    assert (anew["version"], anew["sha256"]) == (3, ready["sha256"])


async def test_a_document_that_fails_says_why(world: World) -> None:
    """What can't be read is stored, ``failed``, with a code and a sentence, and stops no other document."""
    url = f"/v1/bots/{await _bot(world)}/documents"
    broken = (await world.http.post(url, files=_form("a.pdf", b"%PDF-1.7\nnot really"))).json()
    fine = await world.made(url, {"text": "Fine."})
    await _ready(world, fine)
    with pytest.raises(DocumentFailed):
        await _ready(world, broken)
    found = (await world.http.get(f"/v1/documents/{broken['id']}")).json()
    assert (found["status"], found["error"]["code"]) == ("failed", "file_unreadable")
    assert (await world.http.get(url + "?status=failed")).json()["data"] == [found]


async def test_a_deleted_document_is_out_of_everything_until_it_is_restored(world: World) -> None:
    """Delete takes a document out of reads, lists and searches at once; restore brings it back as it was."""
    bot = await _bot(world)
    made = await _ready(world, await world.made(f"/v1/bots/{bot}/documents", {"text": TEXT}))
    url = f"/v1/documents/{made['id']}"
    assert (await world.http.delete(url)).status_code == 204
    for path in ("", "/content", "/chunks"):
        assert (await world.http.get(url + path)).status_code == 404
    assert (await world.http.post(url + "/replace", json={"text": "x"})).status_code == 404
    assert (await _found(world, bot, "refunds"))["hits"] == []
    assert (await world.http.get(f"/v1/bots/{bot}/documents")).json()["data"] == []
    deleted = (await world.http.get(f"/v1/bots/{bot}/documents?deleted=true")).json()["data"]
    assert [each["id"] for each in deleted] == [made["id"]]
    assert (await world.http.post(url + "/restore")).json()["ready_version"] == 1
    assert len((await _found(world, bot, "refunds"))["hits"]) == 1


async def _found(world: World, bot: str, query: str, **more: Any) -> Any:
    answer = await world.http.post(f"/v1/bots/{bot}/search", json={"query": query, **more})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_a_search_calls_no_model(world: World) -> None:
    """A search says what fits, how well, and how it was found; ``k`` and ``where`` narrow it; no model is called."""
    bot = await _bot(world)
    for product in ("books", "films"):
        body = {"text": f"Refunds for {product} take 14 days.", "metadata": {"product": product}}
        await _ready(world, await world.made(f"/v1/bots/{bot}/documents", body))
    calls = world.model.call_count
    found = await _found(world, bot, "How long does a refund take?")
    assert [hit["rank"] for hit in found["hits"]] == [1, 2]
    assert all(0 <= hit["score"] <= 1 for hit in found["hits"])
    assert found["mode"] == "lexical"
    assert len((await _found(world, bot, "refund", k=1))["hits"]) == 1
    (hit,) = (await _found(world, bot, "refund", where={"product": "films"}))["hits"]
    assert hit["chunk"]["text"] == "Refunds for films take 14 days."
    assert world.model.call_count == calls


@pytest.mark.parametrize("query", ['"', "*", "NEAR(", "AND OR", "col:x", "'", "(", "\\", "%", "é"])
async def test_a_search_of_documents_is_literal(world: World, query: str) -> None:
    """Whatever is looked for is text: no query language shows through."""
    bot = await _bot(world)
    await _ready(world, await world.made(f"/v1/bots/{bot}/documents", {"text": TEXT}))
    assert isinstance((await _found(world, bot, query))["hits"], list)


async def test_training_is_a_document_that_can_be_taken_back(world: World) -> None:
    """A dry run shows what would be used and stores nothing; a run is a document; nothing is used twice; a delete undoes it."""
    chat = await world.conversation()
    bot = (await world.http.get(f"/v1/conversations/{chat}")).json()["bot_id"]
    sent = await world.sent(chat, "What is the refund policy?")
    url = f"/v1/bots/{bot}/train"
    dry = await world.http.post(url, json={"dry_run": True})
    assert dry.status_code == 200
    assert (dry.json()["used"], dry.json()["conversations"], dry.json()["document"]) == (1, 1, None)
    (pair,) = dry.json()["pairs"]
    assert (pair["question"], pair["turn_id"]) == ("What is the refund policy?", sent["turn"]["id"])
    assert (await world.http.get(f"/v1/bots/{bot}/documents")).json()["data"] == []
    run = await world.http.post(url)
    assert run.status_code == 202
    assert run.headers["location"] == f"/v1/documents/{run.json()['id']}"
    ready = await _ready(world, run.json())
    assert (ready["source"], ready["chunk_count"]) == ("training", 1)
    assert ready["metadata"]["training"]["used"] == 1
    sheet = await world.http.get(f"{run.headers['location']}/content")
    assert sheet.headers["content-type"] == "text/csv"
    assert sheet.headers["content-disposition"].endswith(".csv")
    assert [line.split(",")[0] for line in sheet.text.splitlines()] == ['"question"', '"What is the refund policy?"']
    again = await world.http.post(url)
    assert (again.status_code, again.json()["used"]) == (200, 0)
    assert (await world.http.delete(run.headers["location"])).status_code == 204
    assert (await world.http.post(url, json={"dry_run": True})).json()["used"] == 1


ROUTES = [
    ("POST", "/v1/bots/{bot}/documents", "write"),
    ("GET", "/v1/bots/{bot}/documents", "read"),
    ("POST", "/v1/bots/{bot}/search", "read"),
    ("POST", "/v1/bots/{bot}/train", "write"),
    ("GET", "/v1/documents/{doc}", "read"),
    ("GET", "/v1/documents/{doc}/content", "read"),
    ("GET", "/v1/documents/{doc}/chunks", "read"),
    ("POST", "/v1/documents/{doc}/replace", "write"),
    ("POST", "/v1/documents/{doc}/restore", "admin"),
    ("DELETE", "/v1/documents/{doc}", "admin"),
]


async def _asked(world: World, method: str, path: str, headers: dict[str, str]) -> httpx2.Response:
    body = {"query": "x"} if path.endswith("/search") else {"text": "x"} if path.endswith("/documents") else {}
    return await world.http.request(method, path, headers=headers, json=None if method == "GET" else body)


async def test_a_scope_holds(world: World) -> None:
    """Each route takes its scope and those above it, and a visitor none at all."""
    ranks = ["read", "write", "admin"]
    keys = {scope: await world.key(scope) for scope in ranks}
    bot = (await world.made("/v1/bots", {"name": "Helper"}, headers=keys["admin"]))["id"]
    doc = (await world.made(f"/v1/bots/{bot}/documents", {"text": TEXT}, headers=keys["admin"]))["id"]
    entity = (await world.made("/v1/entities", {}, headers=keys["admin"]))["id"]
    keys["visitor"] = await world.key("visitor", bot_id=bot, entity_id=entity)
    for method, path, scope in ROUTES:
        filled = path.replace("{bot}", bot).replace("{doc}", doc)
        allowed = ranks[ranks.index(scope) :]
        for name, headers in keys.items():
            if name in allowed and method == "DELETE":
                continue
            status = (await _asked(world, method, filled, headers)).status_code
            assert (status == 403) == (name not in allowed), (method, path, name, status)
