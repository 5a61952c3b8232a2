"""Turns in conversations of several lengths: how long they take, and whether the length matters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench.measure import Step, interleaved, median
from bench.peers.base import Peer
from bench.peers.everyone import Homes, opened
from bench.tables import ms

LENGTHS = (0, 100, 1_000, 10_000)
ROUNDS = {"quick": 10, "default": 200, "full": 600}
_SHORT = 100
_SHORT_TALKS = 20


@dataclass(frozen=True, slots=True)
class Taken:
    """The seconds of every turn, by the length of its conversation and the name of the peer."""

    seconds: Mapping[int, Mapping[str, Sequence[float]]]

    @staticmethod
    def columns() -> Sequence[str]:
        """The heads of the rows."""
        return ("", *[f"{length:,} messages" for length in LENGTHS])

    def row(self, name: str) -> Sequence[str]:
        """The medians of one, in milliseconds, and how many turns each is of."""
        cells = [f"{ms(self._median(length, name))} (n={len(self.seconds[length][name])})" for length in LENGTHS]
        return (name, *cells)

    def times(self, name: str, other: str) -> float:
        """How many times as long one takes as the other, at the worst length."""
        return max(self._median(length, name) / self._median(length, other) for length in LENGTHS)

    def _median(self, length: int, name: str) -> float:
        return median(self.seconds[length][name])


async def taken(kinds: Sequence[type[Peer]], homes: Mapping[int, Homes], scale: str) -> Taken:
    """Time a turn of every peer at every length, interleaved; ``homes`` are those for each length."""
    return Taken({length: await _at_length(kinds, homes[length], length, ROUNDS[scale]) for length in LENGTHS})


async def growth(kind: type[Peer], homes: Homes, scale: str) -> float:
    """How many times as long a turn takes in the longest conversation as in the shortest; they take turns in one store."""
    async with opened([kind], homes) as (peer,):
        shortest, longest = LENGTHS[0], LENGTHS[-1]
        steps = {str(length): await _steps(peer, length) for length in (shortest, longest)}
        seconds = await interleaved(steps, rounds=ROUNDS[scale], seconds_each=2.5)
    return median(seconds[str(longest)]) / median(seconds[str(shortest)])


async def _at_length(kinds: Sequence[type[Peer]], homes: Homes, length: int, rounds: int) -> dict[str, list[float]]:
    async with opened(kinds, homes) as peers:
        steps: dict[str, Sequence[Step]] = {peer.name: await _steps(peer, length) for peer in peers}
        return await interleaved(steps, rounds=rounds, seconds_each=2.5)


async def _steps(peer: Peer, length: int) -> list[Step]:
    # Short conversations grow while they are measured: the rounds go over several of them.
    talks = [await peer.talk(length) for _ in range(_SHORT_TALKS if length <= _SHORT else 1)]
    for talk in talks[:3]:
        await talk.turn()
    return [talk.turn for talk in talks]
