"""Requests about files, and the files in other requests."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, Tag

from palaver.attachment import ATTACHMENTS_MAX, is_attachment_id
from palaver.wire.base import Wire, refused

NAME_CODE_POINTS = 1_000
_DATA_URL = re.compile(r"data:[^,]{0,200};base64,", re.IGNORECASE)


def _data_url(value: str) -> str:
    if _DATA_URL.match(value) is None:
        raise refused("invalid_file", "A file in JSON is a data: URL in base64: data:image/png;base64,…")
    return value


def _reference(value: str) -> str:
    return value if is_attachment_id(value) else _data_url(value)


def _few(value: Any) -> Any:
    if isinstance(value, list) and len(value) > ATTACHMENTS_MAX:
        raise refused("too_many_attachments", f"A message has at most {ATTACHMENTS_MAX} attachments.")
    return value


DataUrl = Annotated[
    str,
    AfterValidator(_data_url),
    Field(json_schema_extra={"format": "palaver-data-url", "description": "`data:image/png;base64,…`"}),
]
Reference = Annotated[
    str,
    AfterValidator(_reference),
    Field(json_schema_extra={"format": "palaver-attachment", "description": "The id of an upload, or a `data:` URL."}),
]


class FileName(Wire):
    """The name to show of a file that comes in a form; its own where omitted."""

    name: Annotated[str, Field(max_length=NAME_CODE_POINTS)] | None = None


class FileUpload(FileName):
    """A file: its bytes as a ``data:`` URL in base64, and a name to show. What it says of its type is not believed."""

    data: DataUrl


def _form(value: Any) -> str:
    return "reference" if isinstance(value, str) else "upload"


Attachments = Annotated[
    list[
        Annotated[
            Annotated[Reference, Tag("reference")] | Annotated[FileUpload, Tag("upload")],
            Discriminator(_form),
        ]
    ],
    BeforeValidator(_few),
    Field(json_schema_extra={"maxItems": ATTACHMENTS_MAX}),
]
