"""What this process wrote of turns that run here: enough to end one without looking first.

It need not be so any more: the end is guarded by the conversation's revision and by the length of the log, as every change is.
What was outrun is done again, and looks.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from palaver.stores.redis.stored import Stored, StoredTurn

_TURNS = 1_000


@dataclass(slots=True)
class Recent:
    """How a running turn stands: the conversation's revision, the things inside that an end changes, its log's length and
    last number."""

    turn: StoredTurn
    revision: int
    things: tuple[Stored, ...]
    log_size: int = 0
    log_end: int | None = None


class RecentTurns:
    """Those that began here last. Each is handed out once: who finds that it was wrong does not find it again."""

    def __init__(self) -> None:
        self._by_id: OrderedDict[str, Recent] = OrderedDict()

    def keep(self, recent: Recent) -> None:
        """Remember how a turn stands."""
        self._by_id[recent.turn.id] = recent
        if len(self._by_id) > _TURNS:
            self._by_id.popitem(last=False)

    def take(self, turn_id: str) -> Recent | None:
        """Return how a turn stood, if it is remembered, and forget it."""
        return self._by_id.pop(turn_id, None)
