"""What streams told, compared with what they tell later."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from palaver.events import Event

_PARENT = re.compile(r'"(parent_id|turn_id)":(null|"[^"]*")')


def but_for_parents(events: Sequence[Event]) -> Sequence[Event]:
    """What a delete may change in a stream: a turn hangs on another parent, a shared question belongs to another turn."""
    return [replace(event, json=_PARENT.sub("", event.json)) for event in events]
