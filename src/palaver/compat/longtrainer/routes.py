"""LongTrainer's HTTP API, below ``/longtrainer``."""

from __future__ import annotations

from typing import TypeVar, cast

from starlette.responses import Response

import palaver
from palaver.compat.bare_text import bare_text
from palaver.compat.base import Run, SurfaceRoute
from palaver.compat.longtrainer import bots, chats, knowledge, translate
from palaver.compat.longtrainer.answers import done, json_answer
from palaver.compat.longtrainer.options import BotDefaults
from palaver.compat.longtrainer.prompts import instructions_of
from palaver.compat.longtrainer.questions import composed
from palaver.compat.longtrainer.refusals import not_offered
from palaver.compat.longtrainer.schemas import Ask, Build, Find, LinksAdd, PathAdd, Prompt, QueryAdd, VisionAsk
from palaver.compat.server_files import server_file
from palaver.conversation import Kind
from palaver.errors import InvalidInput
from palaver.http.bodies import read_json
from palaver.serving import Caller
from palaver.surface import Hub
from palaver.tenant import Scope
from palaver.wire.base import Empty, Wire
from palaver.wire.checking import check

W = TypeVar("W", bound=Wire)
_BOT = "/bots/{bot_id}"
_CHAT, _VISION = _BOT + "/chats", _BOT + "/vision-chats"


def _hub(caller: Caller) -> Hub:
    # To pyright the keyword all_tenants of LocalKeys.list could be an item of an open TypedDict.
    return cast("Hub", caller.hub)


def _id(caller: Caller, name: str) -> str:
    return str(caller.request.path_params[name])


async def _body(caller: Caller, kind: type[W], *, optional: bool = False) -> W:
    limit = caller.serving.settings.limits.body_bytes
    return check(kind, await read_json(caller.request, limit, optional=optional))


async def health(_caller: Caller) -> Response:
    """Say that the server is there."""
    return json_answer({"status": "ok", "version": palaver.__version__})


async def create_bot(caller: Caller) -> Response:
    """Create a bot."""
    bot = await bots.make(_hub(caller), BotDefaults().fields())
    return json_answer({"bot_id": bot.id})


async def build_bot(caller: Caller) -> Response:
    """Set a bot up; what is not said stays."""
    wanted = await _body(caller, Build)
    built = bots.built(
        wanted.prompt_template, wanted.agent_type, agent_mode=wanted.agent_mode, has_tools=bool(wanted.tools)
    )
    bot = await caller.hub.bots.get(_id(caller, "bot_id"))
    if built:
        await caller.hub.bots.update(bot.id, **built)
    return json_answer({"status": "ok", "bot_id": bot.id})


async def load_bot(caller: Caller) -> Response:
    """Make sure that a bot is there."""
    bot = await caller.hub.bots.get(_id(caller, "bot_id"))
    return json_answer({"status": "ok", "bot_id": bot.id})


async def delete_bot(caller: Caller) -> Response:
    """Delete a bot, its chats and its documents."""
    bot_id = _id(caller, "bot_id")
    await caller.hub.bots.delete(bot_id)
    return json_answer({"status": "deleted", "bot_id": bot_id})


async def add_path(caller: Caller) -> Response:
    """Add a file of the server; it is read in the background, and the job is the document."""
    wanted = await _body(caller, PathAdd)
    bot = await caller.hub.bots.get(_id(caller, "bot_id"))
    path = await server_file(caller.serving.settings.server_files, wanted.path)
    document = await caller.hub.documents.add(bot.id, path, wait=False, metadata={"source": wanted.path})
    return json_answer({"job_id": document.id, "status": document.status.value})


async def add_links(caller: Caller) -> Response:
    """Add web pages, and answer once they are found."""
    wanted = await _body(caller, LinksAdd)
    given = [knowledge.of_link(link) for link in wanted.links]
    await caller.hub.bots.get(_id(caller, "bot_id"))
    await done(caller, knowledge.add(_hub(caller), _id(caller, "bot_id"), given))
    return json_answer({"status": "ok"})


async def add_query(caller: Caller) -> Response:
    """Refuse: Wikipedia is not searched."""
    await _body(caller, QueryAdd)
    await caller.hub.bots.get(_id(caller, "bot_id"))
    raise not_offered("add_document_from_query")


async def get_job(caller: Caller) -> Response:
    """Say how far a document is."""
    return json_answer(translate.job_of(await caller.hub.documents.get(_id(caller, "job_id"))))


async def new_chat(caller: Caller) -> Response:
    """Begin a chat."""
    await _body(caller, Empty, optional=True)
    return json_answer({"chat_id": await chats.begin(_hub(caller), _id(caller, "bot_id"), Kind.TEXT)})


async def new_vision_chat(caller: Caller) -> Response:
    """Begin a chat with images."""
    await _body(caller, Empty, optional=True)
    return json_answer({"vision_chat_id": await chats.begin(_hub(caller), _id(caller, "bot_id"), Kind.VISION)})


async def list_chats(caller: Caller) -> Response:
    """List the ids of a bot's chats that something was said in."""
    return json_answer(await chats.listing(_hub(caller), _id(caller, "bot_id")))


async def get_chat(caller: Caller) -> Response:
    """List the questions of a chat with their answers."""
    order = caller.request.query_params.get("order", "newest")
    rows = await chats.history(_hub(caller), _id(caller, "chat_id"), order)
    return json_answer({"messages": [translate.sent_row(row) for row in rows]})


async def ask(caller: Caller) -> Response:
    """Ask, and answer in JSON, or in bare text while it is said."""
    wanted = await _body(caller, Ask)
    if wanted.stream and wanted.schema_:
        raise InvalidInput("An answer that fits a schema is not streamed: it is known only as a whole.")
    question = chats.asked(wanted.query, wanted.uploaded_files, web_search=wanted.web_search)
    hub, bot_id, chat_id = _hub(caller), _id(caller, "bot_id"), _id(caller, "chat_id")
    if wanted.stream:
        await chats.chat_of(hub, bot_id, chat_id)
        caller.serving.streams.check()
        accepted = await caller.hub.messages.start(chat_id, composed(question), **chats.options())
        return await bare_text(caller, accepted.turn.id)
    if wanted.schema_:
        answer = await done(caller, chats.fitting_answer(hub, bot_id, chat_id, question, schema=wanted.schema_))
    else:
        answer = await done(caller, chats.answer(hub, bot_id, chat_id, question))
    return json_answer({"answer": answer.answer, "web_sources": answer.sources})


async def ask_vision(caller: Caller) -> Response:
    """Ask about images of the server."""
    wanted = await _body(caller, VisionAsk)
    question = chats.asked(wanted.query, wanted.uploaded_files, web_search=wanted.web_search)
    hub, bot_id, chat_id = _hub(caller), _id(caller, "bot_id"), _id(caller, "chat_id")
    await chats.chat_of(hub, bot_id, chat_id)
    images = [await server_file(caller.serving.settings.server_files, path) for path in wanted.image_paths]
    answer = await done(caller, chats.answer(hub, bot_id, chat_id, question, images))
    return json_answer({"response": answer.answer, "web_sources": answer.sources})


async def set_prompt(caller: Caller) -> Response:
    """Set a bot's instructions."""
    wanted = await _body(caller, Prompt)
    instructions = instructions_of(wanted.prompt_template)
    await caller.hub.bots.update(_id(caller, "bot_id"), instructions=instructions)
    return json_answer({"status": "ok"})


async def search(caller: Caller) -> Response:
    """Find passages of a bot's documents."""
    wanted = await _body(caller, Find)
    found = await done(caller, knowledge.find(_hub(caller), _id(caller, "bot_id"), wanted.query))
    return json_answer({"documents": [{"content": each.content, "metadata": each.metadata} for each in found]})


async def train(caller: Caller) -> Response:
    """Train a bot on what was said in its chats, and answer once it answers from that."""
    await _body(caller, Empty, optional=True)
    document = await done(caller, knowledge.train(_hub(caller), _id(caller, "bot_id")))
    if document is None:
        return json_answer({"message": translate.NOTHING_NEW, "csv_path": None})
    path = caller.url(f"/v1/documents/{document.id}/content")
    return json_answer({"message": translate.TRAINED, "csv_path": path})


def _read(method: str, path: str, run: Run) -> SurfaceRoute:
    return SurfaceRoute(method=method, path=path, run=run)


def _write(method: str, path: str, run: Run, scope: Scope = Scope.WRITE) -> SurfaceRoute:
    return SurfaceRoute(method=method, path=path, run=run, scope=scope)


ROUTES = (
    SurfaceRoute(method="GET", path="/health", run=health, scope=None),
    _write("POST", "/bots", create_bot),
    _write("DELETE", _BOT, delete_bot, Scope.ADMIN),
    _write("POST", _BOT + "/build", build_bot),
    _read("POST", _BOT + "/load", load_bot),
    _write("POST", _BOT + "/documents/path", add_path),
    _write("POST", _BOT + "/documents/link", add_links),
    _write("POST", _BOT + "/documents/query", add_query),
    _read("GET", "/jobs/{job_id}", get_job),
    _write("POST", _CHAT, new_chat),
    _read("GET", _CHAT, list_chats),
    _read("GET", "/chats/{chat_id}", get_chat),
    _write("POST", _CHAT + "/{chat_id}", ask),
    _write("POST", _VISION, new_vision_chat),
    _write("POST", _VISION + "/{chat_id}", ask_vision),
    _write("PUT", _BOT + "/prompt", set_prompt),
    _read("POST", _BOT + "/vectorstore", search),
    _write("POST", _BOT + "/train-chats", train),
)
