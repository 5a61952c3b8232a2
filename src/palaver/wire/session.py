"""Requests about who is signed in."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from palaver.wire.base import Wire

KEY_CHARACTERS = 255


class SignIn(Wire):
    """An API key, to be shown once: the browser keeps a token instead."""

    key: Annotated[str, Field(min_length=1, max_length=KEY_CHARACTERS)]
