"""What was asked and what was answered: the active path, two by two."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass

from palaver.conversation import Message, Role


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A question and its answer. What was appended alone lacks the other."""

    question: Message | None
    answer: Message | None


async def pairs_of(messages: AsyncIterator[Message]) -> AsyncGenerator[Pair]:
    """Yield messages of a path two by two, in their order."""
    question: Message | None = None
    async for message in messages:
        if message.role is Role.USER:
            if question is not None:
                yield Pair(question=question, answer=None)
            question = message
        else:
            yield Pair(question=question, answer=message)
            question = None
    if question is not None:
        yield Pair(question=question, answer=None)
