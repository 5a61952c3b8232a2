"""Streams over HTTP that are cut anywhere and resumed by either cursor."""

from __future__ import annotations

import asyncio
import random

import httpx2

from crash.journal import Frame, created, frames_of, make_conversation
from crash.process import serving

TURNS = 12
READERS = 8
CUTS = 11


async def _read_in_pieces(http: httpx2.AsyncClient, turn: str, seed: int) -> tuple[list[Frame], int]:
    """Read a turn to its end, hanging up after a few events each time; return the number of cuts, too."""
    chance, seen, cuts = random.Random(seed), list[Frame](), 0
    while not (seen and seen[-1].event.startswith("turn.") and seen[-1].seq > 1):
        patience = chance.randint(1, 3) if cuts < CUTS else 10_000
        by_header = bool(seen) and chance.random() < 0.5
        headers = {"Last-Event-ID": seen[-1].id} if by_header else {}
        params = {} if by_header else {"after": str(seen[-1].seq if seen else 0)}
        async with http.stream("GET", f"{turn}/events", params=params, headers=headers) as response:
            assert response.status_code == 200
            async for frame in frames_of(response):
                seen.append(frame)
                patience -= 1
                if patience == 0:
                    break
        cuts += 1
    return seen, cuts


async def test_a_thousand_cuts_over_http_lose_and_repeat_nothing(store_url: str) -> None:
    """I8: at 1,000 random cut points over HTTP, live and later, seen + resumed is the uninterrupted stream, byte for byte."""
    env = {"PALAVER_DEFAULT_MODEL": "scripted:words?count=30&delay=0.03"}
    async with serving(store_url, env) as server:
        async with httpx2.AsyncClient(
            base_url=server.url, timeout=30, limits=httpx2.Limits(max_connections=50)
        ) as http:
            bot = await created(http, "/v1/bots", {"name": "Helper"})
            paths = [f"/v1/conversations/{await make_conversation(http, bot['id'])}/messages" for _ in range(TURNS)]
            later = {"Prefer": "respond-async"}
            turns = [(await http.post(path, json={"text": "Go"}, headers=later)).headers["Location"] for path in paths]
            pieced = await asyncio.gather(
                *[_read_in_pieces(http, turn, seed) for seed in range(READERS) for turn in turns]
            )
            wholes = {turn: (await _read_in_pieces(http, turn, 0))[0] for turn in turns}
    for (seen, _), turn in zip(pieced, turns * READERS, strict=True):
        assert seen == wholes[turn]
    assert sum(cuts for _, cuts in pieced) >= 1_000
