"""What other systems export of their conversations: a file says by its content whose it is."""

from __future__ import annotations

import json
import zipfile
from typing import BinaryIO

from palaver.compat import chatgpt, open_webui
from palaver.errors import InvalidInput
from palaver.imports.tree import Tree

SYSTEMS = "ChatGPT or Open WebUI"
"""Whose exports are read, for a person."""
FILES = "ChatGPT (conversations.json or its .zip) or Open WebUI (.json)"
"""The same with the files that they are."""
EXAMPLES = ("chatgpt.zip", "chat-export.json")
"""What such a file may be called."""
_IN_ZIP = "conversations.json"
_BROKEN = (KeyError, TypeError, ValueError, AttributeError, OverflowError, OSError)
_NONE = f"This is no export of Palaver (.jsonl), {FILES}."


def trees_in(source: BinaryIO) -> list[Tree]:
    """Return the conversations of a file that can be sought in, the oldest first.

    Raises:
        InvalidInput: It is no export of a system that is known.
    """
    try:
        data = json.loads(_unzipped(source))
        if chatgpt.is_export(data):
            return chatgpt.trees(data)
        if open_webui.is_export(data):
            return open_webui.trees(data)
    except _BROKEN as error:
        raise InvalidInput(_NONE) from error
    raise InvalidInput(_NONE)


def _unzipped(source: BinaryIO) -> bytes:
    if not zipfile.is_zipfile(source):
        source.seek(0)
        return source.read()
    with zipfile.ZipFile(source) as archive:
        return archive.read(_IN_ZIP)
