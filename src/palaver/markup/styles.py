"""The stylesheet of a message, for light and dark: the page's and that of exports."""

from __future__ import annotations

from functools import cache
from importlib.resources import files


@cache
def message_styles() -> str:
    """Return the colours of everything, and the rules that a message needs: those of its code, too."""
    return files("palaver.markup").joinpath("message.css").read_text(encoding="utf-8")
