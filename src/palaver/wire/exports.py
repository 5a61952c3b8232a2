"""Requests for files of conversations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar

from palaver.exports.base import Format, Rows
from palaver.wire.base import Wire, choice
from palaver.wire.conversations import ConversationWhich

_PARAMETER = "invalid_parameter"


class ExportQuery(Wire):
    """A conversation as a file; ``rows`` are those of a CSV."""

    UNKNOWN: ClassVar[str] = _PARAMETER

    format: Annotated[Format, choice(Format)] = Format.HTML
    rows: Annotated[Rows, choice(Rows)] = Rows.MESSAGES


class ExportAllQuery(ConversationWhich):
    """All conversations that fit as a file."""

    CODES: ClassVar[Mapping[str, str]] = {**ConversationWhich.CODES, "format": _PARAMETER, "rows": _PARAMETER}

    format: Annotated[Format, choice(Format)] = Format.JSONL
    rows: Annotated[Rows, choice(Rows)] = Rows.MESSAGES
