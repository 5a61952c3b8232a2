"""What LongTrainer has and Palaver has not is refused by its name, with what to use instead; and ids that lead nowhere."""

from __future__ import annotations

from collections.abc import Mapping

from palaver.errors import FeatureAbsent, NotFound

_LOAD = "Load it with LangChain's own loader, and give what comes of it to pass_documents(documents, bot_id)."
_TOOLS = "Bots answer from their documents and call no tools: build an agent with LangChain over palaver.langchain."
_STORED = "There is no MongoDB: read through trainer.hub, which has bots, conversations, messages and documents."

INSTEAD: Mapping[str, str] = {
    "add_document_from_query": f"Wikipedia is not searched. Add the article with add_document_from_link. {_LOAD}",
    "add_document_from_github": f"Clone the repository and add it with add_document_from_directory. {_LOAD}",
    "add_document_from_notion": f"Unpack the export and add it with add_document_from_directory. {_LOAD}",
    "add_document_from_crawl": f"Name the pages to add_document_from_link. {_LOAD}",
    "add_document_from_dynamic_loader": _LOAD,
    "add_document_from_aws_s3": _LOAD,
    "add_document_from_google_drive": _LOAD,
    "add_document_from_confluence": _LOAD,
    "YouTube": f"Transcripts of videos are not fetched. {_LOAD}",
    "add_tool": _TOOLS,
    "remove_tool": _TOOLS,
    "agent_mode": _TOOLS,
    "tools": _TOOLS,
    "web_search": "The web is not searched: find what is wanted yourself, and send it along as uploaded_files.",
    "vector_store_provider": "Vectors are in Palaver's own store: FAISS in process, pgvector on PostgreSQL. Choose it with store=…",
    "vector_store_kwargs": "Vectors are in Palaver's own store, which takes no arguments here. Choose it with store=…",
    "encrypt_chats": "Texts are not encrypted one by one, or they could not be searched: encrypt the disk or the database.",
    "encryption_key": "Texts are not encrypted one by one, or they could not be searched: encrypt the disk or the database.",
    "enable_tracer": "Each turn keeps its model, tokens, times and citations: read hub.turns and hub.messages.",
    "rate_limit_enabled": "Calls are not counted by the minute here: limit them in the model that you give as llm, or at your proxy.",
    "llm_provider": "Of the providers by name there are openai, groq and ollama: give a LangChain chat model as llm.",
    "embedding_provider": "Of the providers by name there are openai and ollama: give LangChain embeddings as embedding_model.",
    "client": _STORED,
    "db": _STORED,
    "bots": _STORED,
    "chats": _STORED,
    "vision_chats": _STORED,
    "documents_collection": _STORED,
    "bot_data": "Nothing of a bot is kept in this process: read it with trainer.hub.bots.get(bot_id).",
}
"""By the name of a call, an argument or an attribute: what to do instead."""


class NotOffered(FeatureAbsent, NotImplementedError):
    """Something of LongTrainer that has no place here; the message says what to use instead."""


class UnknownId(NotFound, ValueError):
    """There is no such bot or chat. A ``ValueError`` also, as LongTrainer raises for a bot that it does not know."""


def not_offered(name: str) -> NotOffered:
    """Return the refusal of something that ``INSTEAD`` names."""
    return NotOffered(f"{name}: {INSTEAD[name]}")
