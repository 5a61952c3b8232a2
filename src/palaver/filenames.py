"""The name of a file as it is kept and shown: for display only, never a path."""

from __future__ import annotations

import re
import unicodedata

FILE_NAME_CODE_POINTS = 120
UNNAMED = "file"

_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_RESERVED = re.compile(r'[<>:"|?*]')
_SUFFIX = re.compile(r"\.[A-Za-z0-9]{1,10}\Z")


def safe_name(given: str, *, suffixes: tuple[str, ...] = ()) -> str:
    """Return a name that can be shown and saved anywhere, made of the one that came with a file.

    What stands before the last slash or backslash goes, and so do controls, bidi overrides and other characters that are not
    seen; nothing is left of ``..`` or of a name that is blank. With ``suffixes`` (``.png`` …) the name ends in one of them:
    its own if that is one, else the first.
    """
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", given))[-1]
    seen = "".join(" " if char.isspace() else char for char in last if char.isspace() or _is_seen(char))
    name = " ".join(_RESERVED.sub("_", seen).split()).strip(". ")
    suffix = found[0] if (found := _SUFFIX.search(name)) else ""
    stem = name.removesuffix(suffix) or UNNAMED
    if suffixes and suffix.lower() not in suffixes:
        suffix = suffixes[0]
    return stem[: FILE_NAME_CODE_POINTS - len(suffix)].rstrip(". ") + suffix


def _is_seen(char: str) -> bool:
    return unicodedata.category(char) not in _HIDDEN
