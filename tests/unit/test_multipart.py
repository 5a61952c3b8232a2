"""Forms are read whole or refused by name."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from palaver.errors import InvalidInput
from palaver.http.multipart import FIELD_BYTES, PARTS_MAX, Form, FormFile, parse_form

BOUNDARY = b"xYzZy"


def part(name: str, content: bytes, *, filename: str | None = None) -> bytes:
    """One part as curl writes it."""
    said = f'Content-Disposition: form-data; name="{name}"' + (
        f'; filename="{filename}"' if filename is not None else ""
    )
    kind = "\r\nContent-Type: image/png" if filename is not None else ""
    return b"--" + BOUNDARY + b"\r\n" + said.encode() + kind.encode() + b"\r\n\r\n" + content + b"\r\n"


def form(*parts: bytes) -> bytes:
    return b"".join(parts) + b"--" + BOUNDARY + b"--\r\n"


def refusal(body: bytes, **options: int) -> str:
    with pytest.raises(InvalidInput) as error:
        parse_form(body, BOUNDARY, **{"files_max": 1, **options})
    return error.value.code


@given(st.lists(st.binary(max_size=300).filter(lambda content: BOUNDARY not in content), max_size=4))
def test_files_in_are_files_out(contents: list[bytes]) -> None:
    """Any bytes come back as they were, in order, with what was said of them, beside the fields."""
    parts = [part("file", content, filename=f"é{number}.png") for number, content in enumerate(contents)]
    read = parse_form(form(part("name", "ünï".encode()), *parts), BOUNDARY, files_max=4)
    files = tuple(
        FormFile(field="file", name=f"é{number}.png", media_type="image/png", content=content)
        for number, content in enumerate(contents)
    )
    assert read == Form(fields={"name": "ünï"}, files=files)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"hello",
        form(part("file", b"x", filename="a"))[:-6],
        part("file", b"x", filename="a"),
        form(part("a", b"1"), part("a", b"2")),
        form(part("a", b"x" * (FIELD_BYTES + 1))),
        form(*[part(str(number), b"") for number in range(PARTS_MAX + 1)]),
        form(b"--" + BOUNDARY + b"\r\nContent-Type: text/plain\r\n\r\nno name\r\n"),
        form(b"--" + BOUNDARY + b"\r\nX: " + b"y" * 10_000 + b"\r\n\r\n\r\n"),
        b"--" + BOUNDARY + b"\r\nno header\r\n\r\n\r\n--" + BOUNDARY + b"--\r\n",
    ],
)
def test_what_is_no_form_is_refused(body: bytes) -> None:
    """Nothing, text, a form that was cut, a field twice or too long, too many parts, headers that are none."""
    assert refusal(body) == "invalid_multipart"


def test_more_files_than_are_taken() -> None:
    """One more file than the route takes has its own code; so has a field that is no UTF-8."""
    files = [part("file", b"x", filename="a.png")] * 3
    assert len(parse_form(form(*files), BOUNDARY, files_max=3).files) == 3
    assert refusal(form(*files), files_max=2) == "too_many_files"
    assert refusal(form(part("name", b"\xff"))) == "invalid_encoding"


@given(st.binary(max_size=400))
def test_garbage_is_a_named_error(body: bytes) -> None:
    """Whatever comes behind a boundary: a form, or a refusal that has a code."""
    code = ""
    try:
        parse_form(b"--" + BOUNDARY + body, BOUNDARY, files_max=1)
    except InvalidInput as error:
        code = error.code
    assert code in {"", "invalid_multipart", "invalid_encoding", "too_many_files"}
