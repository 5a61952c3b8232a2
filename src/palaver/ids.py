"""Ids: a prefix and a UUIDv7 in hex, so that they sort by the time of their making.

The last four digits of a conversation's id are repeated at the end of the ids of its turns and messages. A store that
is cut into slots (Redis Cluster) finds the slot of a turn or a message from its id alone; nothing else may rely on it.
"""

from __future__ import annotations

import hashlib
import os
import re
import time
from datetime import datetime

_SHAPE = re.compile(r"[a-z]{2,8}_[0-9a-f]{12}7[0-9a-f]{3}[89ab][0-9a-f]{15}")
_FAMILY_DIGITS = 4


def _uuid7() -> str:
    # RFC 9562, section 6.2, method 3: the 12 bits behind the version are the fraction of the millisecond.
    now = time.time_ns()
    millis, rest = divmod(now, 1_000_000)
    fraction = (rest << 12) // 1_000_000
    tail = int.from_bytes(os.urandom(8), "big") & 0x3FFFFFFFFFFFFFFF | 0x8000000000000000
    return f"{millis:012x}7{fraction:03x}{tail:016x}"


def new_id(prefix: str) -> str:
    """Return a new id such as ``bot_0198c0de…``."""
    return f"{prefix}_{_uuid7()}"


def derived_id(prefix: str, at: datetime, name: str, *, within: str = "") -> str:
    """Return the id of what has a name elsewhere: the same for the same name and time, and as unguessable as the name.

    ``within`` is the id of the conversation that it is inside.
    """
    digits = hashlib.sha256(name.encode()).hexdigest()
    millis = max(0, min(int(at.timestamp() * 1000), 2**48 - 1))
    made = f"{millis:012x}7{digits[:3]}{'89ab'[int(digits[3], 16) % 4]}{digits[4:19]}"
    return f"{prefix}_{made[:-_FAMILY_DIGITS]}{within[-_FAMILY_DIGITS:]}" if within else f"{prefix}_{made}"


def child_id(prefix: str, conversation_id: str) -> str:
    """Return a new id of something inside a conversation: it ends like the conversation's."""
    return f"{prefix}_{_uuid7()[:-_FAMILY_DIGITS]}{conversation_id[-_FAMILY_DIGITS:]}"


def family(any_id: str) -> str:
    """Return the four digits that a conversation shares with its turns and messages."""
    return any_id[-_FAMILY_DIGITS:]


def is_id(prefix: str, value: str) -> bool:
    """Whether ``value`` has the form of an id with this prefix. No store is asked."""
    return len(value) == len(prefix) + 33 and value.startswith(prefix + "_") and _SHAPE.fullmatch(value) is not None
