"""Bytes that a message refers to. They are stored once a tenant by their hash; a row holds the reference only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from os import PathLike

from palaver.ids import is_id

ATTACHMENTS_MAX = 10
"""How many a message may have."""
PREFIX = "att"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A file that was kept. ``sha256`` is 64 hex digits of the stored bytes, ``size_bytes`` their number: of an image, those that
    were drawn of the upload. ``name`` is for display only."""

    id: str
    name: str
    media_type: str
    size_bytes: int
    sha256: str
    created_at: datetime


FileSource = str | bytes | PathLike[str]
"""A file as a caller has it: its path, its bytes, or a ``data:`` URL of them. Paths are read on the caller's side only."""

Attached = FileSource | Attachment
"""What can be attached to a message: a file that was uploaded, or its id; or a file that is sent along."""


def is_attachment_id(value: str) -> bool:
    """Whether this has the form of an attachment's id."""
    return is_id(PREFIX, value)
