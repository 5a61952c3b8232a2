"""Reading ``multipart/form-data``: fields and files, in memory, within the limits of a route.

The body is read as far as ``bodies.read_body`` lets it come, then cut into its parts. What a part says of itself (its name, its
type) is kept as it was said: whoever takes a file looks at what is in it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from starlette.requests import Request

from palaver.errors import InvalidInput
from palaver.http.bodies import read_body

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

PARTS_MAX = 200
FIELD_BYTES = 80_000
"""The longest field that is no file: metadata of 64 KB fit."""
OVERHEAD_BYTES = 100_000
"""What the form around the files of a body may take, on top of their limit."""
_MEDIA_TYPE = "multipart/form-data"


@dataclass(frozen=True, slots=True, kw_only=True)
class FormFile:
    """A part that is a file. ``name`` and ``media_type`` are what was said, empty where nothing was."""

    field: str
    name: str
    media_type: str
    content: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """What a form holds: texts by their fields' names, and files in their order."""

    fields: Mapping[str, str]
    files: tuple[FormFile, ...]

    @property
    def file(self) -> FormFile:
        """Its one file, in the field ``file``. Raises ``InvalidInput``: ``invalid_multipart``."""
        if [file.field for file in self.files] != ["file"]:
            raise _broken("A form with one file is needed here, in the field «file».")
        return self.files[0]


def is_form(request: Request) -> bool:
    """Whether the body says that it is a form."""
    return _said(request).partition(";")[0].strip().lower() == _MEDIA_TYPE


def _said(request: Request) -> str:
    return request.headers.get("content-type", "")


async def read_form(request: Request, file_bytes: int, *, files_max: int = 1) -> Form:
    """Return the form that the body is, with at most ``files_max`` files of ``file_bytes`` together.

    Raises:
        InvalidInput: ``invalid_multipart`` (no boundary, cut, broken, a name twice, too many parts), ``invalid_encoding``,
            and those of ``read_body``.
    """
    from python_multipart.multipart import parse_options_header

    _, options = parse_options_header(_said(request))
    boundary = options.get(b"boundary", b"")
    if not 0 < len(boundary) <= 200:
        raise _broken("multipart/form-data needs a boundary.")
    body = await read_body(request, file_bytes + OVERHEAD_BYTES)
    return await asyncio.to_thread(parse_form, body, boundary, files_max=files_max)


def parse_form(body: bytes, boundary: bytes, *, files_max: int) -> Form:
    """Return the form that ``body`` is. Raises what ``read_form`` does."""
    from python_multipart.exceptions import FormParserError
    from python_multipart.multipart import MultipartParser

    parts = _Parts(files_max)
    try:
        MultipartParser(boundary, parts.callbacks()).write(body)
    except FormParserError:
        raise _broken("This is no multipart/form-data.") from None
    if not parts.is_whole:
        raise _broken("The form has no end: it was cut off.")
    return Form(fields=parts.fields, files=tuple(parts.files))


def _broken(message: str) -> InvalidInput:
    return InvalidInput(message, code="invalid_multipart")


@dataclass(slots=True)
class _Parts:
    """What the parser has found so far."""

    files_max: int
    fields: dict[str, str] = field(default_factory=dict)
    files: list[FormFile] = field(default_factory=list)
    is_whole: bool = False
    _count: int = 0
    _headers: dict[bytes, bytes] = field(default_factory=dict)
    _header: tuple[bytearray, bytearray] = field(default_factory=lambda: (bytearray(), bytearray()))
    _content: bytearray = field(default_factory=bytearray)

    def callbacks(self) -> MultipartCallbacks:
        """What the parser calls."""
        return {
            "on_part_begin": self._begin,
            "on_header_field": lambda data, start, end: self._header[0].extend(data[start:end]),
            "on_header_value": lambda data, start, end: self._header[1].extend(data[start:end]),
            "on_header_end": self._end_header,
            "on_part_data": lambda data, start, end: self._content.extend(data[start:end]),
            "on_part_end": self._end,
            "on_end": self._end_form,
        }

    def _begin(self) -> None:
        self._count += 1
        if self._count > PARTS_MAX:
            raise _broken(f"A form has at most {PARTS_MAX} parts.")
        self._headers = {}
        self._content = bytearray()

    def _end_header(self) -> None:
        name, value = self._header
        self._headers[bytes(name).lower()] = bytes(value)
        self._header = (bytearray(), bytearray())

    def _end(self) -> None:
        from python_multipart.multipart import parse_options_header

        kind, options = parse_options_header(self._headers.get(b"content-disposition"))
        if kind != b"form-data" or b"name" not in options:
            raise _broken("A part has no name.")
        name, content = _text(options[b"name"]), bytes(self._content)
        if b"filename" in options:
            self._add_file(name, options[b"filename"], content)
        elif name in self.fields or len(content) > FIELD_BYTES:
            raise _broken("A field is given twice, or is too long.")
        else:
            self.fields[name] = _text(content)

    def _add_file(self, name: str, file_name: bytes, content: bytes) -> None:
        if len(self.files) == self.files_max:
            raise InvalidInput(f"At most {self.files_max} file(s) at a time.", code="too_many_files")
        media_type = self._headers.get(b"content-type", b"").decode("latin-1")
        shown = file_name.decode("utf-8", "replace")
        self.files.append(FormFile(field=name, name=shown, media_type=media_type, content=content))

    def _end_form(self) -> None:
        self.is_whole = True


def _text(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise InvalidInput(f"Byte {error.start} of a field is no UTF-8.", code="invalid_encoding") from None
