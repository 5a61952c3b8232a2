"""Text in is text out: through the engine, its stream, the store and the search."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from palaver.config import Settings
from palaver.fold import fold
from palaver.hub import HubRoot, LocalHub
from palaver.models.base import Prompt
from palaver.models.scripted import ScriptedModel
from palaver.text import is_blank

unicode = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\x00"), min_size=1, max_size=80)
visible = unicode.filter(lambda text: not is_blank(text))
cuts = st.lists(st.integers(min_value=0, max_value=80), max_size=5)


class Parrot:
    """Answers with the pieces it was told to."""

    def __init__(self) -> None:
        self.pieces: list[str] = []
        self.heard = ""

    def answer(self, prompt: Prompt) -> list[str]:
        """What ``ScriptedModel`` asks."""
        self.heard = prompt.messages[-1].text
        return self.pieces


@asynccontextmanager
async def _talking(folder: Path, parrot: Parrot) -> AsyncIterator[LocalHub]:
    model = ScriptedModel(answer=parrot.answer)
    config = Settings(store=str(folder / "chat.db"), default_model="parrot")
    async with HubRoot.open(config, models={"parrot": model}) as root:
        yield root.for_tenant()


def _pieces(text: str, at: list[int]) -> list[str]:
    edges = [0, *sorted(min(each, len(text)) for each in at), len(text)]
    return [text[a:b] for a, b in pairwise(edges) if b > a]


async def _round_trip(hub: LocalHub, parrot: Parrot, conversation_id: str, question: str, answer: str) -> None:
    events = [event async for event in hub.messages.stream(conversation_id, question)]
    assert parrot.heard == question, "what the model is asked"
    assert "".join(event.text for event in events) == answer, "what is streamed"
    _, told = fold(events)
    assert told is not None
    assert told.text == answer
    newest = (await hub.messages.list(conversation_id, order="desc", limit=2)).data
    assert [message.text for message in newest] == [answer, question], "what is stored"
    await _check_found(hub, question)
    await _check_found(hub, answer)


async def _check_found(hub: LocalHub, text: str) -> None:
    """A message is found by its own text (a search finds words; what has none is no search)."""
    word = next((word for word in text.split() if word.isascii() and word.isalnum()), None)
    if word is not None:
        found = await hub.messages.search(word, limit=200)
        assert any(message.text == text for message in found.data), f"{word!r} does not find {text!r}"


def test_every_text_comes_back_as_it_went_in(tmp_path: Path) -> None:
    """I18: any Unicode text of a question or an answer, cut anywhere, is the same when streamed, stored, listed and found."""
    parrot = Parrot()
    with asyncio.Runner() as runner:
        context = _talking(tmp_path, parrot)
        hub = runner.run(context.__aenter__())
        bot = runner.run(hub.bots.create(name="Parrot"))
        conversation = runner.run(hub.conversations.create(bot.id))

        @settings(max_examples=150, deadline=None)
        @given(visible, unicode, cuts)
        def round_trips(question: str, answer: str, at: list[int]) -> None:
            parrot.pieces = _pieces(answer, at)
            runner.run(_round_trip(hub, parrot, conversation.id, question, answer))

        try:
            round_trips()
        finally:
            runner.run(context.__aexit__(None, None, None))
