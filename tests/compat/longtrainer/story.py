"""One program for LongTrainer, run with the released package and with ours: what each call returned, as JSON.

    python story.py theirs|ours     in an empty folder; the package's own environment

It uses nothing but LangChain and the standard library. Ids are replaced by names, in the order in which they came.
"""

from __future__ import annotations

import asyncio
import csv
import inspect
import json
import re
import sys
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, SystemMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from pydantic import Field

WORDS = ("refund", "days", "sky", "blue", "ship", "cat", "music", "salt")
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108020000009077"
    "53de0000000c49444154789c63f8cfc0000003010100c9fe92ef0000000049454e44ae426082"
)


LIMIT = 2_000
"""The most tokens of a history, and of what is found for it."""


class WordCounts(Embeddings):
    """How often a text has each of a few words: what is about the same is near. It may be broken for a while."""

    broken = False

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        if self.broken:
            raise RuntimeError("broken on purpose")
        return [self.embed_query(text) for text in texts]

    def embed_query(self, text: str) -> list[float]:
        return [0.1 + text.lower().count(word) for word in WORDS]


class Parrot(BaseChatModel):
    """Says what it was asked, and remembers what it was given."""

    seen: list[dict[str, Any]] = Field(default_factory=list)

    @property
    def _llm_type(self) -> str:
        return "parrot"

    def _answer(self, messages: list[BaseMessage]) -> str:
        said = [message for message in messages if not isinstance(message, SystemMessage)]
        system = " ".join(str(m.text) for m in messages if isinstance(m, SystemMessage))
        self.seen.append(
            {
                "said": [[message.type, _text(message)] for message in said],
                "images": sum(_images(message) for message in said),
                "knows": [word for word in WORDS if word in system.lower()],
                "pirate": "pirate" in system,
            }
        )
        asked = _text(said[-1])
        if "JSON" in asked:
            return '{"days": 14}'
        if "break" in asked:
            raise RuntimeError("broken on purpose")
        return f"You asked: {asked}"

    def _generate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> ChatResult:
        return ChatResult(generations=[ChatGeneration(message=AIMessage(self._answer(messages)))])

    def _stream(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> Iterator[ChatGenerationChunk]:
        for word in re.findall(r"\s*\S+", self._answer(messages)):
            yield ChatGenerationChunk(message=AIMessageChunk(word))


def _text(message: BaseMessage) -> str:
    if isinstance(message.content, str):
        return message.content
    return "".join(block["text"] for block in message.content if block["type"] == "text")


def _images(message: BaseMessage) -> int:
    return 0 if isinstance(message.content, str) else sum(block["type"] == "image_url" for block in message.content)


class Told:
    """What was told of the calls so far."""

    def __init__(self) -> None:
        self.steps: dict[str, Any] = {}
        self._ids: dict[str, str] = {}

    def named(self, name: str, value: str) -> str:
        """Remember an id by a name."""
        self._ids[value] = name
        return value

    def step(self, name: str, call: Callable[[], Any], shown: Callable[[Any], Any] = lambda value: value) -> Any:
        """Make a call, tell what it returned (as ``shown``), or which kind of error it raised, and return it."""
        try:
            value = call()
            self.steps[name] = self._without_ids(shown(value))
        except Exception as error:  # noqa: BLE001  # what is raised is what is told
            value = None
            kinds = [kind.__name__ for kind in type(error).__mro__ if kind.__module__ == "builtins"]
            self.steps[name] = {"raised": type(error).__name__, "kinds": kinds[: kinds.index("Exception")]}
        return value

    def _without_ids(self, value: Any) -> Any:
        text = json.dumps(value, default=str)
        for found, name in self._ids.items():
            text = text.replace(found, name)
        return json.loads(text)


def texts(documents: Sequence[Document]) -> list[str]:
    return [document.page_content for document in documents]


def sorted_lines(documents: Sequence[Document]) -> list[str]:
    """All lines: here a file is one document, there each row of it."""
    return sorted(line for text in texts(documents) for line in text.split("\n") if line)


def rows(history: list[dict[str, Any]] | None) -> Any:
    """A history without times."""
    return [
        {name: value for name, value in row.items() if name not in {"_id", "timestamp", "web_sources", "trained"}}
        for row in history or []
    ]


async def heard(answer: Any) -> str:
    return "".join([text async for text in answer])


def read_csv(path: str) -> list[list[str]]:
    with Path(path).open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


WORD = {
    "[Content_Types].xml": """<?xml version="1.0"?>
<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">
<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>
<Override PartName="/word/document.xml"
 ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>""",
    "_rels/.rels": """<?xml version="1.0"?>
<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="main"
 Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="word/document.xml"/>
</Relationships>""",
    "word/document.xml": """<?xml version="1.0"?>
<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body>
<w:p><w:r><w:t>The desk is open.</w:t></w:r></w:p><w:p><w:r><w:t>Ring twice.</w:t></w:r></w:p></w:body></w:document>""",
}
"""The parts of a Word file of two paragraphs."""


def write_word(path: str) -> None:
    with zipfile.ZipFile(path, "w") as file:
        for name, part in WORD.items():
            file.writestr(name, part)


def knowledge(told: Told, trainer: Any) -> tuple[str, str]:
    """Two bots and what they know."""
    step = told.step
    bot = told.named("BOT", step("initialize_bot_id", trainer.initialize_bot_id, lambda value: bool(value)))
    other = told.named(
        "OTHER", step("initialize_bot_id, another", trainer.initialize_bot_id, lambda value: value != bot)
    )
    Path("sheet.csv").write_text("Topic,Rule\nrefund,Refund in 14 days\nship,We ship at dawn\n", encoding="utf-8")
    Path("page.html").write_text("<html><body><p>The sky is blue.</p></body></html>", encoding="utf-8")
    step("add_document_from_path, CSV", lambda: trainer.add_document_from_path("sheet.csv", bot))
    step("add_document_from_path, HTML", lambda: trainer.add_document_from_path("page.html", bot))
    for name in ("parcel", "pickup", "customs"):
        Path(f"{name}.csv").write_text(f"Topic,Rule\n{name},Ask for {name} at the desk\n", encoding="utf-8")
    paths = ["parcel.csv", "pickup.csv"]
    step("add_documents_from_paths, CSV", lambda: trainer.add_documents_from_paths(paths, bot))
    step("aadd_document_from_path, CSV", lambda: asyncio.run(trainer.aadd_document_from_path("customs.csv", bot)))
    write_word("desk.docx")
    step("add_document_from_path, Word", lambda: trainer.add_document_from_path("desk.docx", bot))
    Path("hours.json").write_text('{"days": [{"name": "Monday", "open": 9}, {"name": "Sunday"}]}', encoding="utf-8")
    for name, found in (("texts", ".days[].name"), ("objects", ".days[0]")):
        step(
            f"add_document_from_json, {name}",
            lambda found=found: trainer.add_document_from_json("hours.json", bot, found),
        )
    given = [Document(page_content="A cat likes music.", metadata={"source": "pets", "shelf": 3})]
    step("pass_documents", lambda: trainer.pass_documents(given, bot))
    step("pass_documents, again", lambda: trainer.pass_documents(given, bot))
    step("pass_documents, another bot", lambda: trainer.pass_documents([Document(page_content="Salt.")], other))
    step("get_documents", lambda: trainer.get_documents(bot), sorted_lines)
    step("get_documents, another bot", lambda: trainer.get_documents(other), texts)
    step("create_bot", lambda: trainer.create_bot(bot))
    step(
        "create_bot, with a prompt", lambda: trainer.create_bot(other, prompt_template="Talk like a pirate.\n{context}")
    )
    return bot, other


def searches(told: Told, trainer: Any, bot: str, other: str) -> None:
    step = told.step
    step("invoke_vectorstore", lambda: trainer.invoke_vectorstore(bot, "cat music"), lambda found: texts(found)[0])
    step(
        "invoke_vectorstore, metadata",
        lambda: trainer.invoke_vectorstore(bot, "cat music"),
        lambda found: [found[0].metadata[name] for name in ("source", "shelf")],
    )
    step("invoke_vectorstore, another bot", lambda: trainer.invoke_vectorstore(other, "cat music"), texts)
    scored = step(
        "invoke_vectorstore_with_scores",
        lambda: trainer.invoke_vectorstore_with_scores(bot, "cat music", k=2),
        lambda found: [len(found), found[0][0].page_content],
    )
    distances, scores = [each for _, each in scored], [each.metadata["retrieval_score"] for each, _ in scored]
    told.steps["scores"] = {
        "nearest first": distances == sorted(distances),
        "retrieval_score falls": scores == sorted(scores, reverse=True),
        "retrieval_score is 0 to 1": all(0 <= score <= 1 for score in scores),
    }


def talk(told: Told, trainer: Any, bot: str, other: str) -> str:
    step = told.step
    chat = told.named("CHAT", step("new_chat", lambda: trainer.new_chat(bot), lambda value: bool(value)))
    answer = step(
        "get_response", lambda: trainer.get_response("How many days for a refund?", bot, chat), lambda r: r[0]
    )
    told.steps["get_response, unpacked"] = [len(answer), answer[0]]
    step("get_response, stream", lambda: "".join(trainer.get_response("And by ship?", bot, chat, stream=True)))
    step("aget_response", lambda: asyncio.run(heard(trainer.aget_response("At dawn?", bot, chat))))
    step(
        "get_response, uploaded_files",
        lambda: trainer.get_response(
            "What is in it?",
            bot,
            chat,
            uploaded_files=[{"name": "a.txt", "type": "text/plain", "url": "http://x", "extracted_text": "A song."}],
        ),
        lambda found: "A song." in found[0],
    )
    schema = {"type": "object", "properties": {"days": {"type": "integer"}}, "required": ["days"]}
    step("get_response, schema", lambda: trainer.get_response("Days?", bot, chat, schema=schema), lambda r: r[0])
    pirate = told.named("PIRATE", trainer.new_chat(other))
    step("get_response, with a prompt", lambda: trainer.get_response("Ahoy", other, pirate), lambda r: r[0])
    told.steps["what the model was told"] = [
        {"said": seen["said"], "images": seen["images"], "pirate": seen["pirate"]}
        for seen in (*trainer.llm.seen[:3], trainer.llm.seen[-1])
    ]
    told.steps["what the model knew"] = [sorted({"refund", "days"} & set(trainer.llm.seen[0]["knows"]))]
    step("get_chat_by_id, oldest", lambda: trainer.get_chat_by_id(chat, order="oldest"), lambda h: rows(h)[:3])
    step("get_chat_by_id, newest", lambda: trainer.get_chat_by_id(chat), lambda h: [row["question"] for row in h])
    step(
        "get_chat_by_id, uploaded_files",
        lambda: trainer.get_chat_by_id(chat, "oldest")[3],
        lambda row: [row["question"], row["uploaded_files"]],
    )
    return chat


def look(told: Told, trainer: Any, bot: str) -> None:
    step = told.step
    Path("dot.png").write_bytes(PNG)
    vision = told.named("VISION", step("new_vision_chat", lambda: trainer.new_vision_chat(bot), lambda v: bool(v)))
    before = len(trainer.llm.seen)
    step(
        "get_vision_response",
        lambda: trainer.get_vision_response("What is it?", ["dot.png"], bot, vision_chat_id=vision),
        lambda found: [len(found), found[0]],
    )
    told.steps["images that the model was given"] = trainer.llm.seen[before]["images"]
    step("get_vision_chat_by_id", lambda: trainer.get_vision_chat_by_id(vision, order="oldest"), rows)


def keep(told: Told, trainer: Any, bot: str, other: str, chat: str) -> None:
    step = told.step
    step("list_chats", lambda: trainer.list_chats(bot), lambda found: [found["chat_ids"], found["vision_chat_ids"]])
    trained = step("train_chats", lambda: trainer.train_chats(bot), lambda result: result["message"])
    told.steps["train_chats, CSV"] = read_csv(trained["csv_path"])[:2]
    step("train_chats, again", lambda: trainer.train_chats(bot))
    step("set_custom_prompt_template", lambda: trainer.set_custom_prompt_template(bot, "Be a pirate. {context}"))
    step("update_chatbot", lambda: trainer.update_chatbot([], bot, documents=[Document(page_content="Salt is white.")]))
    step("update_chatbot, found", lambda: trainer.invoke_vectorstore(bot, "salt"), lambda found: texts(found)[0])
    step("load_bot", lambda: trainer.load_bot(bot))
    step("get_chat_by_id, after load_bot", lambda: trainer.get_chat_by_id(chat), lambda found: len(found))
    step("list_tools", trainer.list_tools)
    step("new_chat, unknown bot", lambda: trainer.new_chat("bot-nobody"), lambda value: value)
    step("get_response, unknown bot", lambda: trainer.get_response("?", "bot-nobody", chat))
    step("add_document_from_path, unknown bot", lambda: trainer.add_document_from_path("sheet.csv", "bot-nobody"))
    step("delete_chatbot", lambda: trainer.delete_chatbot(other))
    step("delete_chatbot, again", lambda: trainer.delete_chatbot(other))


def apart(told: Told, trainer: Any, bot: str, chat: str) -> None:
    """Where the documents and what was released part."""
    step = told.step
    kinds = lambda found: type(found).__name__  # noqa: E731
    step("str of get_response", lambda: str(trainer.get_response("Blue?", bot, chat)))
    step(
        "_export_chats_to_csv of a history",
        lambda: trainer._export_chats_to_csv(trainer.get_chat_by_id(chat), bot),
        lambda path: read_csv(path)[0] if path else path,
    )
    step("list_chats, snapshot", lambda: [each["question"] for each in trainer.list_chats(bot)["chats"]])
    empty = trainer.new_chat(bot)
    step("history of a chat without messages", lambda: trainer.get_chat_by_id(empty), kinds)
    step("an answer that fails", lambda: trainer.get_response("break", bot, empty))
    step("what is kept of it", lambda: len(trainer.get_chat_by_id(empty) or []))
    step("a file that is not there", lambda: trainer.add_document_from_path("nowhere.csv", bot))
    step(
        "an image that is not there",
        lambda: trainer.get_vision_response("?", ["nowhere.png"], bot, trainer.new_vision_chat(bot)),
    )
    step("a chat that is not there", lambda: trainer.get_chat_by_id("chat-nowhere"))
    step("an answer in a chat that is not there", lambda: trainer.get_response("?", bot, "chat-nowhere")[0])
    step("create_bot, unknown bot", lambda: trainer.create_bot("bot-nowhere"))
    step("load_bot, unknown bot", lambda: trainer.load_bot("bot-nowhere"))
    step("a chat with the bot that load_bot was given", lambda: trainer.new_chat("bot-nowhere"), kinds)
    step("get_documents, unknown bot", lambda: trainer.get_documents("bot-nowhere-2"))
    step("invoke_vectorstore, unknown bot", lambda: trainer.invoke_vectorstore("bot-nowhere-2", "x"))
    readings(told, trainer)
    fresh = trainer.initialize_bot_id()
    trainer.create_bot(fresh)
    step("a chat of another bot", lambda: trainer.get_response("Hello?", fresh, chat)[0])
    trained(told, trainer, bot)
    left = trainer.new_chat(bot)
    stream = trainer.get_response("One two three four?", bot, left, stream=True)
    next(stream)
    stream.close()
    trainer.get_response("And then?", bot, left)
    step("an answer that was left", lambda: trainer.get_chat_by_id(left, "oldest")[0]["answer"])
    long = trainer.new_chat(bot)
    for number in range(4):
        trainer.get_response(f"Number {number} {'and on ' * 300}", bot, long)
    told.steps["questions before this one that the model was given"] = len(trainer.llm.seen[-1]["said"]) // 2


def readings(told: Told, trainer: Any) -> None:
    """Where they part about JSON that no filter is given for."""
    Path("rows.json").write_text('{"rows": [{"text": "salt"}]}', encoding="utf-8")
    Path("rows.jsonl").write_text('{"text": "salt"}\n{"text": "blue"}\n', encoding="utf-8")
    for name in ("rows.json", "rows.jsonl"):
        bot = trainer.initialize_bot_id()
        trainer.add_document_from_json(name, bot)
        told.step(f"add_document_from_json, {name}", lambda bot=bot: trainer.get_documents(bot), texts)


def trained(told: Told, trainer: Any, bot: str) -> None:
    """Where they part about building and training."""
    step = told.step
    pets = trainer.initialize_bot_id()
    trainer.pass_documents([Document(page_content="A cat likes music.")], pets)
    trainer.create_bot(pets)
    once = lambda found: texts(found).count("A cat likes music.")  # noqa: E731
    trainer.create_bot(pets)
    step("a passage after the second build", lambda: trainer.invoke_vectorstore(pets, "cat music"), once)
    rules = trainer.initialize_bot_id()
    trainer.pass_documents([Document(page_content="A cat likes music.")], rules)
    trainer.create_bot(rules, prompt_template="Talk like a pirate. {context}")
    talking = trainer.new_chat(rules)
    trainer.get_response("The cat eats salt?", rules, talking)
    trainer.train_chats(rules)
    step("a passage after training", lambda: trainer.invoke_vectorstore(rules, "cat music"), once)
    trainer.get_response("What about the cat?", rules, talking)
    told.steps["an open chat knows what was trained"] = "salt" in trainer.llm.seen[-1]["knows"]
    trainer.get_response("What about the cat?", rules, trainer.new_chat(rules))
    told.steps["the prompt stays when a bot is trained"] = trainer.llm.seen[-1]["pirate"]
    step(
        "what is trained of an answer that failed",
        lambda: [row for row in read_csv(trainer.train_chats(bot)["csv_path"]) if row[0] == "break"],
    )
    WordCounts.broken = True
    step("training that fails", lambda: trainer.train_chats(rules)["message"])
    WordCounts.broken = False
    step("training after it", lambda: trainer.train_chats(rules)["message"])


def signatures(kind: type) -> dict[str, list[str]]:
    """The parameters of every public call, in their order; behind ``*`` those that are named."""
    calls = {name: call for name, call in inspect.getmembers(kind, callable) if not name.startswith("_")}
    calls["__init__"] = kind.__init__
    return {name: _parameters(call) for name, call in calls.items()}


def _parameters(call: Callable[..., Any]) -> list[str]:
    return [
        ("*" if each.kind is each.KEYWORD_ONLY else "") + each.name
        for each in inspect.signature(call).parameters.values()
    ]


def theirs(**options: Any) -> Any:
    import mongomock
    import pymongo

    pymongo.MongoClient = mongomock.MongoClient
    from longtrainer.trainer import LongTrainer

    return LongTrainer(**options)


def ours(**options: Any) -> Any:
    from palaver.compat.longtrainer import LongTrainer

    return LongTrainer(**options)


def main(which: str) -> None:
    told = Told()
    with redirect_stdout(sys.stderr):
        trainer = {"theirs": theirs, "ours": ours}[which](
            llm=Parrot(), embedding_model=WordCounts(), max_token_limit=LIMIT
        )
        bot, other = knowledge(told, trainer)
        searches(told, trainer, bot, other)
        chat = talk(told, trainer, bot, other)
        look(told, trainer, bot)
        keep(told, trainer, bot, other, chat)
        agreed, told.steps = told.steps, {}
        apart(told, trainer, bot, chat)
        trainer.close() if which == "ours" else None
    print(json.dumps({"steps": agreed, "apart": told.steps, "signatures": signatures(type(trainer))}))


if __name__ == "__main__":
    main(sys.argv[1])
