"""A hundred sends at once: with one key they are one turn, with their own keys one of them is."""

from __future__ import annotations

import asyncio

import httpx2

from crash.journal import all_messages, created, make_conversation
from crash.process import provider_env, serving
from crash.words import word_server

SENDS = 100


async def _sends(http: httpx2.AsyncClient, path: str, keys: list[str]) -> list[httpx2.Response]:
    bodies = [http.post(path, json={"text": "a hello"}, headers={"Idempotency-Key": key}) for key in keys]
    return await asyncio.gather(*bodies)


async def test_parallel_sends_with_one_key_are_one_turn(store_url: str) -> None:
    """I2: 100 parallel sends with one key are one turn, one call of the model, and the same answer 100 times."""
    async with word_server(count=10, delay_seconds=0.02) as words:
        async with serving(store_url, provider_env(words.url)) as server:
            limits = httpx2.Limits(max_connections=SENDS)
            async with httpx2.AsyncClient(base_url=server.url, timeout=60, limits=limits) as http:
                bot = await created(http, "/v1/bots", {"name": "Helper", "model": "words:any"})
                conversation_id = await make_conversation(http, bot["id"])
                path = f"/v1/conversations/{conversation_id}/messages"
                answers = await _sends(http, path, ["one-key"] * SENDS)
                assert {answer.status_code for answer in answers} == {201}
                assert len({answer.text for answer in answers}) == 1
                assert sum("Idempotent-Replayed" not in answer.headers for answer in answers) == 1
                assert len(await all_messages(http, conversation_id, 100)) == 2
        assert [(call.question, call.ended) for call in words.calls] == [("a hello", True)]


async def test_parallel_sends_with_own_keys_are_one_turn_and_99_conflicts(store_url: str) -> None:
    """I5: of 100 parallel sends into one conversation one is accepted; 99 are told the id of the turn that runs."""
    async with word_server(count=20, delay_seconds=0.1) as words:
        async with serving(store_url, provider_env(words.url)) as server:
            limits = httpx2.Limits(max_connections=SENDS)
            async with httpx2.AsyncClient(base_url=server.url, timeout=60, limits=limits) as http:
                bot = await created(http, "/v1/bots", {"name": "Helper", "model": "words:any"})
                path = f"/v1/conversations/{await make_conversation(http, bot['id'])}/messages"
                answers = await _sends(http, path, [f"key-{number}" for number in range(SENDS)])
        accepted = [answer.json() for answer in answers if answer.status_code == 201]
        refused = [answer for answer in answers if answer.status_code == 409]
        assert (len(accepted), len(refused)) == (1, SENDS - 1)
        assert {answer.json()["code"] for answer in refused} == {"turn_in_progress"}
        assert {answer.json()["turn_id"] for answer in refused} == {accepted[0]["turn"]["id"]}
        assert all("Retry-After" in answer.headers for answer in refused)
        assert len(words.calls) == 1
        assert words.max_overlap == 1
