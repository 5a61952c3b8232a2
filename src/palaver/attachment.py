"""Bytes that a message refers to. They are stored once a tenant by their hash; a row holds the reference only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """``sha256`` is 64 hex digits of the stored bytes, ``size_bytes`` their number. ``name`` is for display only."""

    id: str
    name: str
    media_type: str
    size_bytes: int
    sha256: str
    created_at: datetime
