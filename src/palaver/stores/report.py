"""What a store is and what its acknowledgement means, in words: the same for the command line, the API and the page."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from typing import Any, Self

from palaver.stores.base import Feature
from palaver.stores.orders import StoreHealth

_KEPT = "nothing acknowledged is lost"
_LOST = "writes can be lost"
_MEANINGS = {
    Feature.MESSAGE_SEARCH: "What was said can't be searched: a search of conversations finds titles only.",
    Feature.CHUNK_SEARCH: "Words in documents are looked up in the server's memory, in an index that is made of the rows.",
    Feature.VECTOR_SEARCH: "Vectors are compared in the server's memory, in an index that is made of the rows.",
    Feature.WAKEUPS: "It wakes nobody: what another process writes is read a moment later.",
}


class StoreState(StrEnum):
    """``safe``, ``noted`` (worth knowing) or ``at_risk``: what was acknowledged can be lost."""

    SAFE = "safe"
    NOTED = "noted"
    AT_RISK = "at_risk"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lack:
    """A feature that a store has not, and what that means."""

    feature: Feature
    meaning: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreReport(StoreHealth):
    """What an acknowledgement means, for a person; ``summary`` is one sentence.

    ``size_bytes`` is what the whole database takes: a file, all of a PostgreSQL database, the memory of Redis. That, where it is
    (``location``, without a password) and its ``settings`` are told to operators only.
    """

    state: StoreState
    summary: str
    process_dies: str
    power_fails: str
    lacks: tuple[Lack, ...] = ()
    size_bytes: int | None = None
    location: str | None = None

    @classmethod
    def of(
        cls,
        health: StoreHealth,
        *,
        features: Collection[Feature] = tuple(Feature),
        size_bytes: int | None = None,
        location: str | None = None,
    ) -> Self:
        """Put what a store says of itself into words."""
        found: dict[str, Any] = {each.name: getattr(health, each.name) for each in fields(StoreHealth)}
        return cls(
            **found,
            state=_state(health),
            summary=_summary(health),
            process_dies=_KEPT if health.survives_kill else _LOST,
            power_fails=_KEPT if health.survives_power_cut else _LOST,
            lacks=tuple(Lack(feature=each, meaning=_MEANINGS[each]) for each in Feature if each not in features),
            size_bytes=size_bytes,
            location=location,
        )

    def for_a_tenant(self) -> Self:
        """Return what the admin of one tenant may know: no place, nothing of the others' size, no setting, which may name a machine."""
        return replace(self, location=None, size_bytes=None, settings={})


def _state(health: StoreHealth) -> StoreState:
    if health.risks or not health.survives_kill:
        return StoreState.AT_RISK
    return StoreState.NOTED if health.notes or not health.survives_power_cut else StoreState.SAFE


def _summary(health: StoreHealth) -> str:
    if not health.survives_kill:
        return "What was acknowledged can be lost when the process dies."
    if not health.survives_power_cut:
        return "What was acknowledged survives the death of the process; a power cut can lose the last of it."
    return "What was acknowledged survives the death of the process and a power cut."
