"""The names of all keys, and in which slot each lies.

What belongs to a conversation is found from an id alone: in braces stand the four digits that a conversation shares with its
turns and messages, so that a cluster keeps them in one place. Everything else has a place of its own.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from palaver.errors import NotFound
from palaver.ids import family

_ID = re.compile(r"[A-Za-z0-9_.-]{1,80}")
_NAMES_KEPT = (
    10_000  # a turn asks a hundred times for the names of some fifty things, the next one for most of them again
)


@dataclass(frozen=True, slots=True)
class Keys:
    """Names, all of which begin with ``prefix``: two stores with different ones don't meet."""

    prefix: str = "palaver:"

    def of(self, kind: str, any_id: str) -> str:
        """What is kept of a thing under its id.

        Raises:
            NotFound: No thing has such an id.
        """
        key = self.find(kind, any_id)
        if key is None:
            raise NotFound
        return key

    def find(self, kind: str, any_id: str) -> str | None:
        """The same; None where no thing can have such an id."""
        return _name(self.prefix, kind, any_id)

    def index(self, name: str) -> str:
        """A sorted set of members ``<place>:<id>``; what its scores are its name says."""
        return f"{self.prefix}index:{name}"

    def claim(self, name: str) -> str:
        """Who has a name that only one can have."""
        return f"{self.prefix}claim:{name}"

    def blob(self, tenant_id: str, sha256: str) -> tuple[str, str]:
        """Bytes by their hash, and the set of the attachments that have them."""
        return f"{self.prefix}{{{sha256}}}blob:{tenant_id}", f"{self.prefix}{{{sha256}}}refs:{tenant_id}"

    def figures(self, tenant_id: str, name: str) -> str:
        """What is counted of a tenant's conversations: all of it lies in one slot, so that it is added to in one step."""
        return f"{self.prefix}{{figures:{tenant_id}}}{name}"

    def named(self, name: str) -> str:
        """Something that there is one of."""
        return f"{self.prefix}{name}"


@lru_cache(maxsize=_NAMES_KEPT)
def _name(prefix: str, kind: str, any_id: str) -> str | None:
    return f"{prefix}{{{family(any_id)}}}{kind}:{any_id}" if _ID.fullmatch(any_id) else None


def slot_of(key: str) -> str:
    """Return what decides the slot of a key: keys with the same answer lie together."""
    start = key.find("{")
    end = key.find("}", start + 1)
    return key[start + 1 : end] if 0 <= start < end - 1 else key
