"""The public test double and the offline model."""

from __future__ import annotations

import asyncio

import pytest

from palaver.conversation import Role
from palaver.errors import ModelError
from palaver.models.base import Ended, Prompt, PromptMessage, ReasoningSaid, TextSaid, TokensCounted
from palaver.models.offline import NO_MODEL, OfflineModel
from palaver.models.scripted import Cut, Pause, ScriptedModel, pieces, words_text
from palaver.testing.models import failure_of, listen, question, text_of


async def test_it_echoes_by_default() -> None:
    """Without a script it repeats the last thing that a person said, in more than one piece."""
    history = [("one", Role.USER), ("two", Role.ASSISTANT), ("  three\nfour ", Role.USER)]
    messages = [PromptMessage(role=role, text=text) for text, role in history]
    said = await listen(ScriptedModel(), Prompt(instructions="", messages=messages))
    assert text_of(said) == "You said:   three\nfour "
    assert sum(isinstance(item, TextSaid) for item in said) == 5


@pytest.mark.parametrize("text", ["", " ", "a", " a  b\n\nc \n", "ä\u2028😀 \u00a0x"])
def test_pieces_join_to_the_text(text: str) -> None:
    """Cutting a text into words loses nothing."""
    assert "".join(pieces(text)) == text


async def test_replies_come_in_order_and_the_last_one_stays() -> None:
    """Each call gets the next reply; when there is none left, the last one again."""
    model = ScriptedModel("one", ["tw", "o"])
    assert [text_of(await listen(model, question("?"))) for _ in range(4)] == ["one", "two", "two", "two"]


async def test_steps_are_played_as_written() -> None:
    """Everything that a provider may send can be scripted, and what was scripted is all that comes."""
    steps = [
        ReasoningSaid("Hm."),
        "a",
        Pause(0),
        TextSaid("b"),
        TokensCounted(7, 2),
        Ended("length"),
        TokensCounted(7, 3),
    ]
    said = await listen(ScriptedModel(steps), question("?"))
    assert said == [
        ReasoningSaid("Hm."),
        TextSaid("a"),
        TextSaid("b"),
        TokensCounted(7, 2),
        Ended("length"),
        TokensCounted(7, 3),
    ]


async def test_a_reply_without_an_end_gets_one() -> None:
    """Tokens are counted and the end marker comes last, unless the script is cut."""
    assert (await listen(ScriptedModel("a b"), question("x y z")))[-2:] == [TokensCounted(3, 2), Ended()]
    assert await listen(ScriptedModel(["a", Cut(), "b"]), question("?")) == [TextSaid("a")]


async def test_errors_are_raised_where_they_stand() -> None:
    """An error in the script is raised after what precedes it; one that comes first, when the context is entered."""
    broken = ModelError("No.", code="provider_error")
    model = ScriptedModel(["a", broken], [broken])
    async with model.stream(question("?")) as said:
        assert await anext(said) == TextSaid("a")
        with pytest.raises(ModelError):
            await anext(said)
    with pytest.raises(ModelError):
        await model.stream(question("?")).__aenter__()
    assert (model.open_streams, model.aborted) == (0, 0)


async def test_it_waits_for_an_event() -> None:
    """A script goes on when the test says so."""
    go = asyncio.Event()
    model = ScriptedModel(["a", go, "b"])
    reading = asyncio.ensure_future(listen(model, question("?")))
    await model.wait_for_calls(1)
    assert model.open_streams == 1
    go.set()
    assert text_of(await reading) == "ab"
    assert (model.open_streams, model.max_open_streams) == (0, 1)


async def test_it_knows_what_became_of_each_call() -> None:
    """It records the prompt, the pieces and the text given, and whether the reader left before the end."""
    model = ScriptedModel("a b c")
    await listen(model, question("first"))
    async with model.stream(question("second")) as said:
        await anext(said)
    async with model.stream(question("third")):
        pass
    whole, left, unread = model.calls
    assert (whole.prompt.messages[0].text, whole.deltas, whole.text, whole.ended) == ("first", 3, "a b c", True)
    assert (left.deltas, left.text, left.ended) == (1, "a", False)
    assert [call.aborted for call in (whole, left, unread)] == [False, True, True]
    assert (model.call_count, model.aborted) == (3, 2)


async def test_overlap_is_measured() -> None:
    """The most streams that were open at once is known after they closed."""
    model = ScriptedModel([Pause(0.01), "a"])
    await asyncio.gather(*(listen(model, question("?")) for _ in range(3)))
    assert (model.max_open_streams, model.open_streams, model.call_count) == (3, 0, 3)


async def test_old_calls_are_forgotten() -> None:
    """It remembers so many calls and counts them all."""
    model = ScriptedModel(remember=2)
    for _ in range(5):
        await listen(model, question("?"))
    assert (len(model.calls), model.call_count) == (2, 5)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("echo", "You said: hi"),
        ("echo?delay=0.001", "You said: hi"),
        ("words?count=7", words_text(7)),
        ("words?count=0", ""),
        ("cut?count=3", words_text(3)),
        ("Good morning.", "Good morning."),
    ],
)
async def test_names_stand_for_scripts(name: str, text: str) -> None:
    """What a configuration names says a text that is known beforehand."""
    said = await listen(ScriptedModel.named(name), question("hi"))
    assert text_of(said) == text
    assert isinstance(said[-1], Ended) or name.startswith("cut")


async def test_a_named_failure_has_its_code() -> None:
    """``fail?code=…`` fails with that code, after its words where it has any."""
    error = await failure_of(ScriptedModel.named("fail?code=provider_auth"), question("?"))
    assert error.code == "provider_auth"
    model = ScriptedModel.named("fail?count=2")
    assert (await failure_of(model, question("?"))).code == "provider_error"
    assert model.calls[0].text == words_text(2)


@pytest.mark.parametrize("name", ["words?count=1000000000", "words?count=-1", "words?count=x", "echo?delay=nan"])
def test_a_name_can_not_ask_for_too_much(name: str) -> None:
    """Who names a script can't make the process write a text without bounds."""
    with pytest.raises(ValueError):  # noqa: PT011  # int's own words or ours
        ScriptedModel.named(name)


async def test_offline_says_how_to_configure_a_model() -> None:
    """Whatever the question, the offline model names the variables to set, and pretends nothing."""
    for text in ("", "Hello?", "x" * 10_000):
        assert text_of(await listen(OfflineModel(), question(text))) == NO_MODEL
    for variable in ("OPENAI_API_KEY", "GROQ_API_KEY", "PALAVER_DEFAULT_MODEL"):
        assert variable in NO_MODEL
