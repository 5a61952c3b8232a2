"""Rows of the table of bad input: a request, and how it is refused."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Row:
    """A request, with ``{bot}``, ``{conv}``, ``{turn}``, ``{msg}``, ``{question}`` … for what exists."""

    about: str
    method: str
    path: str
    status: int
    code: str
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)


def post(about: str, path: str, body: Any, status: int, code: str, **headers: str) -> Row:
    return Row(about, "POST", path, status, code, body, {k.replace("_", "-"): v for k, v in headers.items()})


def get(about: str, path: str, status: int, code: str, **headers: str) -> Row:
    return Row(about, "GET", path, status, code, None, {k.replace("_", "-"): v for k, v in headers.items()})


FORM = "multipart/form-data; boundary=xx"
FILES = "/v1/files"


def a_form(about: str, body: bytes, status: int, code: str, content_type: str = FORM, path: str = FILES) -> Row:
    return Row(about, "POST", path, status, code, body, {"Content-Type": content_type})


def a_part(content: bytes, said: str = 'name="file"; filename="a.png"') -> bytes:
    return b"--xx\r\nContent-Disposition: form-data; " + said.encode() + b"\r\n\r\n" + content + b"\r\n"
