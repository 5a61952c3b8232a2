"""What is measured of each: a turn (two 500-byte messages written, the last 20 read) in a conversation of some length."""

from __future__ import annotations

from typing import Protocol

from palaver.stores.open import Engine

QUESTION = ("What does the handbook say about the refund of orders? " * 10)[:500]
ANSWER = ("Orders are refunded within fourteen days of their return. " * 10)[:500]
READ_LAST = 20


class Talk(Protocol):
    """One conversation."""

    async def turn(self) -> None:
        """Write a question and an answer, read the last 20 messages."""
        ...


class Peer(Protocol):
    """A way to keep conversations: in files, or on a server."""

    name: str
    engine: Engine

    async def open(self, home: str) -> None:
        """Make an empty store in a home of its own: a folder, or the URL of an empty database."""
        ...

    async def talk(self, messages: int) -> Talk:
        """Return a new conversation with that many messages in it, put there by the fastest way there is."""
        ...

    async def close(self) -> None:
        """Let go of the store."""
        ...
