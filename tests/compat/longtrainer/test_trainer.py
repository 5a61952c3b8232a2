"""``LongTrainer`` in this process: what the story that is compared with the released package does not tell."""

from __future__ import annotations

import asyncio
import json
import warnings
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from blockbuster import blockbuster_ctx
from langchain_core.documents import Document
from langchain_core.embeddings import DeterministicFakeEmbedding
from langchain_core.language_models import FakeListChatModel

import pictures
from compat.longtrainer.story import Parrot, WordCounts
from crash.process import serving
from documents.pdf_files import text_pdf
from palaver.blocking import BlockingHub
from palaver.compat.longtrainer import LongTrainer, NotOffered, UnknownId
from palaver.compat.longtrainer.refusals import INSTEAD
from palaver.config import Settings
from palaver.errors import DocumentFailed, InvalidInput, TurnFailed
from palaver.hub import HubRoot, LocalHub
from palaver.hub.equipment import Equipment
from palaver.hub.intake import Intake
from palaver.retrieval.fetching import Fetcher
from palaver.stores.sqlite import SqliteStore
from unit.faulty_http import answer
from unit.faulty_http import serving as server_of_pages

MB = 1024 * 1024

NUMBER = {"type": "object", "properties": {"days": {"type": "integer"}}, "required": ["days"]}


@pytest.fixture
def trainer(folder: Path) -> Iterator[LongTrainer]:
    with LongTrainer(llm=Parrot(), embedding_model=WordCounts()) as trainer:
        yield trainer


@pytest.fixture
def bot(trainer: LongTrainer) -> str:
    return trainer.initialize_bot_id()


def saying(*answers: str, **options: Any) -> LongTrainer:
    return LongTrainer(llm=FakeListChatModel(responses=list(answers)), **options)


def test_it_works_on_every_store(folder: Path, store_url: str) -> None:
    """Documents, files, chats, images, histories, training and search on a file, on PostgreSQL and on Redis."""
    with LongTrainer(llm=Parrot(), embedding_model=WordCounts(), store=store_url) as trainer:
        bot = trainer.initialize_bot_id()
        trainer.pass_documents([Document(page_content="A refund takes 14 days.", metadata={"source": "rules"})], bot)
        chat = trainer.new_chat(bot)
        answer, sources = trainer.get_response("How long is a refund?", bot, chat)
        assert (answer, sources) == ("You asked: How long is a refund?", ["rules"])
        stream = trainer.get_response("And a ship?", bot, chat, stream=True)
        assert ("".join(stream), stream.sources) == ("You asked: And a ship?", ["rules"])
        assert [row["question"] for row in trainer.get_chat_by_id(chat)] == ["And a ship?", "How long is a refund?"]
        assert trainer.list_chats(bot)["chat_ids"] == [chat]
        assert Path(str(trainer.train_chats(bot)["csv_path"])).is_file()
        assert len(trainer.get_documents(bot)) == 2
        assert "refund" in trainer.invoke_vectorstore(bot, "refund")[0].page_content
        (folder / "ships.md").write_text("# Ships\n\nWe ship at dawn.", encoding="utf-8")
        trainer.add_document_from_path("ships.md", bot)
        assert "We ship at dawn." in trainer.get_documents(bot)[-1].page_content
        (folder / "cat.jpg").write_bytes(pictures.photo())
        shown = trainer.new_vision_chat(bot)
        answer, _ = trainer.get_vision_response("What is it?", ["cat.jpg"], bot, shown)
        assert (answer, trainer.llm.seen[-1]["images"]) == ("You asked: What is it?", 1)
        assert [row["image_path"] for row in trainer.get_vision_chat_by_id(shown)] == ["cat.jpg"]
        assert trainer.list_chats(bot)["vision_chat_ids"] == [shown]
        trainer.delete_chatbot(bot)
        with pytest.raises(UnknownId):
            trainer.get_chat_by_id(chat)


async def test_it_works_over_a_server(folder: Path) -> None:
    """With the URL of a server as its store the same calls go there, and the models are the server's."""

    def story(url: str) -> tuple[str, list[str], list[dict[str, Any]]]:
        with LongTrainer(store=url) as trainer:
            bot = trainer.initialize_bot_id()
            trainer.pass_documents([Document(page_content="A refund takes 14 days.")], bot)
            chat = trainer.new_chat(bot)
            answer, sources = trainer.get_response("How long is a refund?", bot, chat)
            return answer, sources, trainer.get_chat_by_id(chat)

    async with serving(folder / "chat.db", {"PALAVER_DEFAULT_MODEL": "scripted:14 days."}) as server:
        answer, sources, history = await asyncio.to_thread(story, server.url)
        assert (answer, sources) == ("14 days.", ["A refund takes 14 days."])
        assert [row["answer"] for row in history] == ["14 days."]
        with pytest.raises(InvalidInput, match="own models"):
            LongTrainer(llm=Parrot(), store=server.url)


def test_a_bot_has_its_own_model_while_the_program_runs(folder: Path) -> None:
    """A model that is given to create_bot answers for that bot; in the next program load_bot makes it the trainer's."""
    with saying("the trainer's") as trainer:
        bot, other = trainer.initialize_bot_id(), trainer.initialize_bot_id()
        trainer.create_bot(bot, llm=FakeListChatModel(responses=["its own"]), embedding_model=WordCounts(), num_k=1)
        assert trainer.get_response("?", bot, trainer.new_chat(bot))[0] == "its own"
        assert trainer.get_response("?", other, trainer.new_chat(other))[0] == "the trainer's"
        assert trainer.hub.bots.get(bot).retrieval == {"k": 1, "embedding": "longtrainer/WordCounts"}
    with saying("the next", embedding_model=DeterministicFakeEmbedding(size=8)) as trainer:
        chat = trainer.new_chat(bot)
        with pytest.raises(TurnFailed):
            trainer.get_response("?", bot, chat)
        trainer.load_bot(bot)
        assert trainer.get_response("?", bot, chat)[0] == "the next"
        assert trainer.hub.bots.get(bot).retrieval == {"k": 1, "embedding": "longtrainer/DeterministicFakeEmbedding"}


def test_a_model_may_be_named(folder: Path) -> None:
    """A provider and a name make the bot's model; with neither it is the store's default."""
    with LongTrainer(llm_provider="groq", default_llm="llama") as trainer:
        assert trainer.hub.bots.get(trainer.initialize_bot_id()).model == "groq:llama"
    with LongTrainer(max_token_limit=500) as trainer:
        bot = trainer.hub.bots.get(trainer.initialize_bot_id())
        assert (bot.model, bot.params) == ("offline", {"context_tokens": 500})


def test_what_does_nothing_says_so(folder: Path) -> None:
    """A warning for each, at the line of the caller; none where nothing was said."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        LongTrainer().close()
        assert [str(each.message) for each in said if each.category is UserWarning] == []
        LongTrainer("mongodb://localhost:27017/", chunk_size=2048, chunk_overlap=200, ensemble=True).close()
    told = [each for each in said if each.category is UserWarning]
    names = [str(each.message).split(" ", 1)[0] for each in told]
    assert names == ["mongo_endpoint", "chunk_size", "chunk_overlap", "ensemble"]
    assert {each.filename for each in told} == {__file__}


REFUSED: dict[str, Callable[[LongTrainer, str], object]] = {
    "add_document_from_query": lambda t, b: t.add_document_from_query("Bonn", b),
    "add_document_from_github": lambda t, b: t.add_document_from_github("o/r", b),
    "add_document_from_notion": lambda t, b: t.add_document_from_notion("x", b),
    "add_document_from_crawl": lambda t, b: t.add_document_from_crawl("http://x", b),
    "add_document_from_dynamic_loader": lambda t, b: t.add_document_from_dynamic_loader(b, "X", path="x"),
    "add_document_from_aws_s3": lambda t, b: t.add_document_from_aws_s3("x", b),
    "add_document_from_google_drive": lambda t, b: t.add_document_from_google_drive("x", b),
    "add_document_from_confluence": lambda t, b: t.add_document_from_confluence("http://x", "u", "k", b),
    "YouTube": lambda t, b: t.add_document_from_link(["https://www.youtube.com/watch?v=x"], b),
    "add_tool": lambda t, b: t.add_tool(object(), b),
    "remove_tool": lambda t, b: t.remove_tool("x"),
    "agent_mode": lambda t, b: t.create_bot(b, agent_mode=True),
    "tools": lambda t, b: t.create_bot(b, tools=["x"]),
    "web_search": lambda t, b: t.get_response("?", b, "x", web_search=True),
    "vector_store_provider": lambda t, b: LongTrainer(vector_store_provider="chroma"),
    "vector_store_kwargs": lambda t, b: LongTrainer(vector_store_kwargs={"a": 1}),
    "encrypt_chats": lambda t, b: LongTrainer(encrypt_chats=True),
    "encryption_key": lambda t, b: LongTrainer(encryption_key=b"x"),
    "enable_tracer": lambda t, b: LongTrainer(enable_tracer=True),
    "rate_limit_enabled": lambda t, b: LongTrainer(rate_limit_enabled=True),
    "llm_provider": lambda t, b: LongTrainer(llm_provider="anthropic", default_llm="x"),
    "embedding_provider": lambda t, b: LongTrainer(embedding_provider="cohere"),
    **{
        name: lambda t, b, name=name: getattr(t, name)
        for name in ("client", "db", "bots", "chats", "vision_chats", "documents_collection", "bot_data")
    },
}


def test_what_has_no_place_here_is_refused_by_its_name(trainer: LongTrainer, bot: str) -> None:
    """Each refusal names what was asked for and what to use instead, and nothing is stored."""
    assert set(REFUSED) == set(INSTEAD)
    for name, call in REFUSED.items():
        with pytest.raises(NotOffered) as refused:
            call(trainer, bot)
        assert str(refused.value) == f"{name}: {INSTEAD[name]}"
    assert trainer.get_documents(bot) == []
    with pytest.raises(AttributeError):
        _ = trainer.nothing


def test_a_folder_is_read(trainer: LongTrainer, bot: str, folder: Path) -> None:
    """The files that fit and are of a kind that is read, also below; hidden ones and others are passed over."""
    for name in ("a.txt", "b.md", "c.exe", ".hidden.txt", "in/d.txt", ".git/e.txt"):
        (folder / "docs" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "docs" / name).write_text(f"This is {name}.", encoding="utf-8")
    trainer.add_document_from_directory("docs", bot, glob="*.md")
    assert [each.metadata["source"] for each in trainer.get_documents(bot)] == ["docs/b.md"]
    trainer.add_document_from_directory("docs", bot)
    sources = sorted(each.metadata["source"] for each in trainer.get_documents(bot))
    assert sources == ["docs/a.txt", "docs/b.md", "docs/in/d.txt"]
    for path, glob in (("nowhere", "*"), ("docs/a.txt", "*"), ("docs", "/absolute"), ("docs", "")):
        with pytest.raises(InvalidInput):
            trainer.add_document_from_directory(path, bot, glob)


def test_json_is_read_whole_or_through_a_filter(trainer: LongTrainer, bot: str, folder: Path) -> None:
    """Without a filter a file is a document; with one each thing that it finds, but for nulls."""
    (folder / "a.json").write_text(json.dumps({"rows": [{"text": "salt"}, {"text": "blue"}]}), encoding="utf-8")
    trainer.add_document_from_json("a.json", bot)
    trainer.add_document_from_json("a.json", bot, ".rows[].text")
    trainer.add_document_from_json("a.json", bot, ".rows[0]")
    trainer.add_document_from_json("a.json", bot, ".rows[].nothing")
    found = [each.page_content for each in trainer.get_documents(bot)]
    assert found[1:] == ["salt", "blue", '{"text": "salt"}']
    assert "salt" in found[0]
    for path, schema in (("a.json", ".rows["), ("a.json", ".rows.x"), ("nowhere.json", ".a"), ("nowhere.json", ".")):
        with pytest.raises(InvalidInput):
            trainer.add_document_from_json(path, bot, schema)


def test_one_file_that_can_not_be_read_keeps_no_other_out(trainer: LongTrainer, bot: str, folder: Path) -> None:
    """It is raised once the others are found; one that is not there adds none at all; the next try may succeed."""
    (folder / "good.txt").write_text("The sky is blue.", encoding="utf-8")
    (folder / "bad.pdf").write_bytes(text_pdf(["Salt is white."])[:200])
    with pytest.raises(InvalidInput):
        trainer.add_documents_from_paths(["good.txt", "nowhere.txt"], bot)
    assert trainer.get_documents(bot) == []
    with pytest.raises(DocumentFailed):
        trainer.add_documents_from_paths(["bad.pdf", "good.txt"], bot)
    assert [each.page_content for each in trainer.get_documents(bot)] == ["The sky is blue."]
    (folder / "bad.pdf").write_bytes(text_pdf(["Salt is white."]))
    trainer.add_document_from_path("bad.pdf", bot)
    assert "Salt is white." in trainer.get_documents(bot)[1].page_content


def test_links_are_fetched_where_that_is_opened(trainer: LongTrainer, bot: str) -> None:
    """Nothing is by default, and the error says so; what is no link is refused, and never taken for a file or a text."""
    for link, code in (
        ("https://example.com/", "fetch_disabled"),
        ("/etc/passwd", "invalid_parameter"),
        ("some words", "invalid_parameter"),
    ):
        with pytest.raises(InvalidInput) as refused:
            trainer.add_document_from_link([link], bot)
        assert refused.value.code == code


@asynccontextmanager
async def fetching(fetcher: Fetcher) -> AsyncIterator[LocalHub]:
    """A hub on a file that fetches with a fetcher."""
    settings = Settings(store="fetched.db")
    async with AsyncExitStack() as stack:
        store = SqliteStore(settings.store)
        await store.open()
        stack.push_async_callback(store.close)
        await store.ensure_tenant(settings.tenant)
        equipment = replace(Equipment.on(store, settings, stack), intake=Intake(fetcher, MB))
        await equipment.engine.start()
        stack.push_async_callback(equipment.engine.close)
        equipment.work()
        yield HubRoot(settings, store, equipment, await store.secret()).for_tenant()


async def test_a_link_that_is_opened_is_read(folder: Path) -> None:
    """Each page is a document that names its address, and is found at once; one that is not there is raised."""
    pages = (answer(200, b"<h1>Returns</h1><p>A refund takes 14 days.</p>", media_type="text/html"),)
    pages += (answer(200, b"We ship at dawn.", media_type="text/plain"), answer(404, b"", media_type="text/plain"))

    def story(fetcher: Fetcher, url: str) -> list[tuple[str, str]]:
        with LongTrainer() as trainer:
            trainer.close()
            trainer.hub = BlockingHub(lambda: fetching(fetcher))
            bot = trainer.initialize_bot_id()
            trainer.add_document_from_link([f"{url}/returns", f"{url}/ships.txt"], bot)
            assert "14 days" in trainer.invoke_vectorstore(bot, "How long is a refund?")[0].page_content
            with pytest.raises(InvalidInput, match="404"):
                trainer.add_document_from_link([f"{url}/nowhere"], bot)
            return [(each.metadata["source"], each.page_content) for each in trainer.get_documents(bot)]

    async with server_of_pages(*pages) as server:
        fetcher = Fetcher([server.url.removeprefix("http://")], limit_bytes=MB, allow_loopback=True)
        (returns, said), ships = await asyncio.to_thread(story, fetcher, server.url)
        assert (returns, ships) == (f"{server.url}/returns", (f"{server.url}/ships.txt", "We ship at dawn."))
        assert said.endswith("A refund takes 14 days.")
        assert [asked.path for asked in server.asked] == ["/returns", "/ships.txt", "/nowhere"]


async def test_a_file_may_be_added_while_others_work(folder: Path) -> None:
    """Awaited, the loop goes on; it is found once the call is back, and what can't be read is raised."""
    with await asyncio.to_thread(LongTrainer) as trainer:
        bot = await asyncio.to_thread(trainer.initialize_bot_id)
        for name in ("sky", "salt"):
            (folder / f"{name}.txt").write_text(f"All about {name}.", encoding="utf-8")
        with blockbuster_ctx():
            await asyncio.gather(*(trainer.aadd_document_from_path(f"{name}.txt", bot) for name in ("sky", "salt")))
        found = await asyncio.to_thread(trainer.get_documents, bot)
        assert sorted(each.page_content for each in found) == ["All about salt.", "All about sky."]
        for path, known, error in (("nowhere.txt", bot, InvalidInput), ("sky.txt", "bot-nobody", UnknownId)):
            with pytest.raises(error):
                await trainer.aadd_document_from_path(path, known)


def test_a_long_text_comes_back_whole(trainer: LongTrainer, bot: str) -> None:
    """However many chunks it is cut into. Metadata that are no JSON become texts, and a blank document is none."""
    text = "\n\n".join(f"Paragraph {number} says {'something ' * 40}." for number in range(30))
    given = [Document(page_content=text, metadata={"at": date(2026, 1, 2)}), Document(page_content=" \n")]
    trainer.pass_documents(given, bot)
    (found,) = trainer.get_documents(bot)
    assert (found.page_content, found.metadata["at"]) == (text, "2026-01-02")


def test_a_stream_that_fails_raises_at_its_end(trainer: LongTrainer, bot: str) -> None:
    """Nothing is kept of it, and the chat goes on."""
    chat = trainer.new_chat(bot)
    stream = trainer.get_response("break", bot, chat, stream=True)
    with pytest.raises(TurnFailed):
        list(stream)
    assert (stream.sources, trainer.get_chat_by_id(chat)) == (None, [])
    assert trainer.get_response("Well?", bot, chat)[0] == "You asked: Well?"
    with pytest.raises(UnknownId):
        trainer.get_response("?", bot, "conv_nowhere", stream=True)


async def test_an_awaited_answer_that_fails_is_raised(trainer: LongTrainer, bot: str) -> None:
    """So is an unknown chat."""
    for query, chat, error in (("break", trainer.new_chat(bot), TurnFailed), ("?", "chat-x", UnknownId)):
        with pytest.raises(error):
            _ = [text async for text in trainer.aget_response(query, bot, chat)]


async def test_an_awaited_answer_may_be_left(folder: Path) -> None:
    """In the middle, or while nothing is said: the caller goes on at once, and the whole answer is kept."""
    words = " ".join(f"word{number}" for number in range(10))
    with LongTrainer(llm=FakeListChatModel(responses=[words], sleep=0.01)) as trainer:
        bot = await asyncio.to_thread(trainer.initialize_bot_id)
        chat = await asyncio.to_thread(trainer.new_chat, bot)
        async with aclosing(trainer.aget_response("Left?", bot, chat)) as answer:
            await anext(answer)
        waiting = asyncio.ensure_future(anext(trainer.aget_response("Cancelled?", bot, chat)))
        await asyncio.sleep(0.05)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        last = [text async for text in trainer.aget_response("And now?", bot, chat)]
        rows = await asyncio.to_thread(trainer.get_chat_by_id, chat, "oldest")
        assert "".join(last) == words
        assert [row["answer"] for row in rows if row["question"] in ("Left?", "And now?")] == [words, words]


def test_questions_of_one_chat_wait_for_each_other(trainer: LongTrainer, bot: str) -> None:
    """Two threads that ask at once are both answered."""
    chat = trainer.new_chat(bot)
    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(lambda n: trainer.get_response(f"Number {n}", bot, chat)[0], range(4)))
    assert answers == [f"You asked: Number {n}" for n in range(4)]
    assert len(trainer.get_chat_by_id(chat)) == 4


def test_an_answer_that_does_not_fit_is_asked_for_again(folder: Path) -> None:
    """In its place: the history has the question once, with the answer that came of it."""
    with saying('{"days": "many"}', '```json\n{"days": 14}\n```', "no", "no again") as trainer:
        bot = trainer.initialize_bot_id()
        chat = trainer.new_chat(bot)
        answer, _ = trainer.get_response("How many?", bot, chat, schema=NUMBER)
        assert answer == {"status": "success", "data": {"days": 14}, "raw_llm_output": None, "error": None}
        assert [row["question"] for row in trainer.get_chat_by_id(chat)] == ["How many?"]
        answer, _ = trainer.get_response("And now?", bot, chat, schema=NUMBER)
        assert (answer["status"], answer["data"], answer["raw_llm_output"]) == ("partial_success", None, "no again")
        assert "no JSON" in answer["error"]


LEVELS = 40
MANY_WAYS = {f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n - 1}"}] * 2} for n in range(1, LEVELS)}
ENDLESS = {"$defs": {"d0": {"type": "object"}, **MANY_WAYS}, "$ref": f"#/$defs/d{LEVELS - 1}"}


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "nothing"},
        {"$ref": "http://127.0.0.1:9/schema"},
        {"$ref": "file:///etc/passwd"},
        {"type": "string", "pattern": "(a"},
        [],
        {"type": object()},
    ],
)
def test_a_schema_that_is_none_is_refused(trainer: LongTrainer, bot: str, schema: Any) -> None:
    """Before the model is asked; nothing outside a schema is looked at."""
    with pytest.raises(InvalidInput):
        trainer.get_response("?", bot, trainer.new_chat(bot), schema=schema)
    assert trainer.llm.seen == []


def test_a_schema_may_not_take_for_ever(folder: Path) -> None:
    """One whose judgement takes 2 to the 40 steps is an answer that does not fit."""
    with saying("{}") as trainer:
        bot = trainer.initialize_bot_id()
        answer, _ = trainer.get_response("?", bot, trainer.new_chat(bot), schema=ENDLESS)
        assert answer["status"] == "partial_success"
        assert "too long" in answer["error"]


def test_images_are_shown_and_named(trainer: LongTrainer, bot: str, folder: Path) -> None:
    """All of them go to the model, and their names into the history; what is no image is refused before anything is sent."""
    (folder / "a.jpg").write_bytes(pictures.photo())
    (folder / "b.jpg").write_bytes(pictures.photo())
    (folder / "c.jpg").write_bytes(b"no image")
    chat = trainer.new_vision_chat(bot)
    trainer.get_vision_response("What is it?", ["a.jpg", "b.jpg"], bot, chat)
    assert trainer.llm.seen[-1]["images"] == 2
    (row,) = trainer.get_vision_chat_by_id(chat)
    assert (row["image_path"], row["response"]) == ("a.jpg,b.jpg", "You asked: What is it?")
    with pytest.raises(InvalidInput):
        trainer.get_vision_response("What is it?", ["c.jpg"], bot, chat)
    assert len(trainer.llm.seen) == 1


def test_what_was_written_for_a_bot_goes_with_it(trainer: LongTrainer, bot: str, folder: Path) -> None:
    """Its CSV files hold what people said."""
    chat = trainer.new_chat(bot)
    trainer.get_response("Blue?", bot, chat)
    written = Path(trainer._export_chats_to_csv(trainer.get_chat_by_id(chat), bot))
    assert written.is_file()
    trainer.delete_chatbot(bot)
    assert not written.parent.exists()
    with pytest.raises(UnknownId):
        trainer._export_chats_to_csv([], "../bot")
