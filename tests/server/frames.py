"""Server-sent events, read as strictly as they are promised: three fields a frame, in their order, ``\\n`` only."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

_FRAME = re.compile(rb"id: ([^\n\r]+)\nevent: ([a-z.]+)\ndata: ([\x20-\x7e]*)\n\n")


@dataclass(frozen=True, slots=True)
class Frame:
    """One event as it was sent."""

    id: str
    event: str
    data: Any


def frames_of(content: bytes) -> list[Frame]:
    """Return the frames of a whole stream; anything else in it, but comments, fails."""
    rest = re.sub(rb"(?m)^: ping\n\n", b"", content)
    found = list(_FRAME.finditer(rest))
    assert b"".join(each[0] for each in found) == rest, rest
    return [Frame(each[1].decode(), each[2].decode(), json.loads(each[3])) for each in found]
