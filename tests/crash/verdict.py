"""What a client's journal, the store and the model's memory must agree on after a fault."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import httpx2

from crash.journal import Entry, JournalClient, all_messages, frames_of
from crash.words import WordServer
from palaver.events import Event
from palaver.fold import fold
from palaver.jsonable import encode

UNTOLD = "server_restart"
"""How a turn ends of whose begin the server was never told: nobody runs it, until its lease is over."""


async def check_all(
    http: httpx2.AsyncClient, clients: Sequence[JournalClient], words: WordServer, reasons: Collection[str]
) -> None:
    """I1, I2, I4, I6, I7, I8, I10 and I13, for every send of every client."""
    assert [client.unexpected for client in clients] == [[]] * len(clients)
    running = (await http.get("/v1/turns", params={"status": "running"})).json()
    assert running["data"] == [], "I6: nothing runs on"
    for client in clients:
        await check_history(http, client, words)
        for entry in client.journal:
            await check_entry(http, entry, words, reasons)


async def check_history(http: httpx2.AsyncClient, client: JournalClient, words: WordServer) -> None:
    """I1, I2, I4, I13 for one conversation."""
    conversation_id = client.journal[0].conversation_id
    history = await all_messages(http, conversation_id, 100)
    for limit in (1, 7):
        assert await all_messages(http, conversation_id, limit) == history, "I4: a page size changes nothing"
    assert [message["seq"] for message in history] == list(range(1, len(history) + 1)), "I4: no gap, no reuse"
    questions = [message["text"] for message in history if message["role"] == "user"]
    assert questions == [entry.text for entry in client.journal], "I1, I2: each send once, in order, none lost"
    for entry in client.journal:
        deltas = [call.deltas for call in words.calls_of(entry.text)]
        assert len(deltas) <= 3, "I2: at most three calls"
        assert sum(1 for count in deltas if count) <= 1, "I13: never called again once a delta was shown"


async def check_entry(http: httpx2.AsyncClient, entry: Entry, words: WordServer, reasons: Collection[str]) -> None:
    """I6, I7, I8, I10 for one send; ``reasons`` are those for which a turn may be interrupted."""
    turn = (await http.get(f"/v1/turns/{entry.turn_id}")).json()
    answer = await _answer(http, entry, turn)
    assert turn["status"] in ("completed", "interrupted"), f"I6: {turn}"
    if turn["status"] == "interrupted":
        assert turn["reason"] in reasons
    assert words.text.startswith(answer["text"]), "I7: a prefix of what the model said"
    for seen in (*entry.gone, entry.seen):
        assert answer["text"].startswith(seen), "I7: all that was seen"
    async with http.stream("GET", f"/v1/turns/{entry.turn_id}/events", params={"after": "0"}) as response:
        whole = [frame async for frame in frames_of(response)]
    assert entry.frames == whole, "I8: what was missed and nothing else, byte for byte"
    told, message = fold(Event(frame.seq, frame.event, frame.data) for frame in whole)
    assert (encode(told), encode(message)) == (turn, answer), "I10: the stream tells what is stored"


async def _answer(http: httpx2.AsyncClient, entry: Entry, turn: dict[str, Any]) -> dict[str, Any]:
    history = await all_messages(http, entry.conversation_id, 200)
    return next(message for message in history if message["id"] == turn["message_id"])
