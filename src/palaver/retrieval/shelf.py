"""The mirrors of this process: as many as fit into the memory that they are given, those used last."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable
from typing import Any, TypeVar, cast

from palaver.errors import NotFound
from palaver.retrieval.mirror import Mirror, Source

M = TypeVar("M", bound=Mirror[Any])
COUNT_MAX = 1_000


class Shelf:
    """Mirrors by name, least recently used first.

    Args:
        limit_bytes: For all of them together. One alone may be larger: a search needs it.
        count_max: How many there are at most.
    """

    def __init__(self, limit_bytes: int, *, count_max: int = COUNT_MAX) -> None:
        self._limit_bytes = limit_bytes
        self._count_max = count_max
        self._mirrors: dict[Hashable, Mirror[Any]] = {}
        self._opening = asyncio.Lock()

    def __contains__(self, name: Hashable) -> bool:
        return name in self._mirrors

    async def fresh(self, name: Hashable, source: Source, make: Callable[[], M]) -> M:
        """Return the mirror of that name, equal to its rows. A name stands for one kind; ``make`` is called in a thread.

        Raises:
            NotFound: For the bot.
        """
        mirror = cast("M | None", self._taken(name)) or await self._opened(name, make)
        try:
            await mirror.refresh(source)
        except NotFound:
            self._mirrors.pop(name, None)
            raise
        await self._make_room()
        return mirror

    async def put_away(self) -> None:
        """Have all of them write down what they want to know after a restart."""
        for mirror in list(self._mirrors.values()):
            await mirror.run(mirror.put_away)

    async def _opened(self, name: Hashable, make: Callable[[], M]) -> M:
        async with self._opening:
            mirror = cast("M | None", self._taken(name))
            if mirror is None:
                mirror = await asyncio.to_thread(make)
            self._mirrors[name] = mirror
            return mirror

    def _taken(self, name: Hashable) -> Mirror[Any] | None:
        mirror = self._mirrors.pop(name, None)
        if mirror is not None:
            self._mirrors[name] = mirror  # at the end: it is the one used last
        return mirror

    async def _make_room(self) -> None:
        total = sum(mirror.size_bytes for mirror in self._mirrors.values())
        while len(self._mirrors) > 1 and (total > self._limit_bytes or len(self._mirrors) > self._count_max):
            oldest = self._mirrors.pop(next(iter(self._mirrors)))
            total -= oldest.size_bytes
            await oldest.run(oldest.put_away)
