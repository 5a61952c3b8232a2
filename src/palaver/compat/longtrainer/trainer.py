"""``LongTrainer`` as its programs call it, in this process, on any store of Palaver."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import palaver
from palaver.arguments import BotFields
from palaver.bot import Bot
from palaver.compat.closing import Closing
from palaver.compat.longtrainer import bots, chats, knowledge, options, prompts, sheets
from palaver.compat.longtrainer.documents import Documents
from palaver.compat.longtrainer.options import BotDefaults
from palaver.compat.longtrainer.questions import composed
from palaver.compat.longtrainer.refusals import not_offered
from palaver.compat.longtrainer.streams import AnswerStream, awaited
from palaver.compat.longtrainer.translate import NOTHING_NEW, TRAINED, Answer
from palaver.conversation import Kind
from palaver.errors import InvalidInput
from palaver.given import Given

if TYPE_CHECKING:
    from langchain_core.embeddings import Embeddings
    from langchain_core.language_models import BaseChatModel
    from langchain_core.tools import BaseTool

    from palaver.config import Settings

_NOT_HERE = frozenset({"client", "db", "bots", "chats", "vision_chats", "documents_collection", "bot_data"})


class LongTrainer(Documents, Closing):
    """Bots, their documents and their chats. A context manager; without it call ``close()`` when done.

    Arguments are LongTrainer's, in its order, and behind them ours. What it prints and passes over is raised: an unknown bot or
    chat is an ``UnknownId`` (a ``ValueError``), an answer that failed a ``TurnFailed``, and what has no place here ``NotOffered``.

    Args:
        llm: A LangChain chat model. Without one the model is ``llm_provider:default_llm`` or, where that is not named, the store's
            default, as for any bot of Palaver.
        embedding_model: LangChain embeddings. Without them ``embedding_provider:embedding_model_name``, or the store's default.
        max_token_limit: The budget for what a model is given, in estimated tokens; 100 to 10,000,000.
        num_k: How many passages an answer gets, 1 to 50.
        store: Where everything is kept: a file, a database, or the URL of a server. See ``palaver.open``.
        tenant: Whose it is. See ``palaver.open``.
        settings: See ``palaver.open``.
    """

    def __init__(
        self,
        mongo_endpoint: str | None = None,
        llm: BaseChatModel | None = None,
        embedding_model: Embeddings | None = None,
        llm_provider: str | None = None,
        default_llm: str | None = None,
        embedding_provider: str | None = None,
        embedding_model_name: str | None = None,
        vector_store_provider: str = "faiss",
        vector_store_kwargs: Mapping[str, Any] | None = None,
        prompt_template: str | None = None,
        max_token_limit: int = 32000,
        num_k: int = options.NUM_K,
        chunk_size: int | None = None,
        chunk_overlap: int | None = None,
        ensemble: bool = False,
        encrypt_chats: bool = False,
        encryption_key: bytes | None = None,
        enable_tracer: bool = False,
        tracer_backend: str = "mongo",
        tracer_verbose: bool = False,
        tracer_verify: bool = True,
        tracer_threshold: float = 0.5,
        rate_limit_enabled: bool = False,
        rate_limit_llm_rpm: int = 60,
        rate_limit_embedding_rpm: int = 120,
        rate_limit_tool_rpm: int = 30,
        rate_limit_ingestion_rpm: int = 10,
        *,
        store: str = palaver.DEFAULT_TARGET,
        tenant: str | None = None,
        settings: Settings | None = None,
    ) -> None:
        said = dict(locals())
        options.refuse(said)
        options.warn(said, stacklevel=2)
        self.llm = llm
        self.embedding_model = embedding_model
        self.prompt_template = prompt_template or prompts.DEFAULT
        self.k = num_k
        self.max_token_limit = max_token_limit
        self.ensemble = ensemble
        self._models: dict[str, Any] = {} if llm is None else {options.OWN: llm}
        self._embeddings: dict[str, Any] = {}
        self._defaults = BotDefaults(
            model=options.named_model(llm_provider, default_llm) if llm is None else options.OWN,
            embedding=self._embedding(embedding_model)
            or options.named_embedding(embedding_provider, embedding_model_name),
            prompt_template=self.prompt_template,
            num_k=num_k,
            context_tokens=max_token_limit,
        )
        self._defaults.fields()
        given = Given(models=self._models, embeddings=self._embeddings) if self._is_local(store) else Given()
        self.hub = palaver.connect(store, tenant=tenant, settings=settings, **given)

    def _is_local(self, store: str) -> bool:
        is_server = store.startswith(("http://", "https://"))
        if is_server and (self._models or self._embeddings):
            raise InvalidInput("A server has its own models: give llm and embedding_model where the store is opened.")
        return not is_server

    def _embedding(self, embedding_model: Embeddings | None) -> str | None:
        """Return the name by which bots use an embedding, from now on; None for none."""
        if embedding_model is None:
            return None
        name = options.name_of(embedding_model)
        self._embeddings[name] = embedding_model
        return name

    def close(self) -> None:
        """Let go of the store. May be called again."""
        self.hub.close()

    def __getattr__(self, name: str) -> NoReturn:
        """Refuse what is MongoDB's, by its name."""
        raise not_offered(name) if name in _NOT_HERE else AttributeError(name)

    def initialize_bot_id(self) -> str:
        """Create a bot and return its id. It can be talked to at once; documents may come at any time."""
        return self._run(lambda hub: bots.make(hub, self._defaults.fields())).id

    def create_bot(
        self,
        bot_id: str,
        prompt_template: str | None = None,
        agent_mode: bool = False,
        tools: list[Any] | None = None,
        llm: BaseChatModel | None = None,
        embedding_model: Embeddings | None = None,
        num_k: int | None = None,
        agent_type: str | None = None,
    ) -> None:
        """Set up a bot; what is not said stays as it is. A model that is given is this bot's own, in this process."""
        built = bots.built(prompt_template, agent_type, agent_mode=agent_mode, has_tools=bool(tools))
        bot = self._bot(bot_id)
        if llm is not None:
            built["model"] = f"{options.OWN}/{bot.id}"
            self._models[built["model"]] = llm
        retrieval = {"k": num_k, "embedding": self._embedding(embedding_model)}
        self._change(bot, built, {name: value for name, value in retrieval.items() if value is not None})

    def load_bot(self, bot_id: str) -> None:
        """Make sure that a bot is there, and can answer: a model or embedding of another process becomes this trainer's."""
        bot, fields, retrieval = self._bot(bot_id), BotFields(), dict[str, Any]()
        if self._is_lost(bot.model, self._models) and self._defaults.model is not None:
            fields["model"] = self._defaults.model
        embedding = bot.retrieval.get("embedding")
        if self._is_lost(embedding, self._embeddings) and self._defaults.embedding is not None:
            retrieval["embedding"] = self._defaults.embedding
        self._change(bot, fields, retrieval)

    def _is_lost(self, name: str | None, given: Mapping[str, Any]) -> bool:
        return name is not None and name.split("/", 1)[0] == options.OWN and name not in given

    def _change(self, bot: Bot, fields: BotFields, retrieval: Mapping[str, Any]) -> None:
        if retrieval:
            fields["retrieval"] = {**bot.retrieval, **retrieval}
        if fields:
            self._run(lambda hub: hub.bots.update(bot.id, **fields))

    def _bot(self, bot_id: str) -> Bot:
        return self._run(lambda hub: hub.bots.get(bot_id))

    def delete_chatbot(self, bot_id: str) -> None:
        """Delete a bot with its chats and documents, and the CSV files that were written for it."""
        bot = self._bot(bot_id)
        self._run(lambda hub: hub.bots.delete(bot.id))
        sheets.remove(bot.id)

    def set_custom_prompt_template(self, bot_id: str, prompt_template: str) -> None:
        """Set a bot's instructions. Chats that are open follow them from their next question on."""
        fields = BotFields(instructions=prompts.instructions_of(prompt_template))
        self._run(lambda hub: hub.bots.update(bot_id, **fields))

    def update_chatbot(
        self,
        paths: list[str],
        bot_id: str,
        links: list[str] | None = None,
        search_query: str | None = None,
        documents: list[Any] | None = None,
        prompt_template: str | None = None,
        use_unstructured: bool = False,
    ) -> None:
        """Add documents of all kinds, and set the instructions where a template is given."""
        if search_query:
            self.add_document_from_query(search_query, bot_id)
        self.add_documents_from_paths(paths, bot_id, use_unstructured)
        self.add_document_from_link(links or [], bot_id)
        self.pass_documents(documents or [], bot_id)
        self.create_bot(bot_id, prompt_template=prompt_template)

    def add_tool(self, tool: BaseTool, bot_id: str | None = None) -> NoReturn:
        """Refuse: bots call no tools."""
        raise not_offered("add_tool")

    def remove_tool(self, tool_name: str, bot_id: str | None = None) -> NoReturn:
        """Refuse: bots call no tools."""
        raise not_offered("remove_tool")

    def list_tools(self, bot_id: str | None = None) -> list[str]:
        """Return no names: there are no tools."""
        return []

    def new_chat(self, bot_id: str) -> str:
        """Begin a chat and return its id."""
        return self._run(lambda hub: chats.begin(hub, bot_id, Kind.TEXT))

    def new_vision_chat(self, bot_id: str) -> str:
        """Begin a chat with images and return its id."""
        return self._run(lambda hub: chats.begin(hub, bot_id, Kind.VISION))

    def get_response(
        self,
        query: str,
        bot_id: str,
        chat_id: str,
        stream: bool = False,
        uploaded_files: list[dict[str, Any]] | None = None,
        web_search: bool = False,
        schema: Mapping[str, Any] | None = None,
    ) -> Answer | AnswerStream:
        """Ask and return the answer with its sources; as a stream, its texts as they come. See ``Answer`` and ``AnswerStream``."""
        question = chats.asked(query, uploaded_files, web_search=web_search)
        if schema is not None and not stream:
            return self._run(lambda hub: chats.fitting_answer(hub, bot_id, chat_id, question, schema=schema))
        if schema is not None:
            raise InvalidInput("An answer that fits a schema is not streamed: it is known only as a whole.")
        if not stream:
            return self._run(lambda hub: chats.answer(hub, bot_id, chat_id, question))
        self._run(lambda hub: chats.chat_of(hub, bot_id, chat_id))
        return AnswerStream(self.hub, self.hub.messages.stream(chat_id, composed(question), **chats.options()))

    async def aget_response(
        self,
        query: str,
        bot_id: str,
        chat_id: str,
        uploaded_files: list[dict[str, Any]] | None = None,
        web_search: bool = False,
    ) -> AsyncGenerator[str, None]:
        """Ask and yield the texts of the answer as they come."""
        answer = await asyncio.to_thread(self.get_response, query, bot_id, chat_id, True, uploaded_files, web_search)
        assert isinstance(answer, AnswerStream), "a stream was asked for"
        async with aclosing(awaited(answer)) as texts:
            async for text in texts:
                yield text

    def get_vision_response(  # the arguments of LongTrainer
        self,
        query: str,
        image_paths: list[str],
        bot_id: str,
        vision_chat_id: str,
        uploaded_files: list[dict[str, Any]] | None = None,
        web_search: bool = False,
    ) -> Answer:
        """Ask about images (PNG, JPEG, GIF, WebP; 10 at most) and return the answer with its sources."""
        question = chats.asked(query, uploaded_files, web_search=web_search)
        images: Sequence[Path] = [Path(path) for path in image_paths]
        return self._run(lambda hub: chats.answer(hub, bot_id, vision_chat_id, question, images))

    def list_chats(self, bot_id: str) -> dict[str, Any]:
        """Return ``chat_ids`` and ``vision_chat_ids`` of chats that something was said in, and ``chats``: how each began.

        A chat is ``{"chat_id", "question", "started_at"}``. All lists begin with the oldest.
        """
        ids = self._run(lambda hub: chats.listing(hub, bot_id))
        return {**ids, "chats": self._run(lambda hub: chats.snapshots(hub, bot_id))}

    def get_chat_by_id(self, chat_id: str, order: str = "newest") -> list[dict[str, Any]]:
        """Return the questions of a chat with their answers; oldest first where ``order`` is not ``newest``."""
        return self._run(lambda hub: chats.history(hub, chat_id, order))

    def get_vision_chat_by_id(self, vision_chat_id: str, order: str = "newest") -> list[dict[str, Any]]:
        """Return the questions of a chat with images; the answer is under ``response``, the images' names under ``image_path``."""
        return self._run(lambda hub: chats.history(hub, vision_chat_id, order, vision=True))

    def train_chats(self, bot_id: str) -> dict[str, str | None]:
        """Make what was said in a bot's chats, and was not used before, a document of it; ``csv_path`` has its pairs.

        Raises:
            DocumentFailed: Nothing was used, and all of it can be used the next time.
        """
        document = self._run(lambda hub: knowledge.train(hub, bot_id))
        if document is None:
            return {"message": NOTHING_NEW, "csv_path": None}
        pairs = sheets.table_of_pairs(self.hub.documents.content(document.id))
        return {"message": TRAINED, "csv_path": sheets.write(bot_id, pairs)}

    def _export_chats_to_csv(self, dataframe: object, bot_id: str) -> str:
        """Write what ``get_chat_by_id`` returned, or a ``DataFrame``, to a CSV file and return its path."""
        return sheets.write(self._bot(bot_id).id, sheets.table_of(dataframe))
