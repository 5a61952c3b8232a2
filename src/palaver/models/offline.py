"""The model that answers when none is configured: it says so, and what to set. It never pretends to be a model."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager

from palaver.models.base import Ended, Prompt, Said, TextSaid

NO_MODEL = (
    "No language model is configured here, so this answer does not come from one: set OPENAI_API_KEY, GROQ_API_KEY "
    "or PALAVER_DEFAULT_MODEL (for example ollama:llama3.2), and ask again."
)


class OfflineModel:
    """Answers every prompt with one plain sentence. It needs no network and counts no tokens."""

    has_vision = True

    @asynccontextmanager
    async def stream(self, prompt: Prompt) -> AsyncIterator[AsyncIterator[Said]]:
        """Say what is to be said; nothing is looked up and nothing can fail."""
        said = _say(_answer(prompt))
        async with aclosing(said):
            yield said


def _answer(_prompt: Prompt) -> str:
    # Passages that were retrieved for the prompt are quoted here once a prompt carries them.
    return NO_MODEL


async def _say(text: str) -> AsyncGenerator[Said, None]:
    yield TextSaid(text)
    yield Ended()
