"""Time limits, retries and sizes, the same for every model."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from palaver.conversation import InterruptReason
from palaver.errors import ModelError
from palaver.models.base import Ended, ReasoningSaid, Said, TextSaid, TokensCounted
from palaver.models.patience import Patience, PatientModel
from palaver.models.scripted import Cut, Pause, Reply, ScriptedModel
from palaver.provider.retries import Pauses
from palaver.testing.models import failure_of, listen, question, text_of


class Waits:
    """A sleep that passes at once and remembers."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)


def failing(code: str = "provider_error", *, retryable: bool = True, **details: int) -> ModelError:
    return ModelError("No.", code=code, retryable=retryable, **details)


def patient(model: ScriptedModel, waits: Waits | None = None, *, chance: float = 1.0, **limits: float) -> PatientModel:
    return PatientModel(model, Patience(**limits), Pauses(chance=lambda: chance, sleep=waits or Waits()))  # type: ignore[arg-type]


async def heard(model: PatientModel) -> tuple[str, str]:
    """The text, and the code of the error ("" where there is none)."""
    text = ""
    try:
        async with model.stream(question("?")) as said:
            async for item in said:
                text += item.text if isinstance(item, TextSaid) else ""
    except ModelError as error:
        return text, error.code
    return text, ""


@pytest.mark.parametrize("failures", [0, 1, 2])
async def test_up_to_two_failures_that_may_pass_are_tried_again(failures: int) -> None:
    """The third try's answer is as good as the first's."""
    model = ScriptedModel(*[[failing()]] * failures, "Hello")
    assert await heard(patient(model)) == ("Hello", "")
    assert model.call_count == failures + 1


async def test_the_third_failure_is_the_last() -> None:
    """There are at most three tries, and the last one's error is the turn's."""
    model, waits = ScriptedModel([failing("a")], [failing("b")], [failing("c")], "Hello"), Waits()
    assert await heard(patient(model, waits)) == ("", "c")
    assert waits.seconds == [0.5, 1.0]


async def test_waits_are_jittered() -> None:
    """Chance takes anything from nothing to all of the exponential wait."""
    for chance in (0.0, 0.5):
        waits = Waits()
        await heard(patient(ScriptedModel([failing()]), waits, chance=chance))
        assert waits.seconds == [0.5 * chance, 1.0 * chance]


async def test_what_can_not_pass_is_not_tried_again() -> None:
    """An error that is not retryable ends the turn at once."""
    model = ScriptedModel([failing(retryable=False)], "Hello")
    assert await heard(patient(model)) == ("", "provider_error")
    assert model.call_count == 1


@pytest.mark.parametrize("delta", ["Hel", ReasoningSaid("Hm")])
async def test_nothing_is_tried_again_after_a_delta(delta: str | ReasoningSaid) -> None:
    """Once text or reasoning was shown, the model is never called again."""
    model = ScriptedModel([delta, failing()], "Hello")
    assert (await heard(patient(model)))[1] == "provider_error"
    assert model.call_count == 1


async def test_the_wait_that_is_asked_for_counts_up_to_a_minute() -> None:
    """``retry_after_seconds`` of 60 is waited for, of 61 not."""
    waits = Waits()
    assert await heard(patient(ScriptedModel([failing(retry_after_seconds=60)], "Hello"), waits)) == ("Hello", "")
    assert waits.seconds == [60]
    model = ScriptedModel([failing(retry_after_seconds=61)], "Hello")
    assert await heard(patient(model)) == ("", "provider_error")
    assert model.call_count == 1


async def test_a_wait_beyond_the_total_limit_is_not_begun() -> None:
    """Who would have to wait longer than the whole call may take fails at once."""
    model = ScriptedModel([failing(retry_after_seconds=30)], "Hello")
    assert await heard(patient(model, total_seconds=20)) == ("", "provider_error")
    assert model.call_count == 1


SILENCES: Sequence[tuple[Reply, dict[str, float], str]] = [
    ([Pause(9), "a"], {"first_byte_seconds": 0.05}, ""),
    (["a", Pause(9), "b"], {"idle_seconds": 0.05}, "a"),
    (["a", Pause(0.03)] * 9, {"idle_seconds": 0.08, "total_seconds": 0.1}, "a"),
    ([Pause(0.08), "a", Pause(9)], {"first_byte_seconds": 0.2, "idle_seconds": 0.05}, "a"),
]


@pytest.mark.parametrize(("reply", "limits", "text"), SILENCES)
async def test_silence_interrupts(reply: Reply, limits: dict[str, float], text: str) -> None:
    """The first-byte, the idle and the total limit each end the turn ``stalled``, abort the model and keep the text."""
    model = ScriptedModel(reply, "Hello")
    began = time.monotonic()
    said, code = await heard(patient(model, **limits))
    assert code == InterruptReason.STALLED
    assert said.startswith(text)
    assert time.monotonic() - began < 1
    assert (model.call_count, model.open_streams, model.aborted) == (1, 0, 1)


async def test_a_slow_reader_is_no_silence() -> None:
    """Only waiting for the model counts: the reader may take longer than every limit but the total one."""
    model = patient(ScriptedModel(["a", Pause(0.02), "b"]), first_byte_seconds=0.3, idle_seconds=0.3)
    async with model.stream(question("?")) as said:
        first = await anext(said)
        await asyncio.sleep(0.5)
        assert text_of([first, *[item async for item in said]]) == "ab"


async def test_a_limit_that_did_not_ring_leaves_nothing_behind() -> None:
    """After a call has ended, no timer of it cancels the task that read it."""
    await heard(patient(ScriptedModel("a"), first_byte_seconds=0.05, idle_seconds=0.05, total_seconds=0.05))
    await asyncio.sleep(0.1)


async def test_cancelling_is_no_silence() -> None:
    """A reader that is cancelled while it waits ends cancelled, not with an error of the model."""
    model = ScriptedModel([Pause(9)])
    reader = asyncio.ensure_future(listen(patient(model), question("?")))
    await model.wait_for_calls(1)
    reader.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reader
    assert model.aborted == 1


async def test_an_answer_has_a_largest_size() -> None:
    """Text and reasoning together up to the limit pass, in bytes of UTF-8; the piece over it is not given."""
    for reply, text, code in (
        (["ää", ReasoningSaid("ö")], "ää", ""),
        (["ää", ReasoningSaid("ö"), "x", "y"], "ää", "limit"),
        (["x" * 7], "", "limit"),
    ):
        assert await heard(patient(ScriptedModel(reply), answer_bytes=6)) == (text, code)


async def test_a_stream_without_an_end_marker_was_cut() -> None:
    """Whatever came is kept, the turn is interrupted, and nothing is tried again."""
    error = await failure_of(patient(ScriptedModel(["a", Cut()])), question("?"))
    assert (error.code, error.interrupts, error.retryable) == ("disconnected_by_model", True, False)


@pytest.mark.parametrize("reply", [[], [""], [ReasoningSaid("Hm")], [TokensCounted(1, 0), Ended("length")]])
async def test_an_answer_without_text_is_empty(reply: Reply) -> None:
    """An end marker with no text before it fails the turn, also where the model did think aloud."""
    error = await failure_of(patient(ScriptedModel(reply)), question("?"))
    assert (error.code, error.interrupts) == ("empty_answer", False)


@pytest.mark.parametrize("late", [failing(), Pause(9), "more", Ended("again"), Cut()])
async def test_what_comes_after_the_end_can_not_spoil_it(late: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """Errors, silence, text and more ends after the end marker change nothing; a late count of tokens counts."""
    monkeypatch.setattr("palaver.models.patience.AFTER_END_SECONDS", 0.05)
    steps = ["a", Ended(), TokensCounted(1, 1), late, TokensCounted(1, 2)]
    said = await listen(patient(ScriptedModel(steps)), question("?"))  # type: ignore[arg-type]
    assert said[:3] == [TextSaid("a"), Ended(), TokensCounted(1, 1)]
    assert all(isinstance(item, TokensCounted) for item in said[3:])


async def test_text_that_can_not_be_stored_is_mended() -> None:
    """NUL and half characters of any model become U+FFFD."""
    assert text_of(await listen(patient(ScriptedModel(["a\x00", "\ud83d"])), question("?"))) == "a\ufffd\ufffd"


STEPS = st.one_of(
    st.text(max_size=3),
    st.builds(ReasoningSaid, st.text(max_size=3)),
    st.builds(failing, retryable=st.booleans()),
    st.just(Cut()),
    st.just(Ended()),
)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.lists(STEPS, max_size=5), min_size=1, max_size=4))
def test_whatever_a_model_does_the_promises_hold(replies: list[list[str | Said]]) -> None:
    """At most three calls, of which at most one yields a delta; and a call ends well only with text and one end marker."""

    async def check() -> None:
        model = ScriptedModel(*replies)
        said: list[Said] = []
        error = None
        try:
            async with patient(model).stream(question("?")) as stream:
                async for item in stream:
                    said.append(item)  # noqa: PERF401  # what came before an error counts
        except ModelError as raised:
            error = raised
        assert model.call_count <= 3
        assert model.open_streams == 0
        deltas = [item for item in said if isinstance(item, (TextSaid, ReasoningSaid))]
        assert sum(bool(call.text) for call in model.calls) <= 1
        assert sum(isinstance(item, Ended) for item in said) == (error is None)
        assert error is not None or text_of(said)
        assert all(item.text for item in deltas)
        assert error is None or not error.interrupts or error.code in set(InterruptReason)

    asyncio.run(check())
