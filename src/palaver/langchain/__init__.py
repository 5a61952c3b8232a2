"""Palaver in LangChain's words (the extra ``langchain``): a retriever, a vector store and a chat message history.

All three stand on a hub: that of ``palaver.connect``, whose calls block, or that of ``palaver.open``, whose calls are
awaited. Code that awaits may use both (the methods that begin with ``a``), code that blocks needs the first.
"""

from palaver.langchain.history import PalaverChatMessageHistory
from palaver.langchain.retriever import PalaverRetriever
from palaver.langchain.vector_store import PalaverVectorStore

__all__ = ["PalaverChatMessageHistory", "PalaverRetriever", "PalaverVectorStore"]
