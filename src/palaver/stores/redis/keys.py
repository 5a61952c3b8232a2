"""The names of all keys, and in which slot each lies.

What belongs to a conversation is found from an id alone: in braces stand the four digits that a conversation shares with its
turns and messages, so that a cluster keeps them in one place. Everything else has a place of its own.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from palaver.errors import NotFound
from palaver.ids import family

_ID = re.compile(r"[A-Za-z0-9_.-]{1,80}")


@dataclass(frozen=True, slots=True)
class Keys:
    """Names, all of which begin with ``prefix``: two stores with different ones don't meet."""

    prefix: str = "palaver:"

    def of(self, kind: str, any_id: str) -> str:
        """What is kept of a thing under its id.

        Raises:
            NotFound: No thing has such an id.
        """
        if not is_id(any_id):
            raise NotFound
        return f"{self.prefix}{{{family(any_id)}}}{kind}:{any_id}"

    def index(self, name: str) -> str:
        """A sorted set of members ``<place>:<id>``; what its scores are its name says."""
        return f"{self.prefix}index:{name}"

    def claim(self, name: str) -> str:
        """Who has a name that only one can have."""
        return f"{self.prefix}claim:{name}"

    def blob(self, tenant_id: str, sha256: str) -> tuple[str, str]:
        """Bytes by their hash, and the set of the attachments that have them."""
        return f"{self.prefix}{{{sha256}}}blob:{tenant_id}", f"{self.prefix}{{{sha256}}}refs:{tenant_id}"

    def named(self, name: str) -> str:
        """Something that there is one of."""
        return f"{self.prefix}{name}"


def is_id(word: str) -> bool:
    """Whether a thing may have this id."""
    return _ID.fullmatch(word) is not None


def slot_of(key: str) -> str:
    """Return what decides the slot of a key: keys with the same answer lie together."""
    start = key.find("{")
    end = key.find("}", start + 1)
    return key[start + 1 : end] if 0 <= start < end - 1 else key
