"""The SDK against a server that fails in every way that a connection can."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
from faulty_http import Asked, FaultyServer, Piece, Wait, answer, problem, serving, stream

from palaver.bot import Bot
from palaver.client import HttpHub, Patience
from palaver.client.transport import key_header
from palaver.conversation import Message, Role, TextPart, Turn, TurnError, TurnStatus
from palaver.errors import (
    Forbidden,
    InvalidInput,
    KeyReused,
    NotFound,
    PalaverError,
    ServerUnreachable,
    ShuttingDown,
    TooManyStreams,
    TurnFailed,
    TurnInProgress,
)
from palaver.events import Event, beginning, ending, text_delta
from palaver.ids import child_id, new_id
from palaver.jsonable import encode

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
QUICK = Patience(connect_seconds=2, answer_seconds=0.5, silence_seconds=0.5, rejoin_seconds=3)
CONVERSATION = "conv_01a1fa2a3d017b71afd6cb07d91a3032"
TURN = "turn_01a1fa2a3dc57f6c946288eb17353032"
BOT = Bot(id=new_id("bot"), name="Helper", model="offline", created_at=NOW, updated_at=NOW)


def told(status: TurnStatus = TurnStatus.COMPLETED) -> list[Event]:
    """The events of a turn: accepted, three deltas, the end."""
    turn = Turn(
        id=TURN, conversation_id=CONVERSATION, index=1, parent_id=None, status=status, model="m",
        user_message_id=child_id("msg", CONVERSATION), message_id=child_id("msg", CONVERSATION),
        created_at=NOW, started_at=NOW, finished_at=NOW,
        error=TurnError(code="provider_error", message="It broke.") if status is TurnStatus.FAILED else None,
    )  # fmt: skip
    common = {"conversation_id": CONVERSATION, "turn_id": TURN, "created_at": NOW}
    question = Message(
        id=str(turn.user_message_id), seq=1, role=Role.USER, parts=(TextPart(text="Why?"),),
        status=TurnStatus.COMPLETED, **common,
    )  # fmt: skip
    text = "Because\u2028it\u0085 is\r\nso 😀"
    reply = Message(
        id=str(turn.message_id), seq=2, role=Role.ASSISTANT, parts=(TextPart(text=text),), status=status, **common
    )
    opening = beginning(turn, question, reply, queued=False)
    deltas = [text_delta(number, piece) for number, piece in enumerate((text[:7], text[7:12], text[12:]), start=2)]
    return [*opening, *deltas, ending(5, turn, reply)]


EVENTS = told()


def frames(events: list[Event]) -> bytes:
    return b"".join(f"id: {TURN}:{e.seq}\nevent: {e.type}\ndata: {e.json}\n\n".encode() for e in events)


def keys(asked: list[Asked]) -> list[str | None]:
    return [each.headers.get("idempotency-key") for each in asked]


async def collect(source: AsyncIterator[Event]) -> list[Event]:
    return [event async for event in source]


LOCATION = f"Location: /v1/turns/{TURN}"
CREATED = answer(201, json.dumps(encode(BOT)).encode())


async def test_a_stream_that_is_cut_is_joined_again() -> None:
    """After a cut the reader asks for what follows the last event it saw; every event comes once, byte for byte."""
    whole = frames(EVENTS)
    for cut in (0, 1, whole.index(b"\n\n") + 2, len(whole) // 2, len(whole) - 1):
        seen = whole[:cut].count(b"\n\n")
        rest = stream(frames(EVENTS[seen:]))
        first = stream(whole[:cut], headers=[LOCATION])
        async with serving(first, rest) as server, HttpHub(server.url, patience=QUICK) as hub:
            got = await collect(hub.messages.stream(CONVERSATION, "Why?"))
        assert got == EVENTS
        assert [each.method for each in server.asked] == ["POST", "GET"]
        assert server.asked[1].path == f"/v1/turns/{TURN}/events?after={seen}"


async def test_a_lost_answer_to_a_streamed_send_is_asked_for_with_the_same_key() -> None:
    """With no answer at all the same body goes out again with the same key, and each event is seen once."""
    async with serving([], stream(frames(EVENTS), headers=[LOCATION])) as server:
        async with HttpHub(server.url, patience=QUICK) as hub:
            assert await collect(hub.messages.stream(CONVERSATION, "Why?")) == EVENTS
    assert len(server.asked) == 2
    assert len(set(keys(server.asked))) == 1
    assert server.asked[0].body == server.asked[1].body


async def test_silence_is_a_cut() -> None:
    """A stream that says nothing, not even that it is alive, is left and joined again."""
    first = stream(frames(EVENTS[:2]), Wait(), headers=[LOCATION])
    async with serving(first, stream(frames(EVENTS[2:]))) as server, HttpHub(server.url, patience=QUICK) as hub:
        assert await collect(hub.messages.stream(CONVERSATION, "Why?")) == EVENTS


async def test_a_heartbeat_is_no_silence() -> None:
    """Comments keep a stream whose model says nothing open for longer than the silence that is allowed."""
    beats: list[Piece] = [piece for _ in range(4) for piece in (Wait(0.2), b": ping\n\n")]
    body = stream(frames(EVENTS[:1]), *beats, frames(EVENTS[1:]), headers=[LOCATION])
    async with serving(body) as server, HttpHub(server.url, patience=QUICK) as hub:
        assert await collect(hub.messages.stream(CONVERSATION, "Why?")) == EVENTS
    assert len(server.asked) == 1


async def test_a_stream_that_never_comes_back_is_given_up() -> None:
    """A turn whose stream can't be joined again in time is a ServerUnreachable, behind the events that were seen."""
    first = stream(frames(EVENTS[:2]), headers=[LOCATION])
    async with serving(first, []) as server:
        patience = Patience(connect_seconds=1, silence_seconds=0.5, rejoin_seconds=0.5)
        async with HttpHub(server.url, patience=patience) as hub:
            reading = aiter(hub.messages.stream(CONVERSATION, "Why?"))
            assert [await anext(reading), await anext(reading)] == EVENTS[:2]
            with pytest.raises(ServerUnreachable):
                await anext(reading)


async def test_a_crowded_server_is_asked_again_for_a_turn_that_runs() -> None:
    """A server with too many streams open is asked again for the rest of a turn, but not for a new one."""
    crowded = problem(429, "too_many_streams", "Retry-After: 1")
    first = stream(frames(EVENTS[:2]), headers=[LOCATION])
    async with (
        serving(first, crowded, stream(frames(EVENTS[2:]))) as server,
        HttpHub(server.url, patience=QUICK) as hub,
    ):
        assert await collect(hub.messages.stream(CONVERSATION, "Why?")) == EVENTS
    async with serving(crowded) as server, HttpHub(server.url, patience=QUICK) as hub:
        with pytest.raises(TooManyStreams):
            await collect(hub.messages.stream(CONVERSATION, "Why?"))
        assert len(server.asked) == 1


async def test_send_folds_the_stream() -> None:
    """``send`` returns the turn, the question and the answer that the events tell."""
    async with serving(stream(frames(EVENTS), headers=[LOCATION])) as server:
        async with HttpHub(server.url, patience=QUICK) as hub:
            reply = await hub.messages.send(CONVERSATION, "Why?")
    assert (reply.turn.status, reply.text, reply.replayed) == (
        TurnStatus.COMPLETED,
        "Because\u2028it\u0085 is\r\nso 😀",
        False,
    )
    assert reply.user_message is not None
    assert reply.user_message.text == "Why?"


async def test_a_failed_turn_raises() -> None:
    """``send`` raises TurnFailed with the turn's code and sentence; ``wait`` returns the same turn."""
    body = stream(frames(told(TurnStatus.FAILED)), headers=[LOCATION])
    async with serving(body) as server, HttpHub(server.url, patience=QUICK) as hub:
        with pytest.raises(TurnFailed) as caught:
            await hub.messages.send(CONVERSATION, "Why?")
        waited = await hub.turns.wait(TURN)
    assert (caught.value.code, caught.value.message) == ("provider_error", "It broke.")
    assert waited.turn == caught.value.turn


async def test_a_create_is_repeated_with_its_key() -> None:
    """A keyed call goes out again after a lost answer, a 503 and a gateway's 502: at most three times, with one key."""
    faults = [[], problem(503, "shutting_down"), answer(502, b"<html>", media_type="text/html")]
    for fault in faults:
        async with serving(fault, fault, CREATED) as server, HttpHub(server.url, patience=QUICK) as hub:
            assert await hub.bots.create(name="Helper") == BOT
        assert len(server.asked) == 3
        assert len(set(keys(server.asked))) == 1
    async with serving(problem(503, "shutting_down")) as server, HttpHub(server.url, patience=QUICK) as hub:
        with pytest.raises(ShuttingDown):
            await hub.bots.create(name="Helper", idempotency_key="mine")
    assert keys(server.asked) == ["mine"] * 3


async def test_retry_after_is_honoured_up_to_a_bound() -> None:
    """A Retry-After within the bound is waited for; a longer one is the error at once."""
    async with serving(problem(503, "store_unavailable", "Retry-After: 1"), CREATED) as server:
        async with HttpHub(server.url, patience=QUICK) as hub:
            begin = asyncio.get_running_loop().time()
            await hub.bots.create(name="Helper")
            assert asyncio.get_running_loop().time() - begin >= 1
    async with serving(problem(503, "store_unavailable", "Retry-After: 60")) as server:
        async with HttpHub(server.url, patience=QUICK) as hub:
            with pytest.raises(PalaverError) as caught:
                await hub.bots.create(name="Helper")
    assert caught.value.retry_after_seconds == 60
    assert len(server.asked) == 1


async def test_what_may_have_been_done_is_not_done_twice() -> None:
    """An edit whose answer is lost is not sent again; one that never reached the server is."""
    async with serving([]) as server, HttpHub(server.url, patience=QUICK) as hub:
        with pytest.raises(ServerUnreachable):
            await hub.bots.update(BOT.id, name="Other")
    assert len(server.asked) == 1


async def test_nobody_there_is_said_at_once() -> None:
    """A refused connection is a ServerUnreachable that names the address, after a few tries, for calls and streams."""
    async with serving([]) as server:
        pass
    async with HttpHub(server.url, patience=QUICK) as hub:
        for work in (hub.bots.list(), hub.messages.send(CONVERSATION, "Why?")):
            with pytest.raises(ServerUnreachable, match=r"127\.0\.0\.1") as caught:
                await work
            assert caught.value.code == "server_unreachable"


@pytest.mark.parametrize(
    "foreign",
    [
        answer(200, b"<html>", media_type="text/html"),
        answer(200, b"[]"),
        answer(200, b'{"id": 1}'),
        answer(404, b"<html>", media_type="text/html"),
        answer(302, b"", "Location: http://127.0.0.1:1/"),
    ],
)
async def test_what_is_no_palaver_server_is_said_to_be_none(foreign: list[Piece]) -> None:
    """HTML, foreign JSON and redirects (which are not followed) are ``server_protocol``, asked for once."""
    async with serving(foreign) as server, HttpHub(server.url, patience=QUICK) as hub:
        with pytest.raises(ServerUnreachable) as caught:
            await hub.bots.get(BOT.id)
        assert caught.value.code == "server_protocol"
        assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (409, "turn_in_progress", TurnInProgress),
        (422, "idempotency_key_reused", KeyReused),
        (404, "not_found", NotFound),
        (403, "host_not_allowed", Forbidden),
        (422, "a_code_of_the_future", InvalidInput),
    ],
)
async def test_a_problem_is_the_error_it_stands_for(status: int, code: str, kind: type[PalaverError]) -> None:
    """A problem document raises the class of its code, with its code, sentence and details."""
    async with serving(problem(status, code)) as server, HttpHub(server.url, patience=QUICK) as hub:
        with pytest.raises(kind) as caught:
            await hub.messages.send(CONVERSATION, "Why?")
    assert caught.value.__class__ is kind
    assert (caught.value.code, caught.value.message) == (code, "It is so.")
    assert caught.value.details["turn_id"] == "turn_x"
    assert len(server.asked) == 1


@pytest.mark.parametrize("bad", ["", "../x", "bot_", "x" * 10_000, "bot_%2e", TURN, CONVERSATION[:-1]])
async def test_what_is_no_id_is_not_asked_for(bad: str) -> None:
    """An id without the form of one is NotFound, and no request is made."""
    async with serving([]) as server, HttpHub(server.url, patience=QUICK) as hub:
        for work in (hub.bots.get(bad), hub.conversations.delete(bad), hub.messages.send(bad, "Why?")):
            with pytest.raises(NotFound):
                await work
        assert server.asked == []


async def test_what_json_cannot_hold_is_refused_here() -> None:
    """A value that is no JSON is an InvalidInput; a lone surrogate goes to the server as an escape, to be refused there."""
    async with serving(problem(422, "invalid_unicode")) as server, HttpHub(server.url, patience=QUICK) as hub:
        with pytest.raises(InvalidInput) as caught:
            await hub.bots.create(name="x", metadata={"set": {1}})
        assert caught.value.code == "invalid_type"
        assert server.asked == []
        with pytest.raises(InvalidInput):
            await hub.messages.send(CONVERSATION, "\ud800")
        assert json.loads(server.asked[0].body) == {"text": "\ud800"}


async def test_the_key_is_sent_and_a_client_id_is_one() -> None:
    """The API key goes out as a bearer token; a send with a client_id has no other idempotency key."""
    async with serving(stream(frames(EVENTS), headers=[LOCATION])) as server:
        async with HttpHub(server.url + "/", api_key="pk_x", patience=QUICK) as hub:
            await hub.messages.send(CONVERSATION, "Why?", client_id="mine", params={"temperature": 0.5})
    asked = server.asked[0]
    assert asked.headers["authorization"] == "Bearer pk_x"
    assert "idempotency-key" not in asked.headers
    assert json.loads(asked.body) == {"text": "Why?", "client_id": "mine", "params": {"temperature": 0.5}}


def test_keys_are_quoted_where_they_must_be() -> None:
    """A key with a character of its own meaning goes as a structured-field string; one with a blank is refused."""
    assert key_header("a-b_c.1") == "a-b_c.1"
    assert key_header('a"b\\c') == '"a\\"b\\\\c"'
    assert key_header(None) != key_header(None)
    for bad in ("", "a b", "é", "x" * 256):
        with pytest.raises(InvalidInput) as caught:
            key_header(bad)
        assert caught.value.code == "invalid_idempotency_key"


async def test_leaving_a_stream_closes_its_connection() -> None:
    """A reader that leaves early closes the connection, and nothing is asked for again."""
    async with serving(stream(frames(EVENTS[:2]), Wait(), headers=[LOCATION])) as server:
        async with HttpHub(server.url, patience=QUICK) as hub:
            reading = hub.messages.stream(CONVERSATION, "Why?")
            assert await anext(reading) == EVENTS[0]
            await reading.aclose()
        assert isinstance(server, FaultyServer)
        assert len(server.asked) == 1
