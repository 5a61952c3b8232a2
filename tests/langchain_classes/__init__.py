"""The classes of ``palaver.langchain`` on real hubs."""
