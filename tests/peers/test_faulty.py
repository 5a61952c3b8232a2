"""The contract's table «Calling the model», row by row, against a server that does every row."""

from __future__ import annotations

import asyncio
import gzip
import socket
import time
import tracemalloc
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

import pytest
from blockbuster import blockbuster_ctx

from palaver.errors import ModelError
from palaver.models.base import ChatModel, Prompt, ReasoningSaid, Said, TextSaid, TokensCounted
from palaver.models.openai import OpenAIServer
from palaver.models.patience import Patience, PatientModel
from palaver.provider.retries import Pauses
from palaver.testing.models import failure_of, listen, question, text_of
from peers.faulty import AGAIN, DONE, HANG, RESET, STOP, Answer, chunk, event, faulty, head, refuses, says, unused_port

LIMITS = Patience(connect_seconds=5, first_byte_seconds=10, idle_seconds=10, total_seconds=30, answer_bytes=100_000)
SHORT = replace(LIMITS, first_byte_seconds=0.3, idle_seconds=0.3, total_seconds=0.8)
HELLO = [head(), says("Hel", "lo"), STOP, DONE]
KEY = "sk-canary-7f3a"


@dataclass
class Heard:
    """What came of one call: everything said, the error, and the waits between the tries."""

    said: list[Said] = field(default_factory=list)
    error: ModelError | None = None
    waits: list[float] = field(default_factory=list)

    @property
    def text(self) -> str:
        return text_of(self.said)

    @property
    def outcome(self) -> tuple[str, bool] | None:
        """The code, and whether the turn is interrupted instead of failed."""
        return (self.error.code, self.error.interrupts) if self.error else None


async def call(base_url: str, limits: Patience = LIMITS, prompt: Prompt | None = None) -> Heard:
    """Call the model as a turn does: patient, but its waits between two tries pass at once."""
    server = OpenAIServer(base_url, api_key=KEY, connect_seconds=limits.connect_seconds)
    heard = Heard()

    async def sleep(seconds: float) -> None:
        heard.waits.append(seconds)

    model = PatientModel(server.model("tiny"), limits, Pauses(chance=lambda: 1.0, sleep=sleep))
    try:
        async with model.stream(prompt or question("Hello?")) as said:
            async for item in said:
                heard.said.append(item)
    except ModelError as error:
        heard.error = error
    finally:
        await server.aclose()
    return heard


FAILURES: Sequence[tuple[str, Answer, str, int]] = [
    ("401", refuses(401, {"error": {"code": "invalid_api_key"}}), "provider_auth", 1),
    ("403", refuses(403, {"error": "no"}), "provider_denied", 1),
    ("404", refuses(404, {"error": {"message": "The model `x` does not exist"}}), "model_not_found", 1),
    ("decommissioned", refuses(400, {"error": {"code": "model_decommissioned"}}), "model_not_found", 1),
    ("context word", refuses(400, {"error": {"code": "context_length_exceeded"}}), "context_too_long", 1),
    ("context sentence", refuses(400, "This model's maximum context length is 8192 tokens."), "context_too_long", 1),
    ("413", refuses(413, ""), "context_too_long", 1),
    ("400", refuses(400, {"error": {"code": 400, "message": "bad temperature"}}), "provider_rejected", 1),
    ("422", refuses(422, "no"), "provider_rejected", 1),
    ("429", refuses(429, {"error": {"code": "rate_limit_exceeded"}}), "provider_rate_limited", 3),
    ("429 quota", refuses(429, {"error": {"code": "insufficient_quota"}}), "provider_rate_limited", 1),
    ("500", refuses(500, "<html>oops</html>"), "provider_error", 3),
    ("503", refuses(503), "provider_error", 3),
    ("529", refuses(529, {"type": "error", "error": {"type": "overloaded_error"}}), "provider_error", 3),
    ("closed at once", [], "provider_unreachable", 3),
    ("reset at once", [RESET], "provider_unreachable", 3),
    ("no HTTP", [b"220 mail.example ESMTP\r\n"], "provider_unreachable", 3),
    ("redirect", [head(307, Location="http://127.0.0.1:1/v1/chat/completions")], "provider_protocol", 1),
    ("HTML by its type", [head(kind="text/html"), b"<html>Log in</html>"], "provider_protocol", 1),
    ("HTML in a stream's clothes", [head(), b"<html>\n<body>Log in</body></html>"], "provider_protocol", 1),
    ("JSON", [head(kind="application/json"), b'{"object":"chat.completion"}'], "provider_protocol", 1),
    ("an error as 200", refuses(200, {"error": {"message": "no", "code": 401}}), "provider_auth", 1),
    ("not JSON first", [head(), b"data: {oops\n\n", says("x"), STOP, DONE], "provider_protocol", 1),
    ("not an object first", [head(), b"data: [1]\n\n", says("x"), STOP, DONE], "provider_protocol", 1),
    ("wrong types first", [head(), event(chunk({"content": 7})), STOP, DONE], "provider_protocol", 1),
    ("too deep", [head(), b"data: " + b"[" * 200_000 + b"\n\n"], "provider_protocol", 1),
    ("an unknown compression", [head(Content_Encoding="br"), b"..."], "provider_protocol", 1),
    ("an error object first", [head(), event({"error": {"code": 500, "message": "x"}})], "provider_error", 3),
    ("a rate limit first", [head(), event({"error": {"code": "rate_limit_exceeded"}})], "provider_rate_limited", 3),
    ("nothing said", [head(), event(chunk({"role": "assistant", "content": None})), STOP, DONE], "empty_answer", 1),
    ("[DONE] alone", [head(), DONE], "empty_answer", 1),
]


@pytest.mark.parametrize(("answer", "code", "tries"), [row[1:] for row in FAILURES], ids=[row[0] for row in FAILURES])
async def test_what_fails_before_the_first_delta(answer: Answer, code: str, tries: int) -> None:
    """The turn fails with the row's code, after exactly the row's number of tries, and nothing was said."""
    async with faulty(answer) as server:
        heard = await call(server.base_url)
        assert heard.outcome == (code, False)
        assert len(server.requests) == tries
        assert heard.said == []
        assert len(heard.waits) == tries - 1


BREAKS: Sequence[tuple[str, Answer]] = [
    ("FIN", [head(), says("Hel", "lo")]),
    ("FIN in mid-chunk", [head(), says("Hel", "lo"), says(" there")[:40]]),
    ("FIN in mid-character", [head(), says("Hel", "lo"), event(chunk({"content": "ä"}), ensure_ascii=False)[:-19]]),
    ("FIN before the last chunk of the encoding", [head(Transfer_Encoding="chunked"), b"400\r\n" + says("Hel", "lo")]),
    ("FIN before the length", [head(Content_Length="9999"), says("Hel", "lo")]),
    ("RST", [head(), says("Hel", "lo"), 0.05, RESET]),
    ("an error object", [head(), says("Hel", "lo"), event({"error": {"code": 500, "message": "boom"}}), DONE]),
    ("an error as the end", [head(), says("Hel", "lo"), event(chunk({}, "error")), DONE]),
    ("a malformed chunk", [head(), says("Hel", "lo"), b"data: {oops\n\n", says("!"), STOP, DONE]),
    ("a chunk of the wrong types", [head(), says("Hel", "lo"), event({"choices": 7}), STOP, DONE]),
]


@pytest.mark.parametrize("answer", [row[1] for row in BREAKS], ids=[row[0] for row in BREAKS])
async def test_what_breaks_in_mid_answer(answer: Answer) -> None:
    """The turn is ``interrupted(disconnected_by_model)``, its text kept, and the model is not called again."""
    async with faulty(answer, HELLO) as server:
        heard = await call(server.base_url)
        assert heard.outcome == ("disconnected_by_model", True)
        assert heard.text == "Hello"
        assert len(server.requests) == 1


async def test_fin_after_the_headers_is_no_retry() -> None:
    """A stream that ends before a word and without an end marker was cut too."""
    async with faulty([head()]) as server:
        assert (await call(server.base_url)).outcome == ("disconnected_by_model", True)
        assert len(server.requests) == 1


DRIP = [step for byte in b": drip\n" * 20 for step in (bytes((byte,)), 0.02)]
SILENCES: Sequence[tuple[str, Answer, str, float]] = [
    ("no headers", [HANG], "", 0.3),
    ("headers, then silence", [head(), HANG], "", 0.3),
    ("a drip of headers", [b"HTTP/1.1 200 OK\r\n", *DRIP, HANG], "", 0.3),
    ("a drip of bytes", [head(), *DRIP, HANG], "", 0.3),
    ("a refusal that never ends", [head(400), b"no", HANG], "", 0.3),
    ("deltas, then silence", [head(), says("Hel", "lo"), HANG], "Hello", 0.3),
    ("deltas, then comments", [head(), says("Hel", "lo"), *DRIP, HANG], "Hello", 0.3),
    ("deltas for ever", [head(), *[says("x"), 0.1] * 30], "xxx", 0.8),
]


@pytest.mark.parametrize(("answer", "text", "after"), [row[1:] for row in SILENCES], ids=[row[0] for row in SILENCES])
async def test_silence_has_a_limit(answer: Answer, text: str, after: float) -> None:
    """At the first-byte, idle or total limit the turn is ``interrupted(stalled)``, its text kept, without another try."""
    async with faulty(answer, HELLO) as server:
        began = time.monotonic()
        heard = await call(server.base_url, SHORT)
        assert heard.outcome == ("stalled", True)
        assert heard.text.startswith(text)
        assert after - 0.05 <= time.monotonic() - began < after + 3
        assert len(server.requests) == 1
        await asyncio.wait_for(server.until_left(), 2)


async def test_nobody_listens() -> None:
    """A refused connection is tried three times, then ``provider_unreachable``."""
    heard = await call(f"http://127.0.0.1:{unused_port()}/v1")
    assert heard.outcome == ("provider_unreachable", False)
    assert heard.waits == [0.5, 1.0]


async def test_no_such_host() -> None:
    """A name that can't be resolved is tried three times, then ``provider_unreachable``."""
    heard = await call("http://a..b/v1")  # an empty label: no resolver needs to be asked
    assert heard.outcome == ("provider_unreachable", False)
    assert len(heard.waits) == 2


async def test_tls_that_is_none() -> None:
    """A server that does not speak TLS where it should is tried three times, then ``provider_unreachable``."""
    async with faulty(HELLO) as server:
        heard = await call(server.base_url.replace("http:", "https:"))
        assert heard.outcome == ("provider_unreachable", False)
        assert len(heard.waits) == 2
        assert server.requests == []


async def test_a_connection_that_is_not_accepted() -> None:
    """Connecting has its own, shorter limit; then ``provider_unreachable`` after three tries."""
    with socket.socket() as listener, socket.socket() as first, socket.socket() as second:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for filler in (first, second):  # the queue of connections holds one more than it was asked to
            filler.setblocking(False)
            with suppress(BlockingIOError):
                filler.connect(listener.getsockname())
        limits = Patience(connect_seconds=0.1, first_byte_seconds=5, idle_seconds=5, total_seconds=5)
        heard = await call(f"http://127.0.0.1:{listener.getsockname()[1]}/v1", limits)
        assert heard.outcome == ("provider_unreachable", False)
        assert len(heard.waits) == 2


@pytest.mark.parametrize("first", [refuses(500), refuses(429), refuses(503, "", Retry_After="0"), [], [RESET]])
async def test_a_retry_may_help(first: Answer) -> None:
    """After a failure that may pass, the next try's answer is the whole answer."""
    async with faulty(first, HELLO) as server:
        heard = await call(server.base_url)
        assert (heard.text, heard.outcome) == ("Hello", None)
        assert len(server.requests) == 2


@pytest.mark.parametrize(("asked", "waits"), [("7", [7]), ("60", [60]), ("1.5", [2]), ("soon", [0.5])])
async def test_the_wait_that_the_server_asks_for(asked: str, waits: list[float]) -> None:
    """``Retry-After`` up to a minute is waited for, in whole seconds; what can't be read counts as absent."""
    async with faulty(refuses(429, "", Retry_After=asked), HELLO) as server:
        heard = await call(server.base_url, Patience(total_seconds=600))
        assert heard.waits == waits
        assert heard.text == "Hello"


async def test_a_server_that_asks_for_more_than_a_minute_is_not_waited_for() -> None:
    """``Retry-After: 61`` fails at once, and the error says when to come back."""
    async with faulty(refuses(429, "", Retry_After="61")) as server:
        heard = await call(server.base_url, Patience(total_seconds=600))
        assert heard.error is not None
        assert heard.error.retry_after_seconds == 61
        assert len(server.requests) == 1


SMILE = "ä\u2028\u2029\u0085\u000b\u000c\u001c😀e\u0301\u202e."
TEXTS: Sequence[tuple[str, Answer]] = [
    ("LF", [head(), event(chunk({"content": SMILE}), ensure_ascii=False), STOP, DONE]),
    ("CR", [head(), event(chunk({"content": SMILE}), ensure_ascii=False, end="\r\r"), STOP, DONE]),
    ("CRLF", [head(), event(chunk({"content": SMILE}), ensure_ascii=False, end="\r\n\r\n"), STOP, DONE]),
    (
        "byte by byte",
        [
            head(),
            *[bytes((byte,)) for byte in event(chunk({"content": SMILE}), ensure_ascii=False, end="\r\n\r\n")],
            STOP,
            DONE,
        ],
    ),
    ("escaped", [head(), event(chunk({"content": SMILE})), STOP, DONE]),
    (
        "halves",
        [head(), says("ä\u2028\u2029\u0085\u000b\u000c\u001c\ud83d", "\ude00", "e", "\u0301\u202e."), STOP, DONE],
    ),
    ("[DONE] alone ends", [head(), says(SMILE), DONE]),
    ("a finish reason alone ends", [head(), says(SMILE), STOP]),
    ("the last blank line is missing", [head(), says(SMILE), STOP[:-1]]),
    ("RST after the end", [head(), says(SMILE), STOP, 0.05, RESET]),
    ("rubbish after the end", [head(), says(SMILE), STOP, b"data: {oops\n\n", event({"error": "late"}), DONE]),
    ("gzip unasked", [head(Content_Encoding="gzip"), gzip.compress(says(SMILE) + STOP + DONE)]),
    ("other choices", [head(), event({"choices": [{"index": 1, "delta": {"content": "no"}}]}), says(SMILE), STOP]),
    (
        "unknown fields",
        [
            head(Content_Type="text/event-stream; charset=utf-8"),
            b": hello\nevent: message\nid: 7\nfoo: bar\nretry: 1\n\n",
            event({"choices": None, "novel": {"a": [1]}}),
            event(chunk({"role": "assistant", "content": None, "tool_calls": None, "logprobs": {}}, None, x_groq={})),
            event(chunk({"content": SMILE, "weird": 1e300}, None, usage=None, choices_left="?")),
            STOP,
            DONE,
        ],
    ),
    ("content as parts", [head(), event(chunk({"content": [{"type": "text", "text": SMILE}]})), STOP, DONE]),
]


@pytest.mark.parametrize("answer", [row[1] for row in TEXTS], ids=[row[0] for row in TEXTS])
async def test_the_text_is_the_models(answer: Answer) -> None:
    """However the server writes it, the text is identical and the turn completes."""
    async with faulty(answer) as server:
        heard = await call(server.base_url)
        assert (heard.text, heard.outcome) == (SMILE, None)


async def test_what_is_no_text_is_replaced() -> None:
    """NUL and half characters of a model become U+FFFD, at the end of an answer too, cut or not."""
    pieces = says("a\x00", "\ud83d", "b", "\ud83d")
    async with faulty([head(), pieces, STOP], [head(), pieces]) as server:
        assert (await call(server.base_url)).text == "a\ufffd\ufffdb\ufffd"
        cut = await call(server.base_url)
        assert cut.text == "a\ufffd\ufffdb\ufffd"
        assert cut.outcome == ("disconnected_by_model", True)


BIG = b"x" * 10_000_000
BOMB = gzip.compress(b"\n" * 50_000_000)
TOO_MUCH: Sequence[tuple[str, Answer, str]] = [
    ("one 10 MB chunk", [head(), says("Hi"), b'data: {"choices":[{"delta":{"content":"', BIG, b'"}}]}\n\n'], "Hi"),
    ("one 10 MB event of many lines", [head(), says("Hi"), b"data: xxxxxxx\n" * 800_000], "Hi"),
    ("endless deltas", [head(), says("Hi"), *[says("y" * 1000) * 10] * 100], "Hi"),
    ("endless blank lines", [head(), says("Hi"), *[b"\n" * 100_000] * 10], "Hi"),
    ("a gzip bomb of a line", [head(Content_Encoding="gzip"), gzip.compress(b"data: " + BIG)], ""),
    ("a gzip bomb of lines", [head(Content_Encoding="gzip"), BOMB], ""),
]


@pytest.mark.parametrize(("answer", "text"), [row[1:] for row in TOO_MUCH], ids=[row[0] for row in TOO_MUCH])
async def test_too_much_has_a_limit(answer: Answer, text: str) -> None:
    """What is over the limit interrupts the turn with ``limit``, text kept, and the memory it takes is bounded."""
    async with faulty(answer, HELLO) as server:
        limits = Patience(first_byte_seconds=20, idle_seconds=20, total_seconds=20, answer_bytes=100_000)
        tracemalloc.start()
        try:
            heard = await call(server.base_url, limits)
            _, most_bytes = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert heard.outcome == ("limit", True)
        assert heard.text.startswith(text)
        assert len(heard.text) <= 100_000
        assert len(server.requests) == 1
        assert most_bytes < 16_000_000


async def test_a_redirect_is_not_followed_and_the_key_stays() -> None:
    """A redirect to another server is an error; that server is never called."""
    async with faulty(HELLO) as other:
        async with faulty([head(307, Location=f"{other.base_url}/chat/completions")]) as server:
            await call(server.base_url)
            assert KEY.encode() in server.requests[0]
        assert other.requests == []


async def test_cookies_are_not_kept() -> None:
    """What a server would like to remember of one tenant's call is not sent with the next."""
    async with faulty([head(Set_Cookie="who=me; Path=/"), *HELLO[1:]]) as server:
        openai = OpenAIServer(server.base_url)
        for _ in range(2):
            await listen(openai.model("tiny"), question("Hello?"))
        await openai.aclose()
        assert b"ookie" not in server.requests[1]


async def test_a_key_in_the_servers_words_is_taken_out() -> None:
    """A refusal that quotes the key is logged without it, cut to 2,000 characters, and never shown."""
    async with faulty(refuses(401, f"Incorrect API key provided: {KEY}. " + "blah " * 3000)) as server:
        heard = await call(server.base_url)
        assert heard.error is not None
        assert "Incorrect" in heard.error.provider_text
        assert len(heard.error.provider_text) <= 2000
        for seen in (heard.error.provider_text, repr(heard.error), str(heard.error), str(heard.error.__cause__)):
            assert KEY not in seen


async def test_tokens_and_reasoning() -> None:
    """Reasoning comes under both of its names; the count of tokens after the end counts, one of the wrong type does not."""
    usage = {"choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": 2}}
    thoughts = event(chunk({"reasoning_content": "Hm"})) + event(chunk({"reasoning": "m."}))
    strange = event(chunk({}, None, usage={"prompt_tokens": "five"}))
    async with faulty([head(), thoughts, says("Hello"), strange, STOP, event(usage), DONE]) as server:
        heard = await call(server.base_url)
        assert [item for item in heard.said if isinstance(item, ReasoningSaid)] == [
            ReasoningSaid("Hm"),
            ReasoningSaid("m."),
        ]
        assert [item for item in heard.said if isinstance(item, TokensCounted)] == [TokensCounted(5, 2)]


async def test_a_server_that_stays_silent_after_the_end_holds_nobody_up() -> None:
    """After ``[DONE]`` the answer is over, whether the server closes the connection or not."""
    async with faulty([*HELLO, HANG]) as server:
        began = time.monotonic()
        assert (await call(server.base_url)).outcome is None
        assert time.monotonic() - began < 3


async def test_a_connection_is_used_again() -> None:
    """An answer that was read to its end leaves its connection to the next call."""
    body = says("Hello") + STOP + DONE
    chunked = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    answer = [chunked, f"{len(body):x}\r\n".encode() + body + b"\r\n", 0.01, b"0\r\n\r\n", AGAIN]
    async with faulty(answer) as server:
        openai = OpenAIServer(server.base_url)
        for _ in range(3):
            assert text_of(await listen(openai.model("tiny"), question("Hello?"))) == "Hello"
        await openai.aclose()
        assert (len(server.requests), server.connections) == (3, 1)


async def test_an_old_server_is_asked_without_stream_options() -> None:
    """A server that refuses ``stream_options`` is asked again without, and from then on at once without."""
    async with faulty(
        refuses(400, {"error": "Unrecognized request argument supplied: stream_options"}), HELLO
    ) as server:
        openai = OpenAIServer(server.base_url)
        model = PatientModel(openai.model("tiny"), Patience(), Pauses(chance=lambda: 0.0))
        assert text_of(await listen(model, question("Hello?"))) == "Hello"
        assert text_of(await listen(model, question("Hello?"))) == "Hello"
        await openai.aclose()
        assert ["stream_options" in body for body in server.bodies] == [True, False, False]


async def test_stopping_reaches_the_server_at_once() -> None:
    """Within a second of leaving the stream, also before its first byte, the server sees the connection closed."""
    for answer in ([HANG], [head(), HANG], [head(), says("Hel"), HANG]):
        async with faulty(answer) as server:
            openai = OpenAIServer(server.base_url)
            reader = asyncio.ensure_future(failure_of(openai.model("tiny"), question("Hello?")))
            while not server.requests:
                await asyncio.sleep(0.01)
            reader.cancel()
            await asyncio.wait_for(server.until_left(), 1)
            await openai.aclose()


async def test_one_broken_stream_breaks_no_other() -> None:
    """Ten calls at once over one pool, half of them broken: the others are whole."""
    async with faulty(
        *[[head(), says("Hel", "lo"), 0.1, RESET], [head(), says("Hel"), 0.1, says("lo"), STOP]] * 5
    ) as server:
        openai = OpenAIServer(server.base_url)
        model: ChatModel = openai.model("tiny")
        answers = await asyncio.gather(*(listen(model, question("Hello?")) for _ in range(10)), return_exceptions=True)
        await openai.aclose()
        whole = [text_of(said) for said in answers if not isinstance(said, BaseException)]
        assert whole == ["Hello"] * 5
        assert sum(isinstance(said, ModelError) for said in answers) == 5


async def test_first_deltas_are_not_held_back() -> None:
    """A piece is given as soon as it came, while the server still thinks about the next."""
    async with faulty([head(), says("Hel"), HANG]) as server:
        openai = OpenAIServer(server.base_url)
        async with openai.model("tiny").stream(question("Hello?")) as said:
            assert await asyncio.wait_for(anext(said), 2) == TextSaid("Hel")
        await openai.aclose()


async def test_nothing_blocks_the_loop() -> None:
    """From the first use of a server on, TLS or not, no call waits for a file, a socket or a lock in the loop's thread."""
    async with faulty(HELLO) as server:
        with blockbuster_ctx():
            assert (await call(server.base_url)).text == "Hello"
            heard = await call(f"https://127.0.0.1:{unused_port()}/v1")
        assert heard.outcome == ("provider_unreachable", False)
