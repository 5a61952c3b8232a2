"""The name of a file that is shown is ours."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from palaver.filenames import FILE_NAME_CODE_POINTS, safe_name

PNG = (".png",)


@pytest.mark.parametrize(
    ("given_name", "kept"),
    [
        ("photo.png", "photo.png"),
        ("..", "file.png"),
        ("", "file.png"),
        ("/etc/passwd", "passwd.png"),
        ("..\\..\\boot.ini", "boot.png"),
        ("a\x00b.png", "ab.png"),
        ("evil\u202egnp.exe", "evilgnp.png"),
        ("page.html", "page.png"),
        ("PHOTO.PNG", "PHOTO.PNG"),
        (" \t\r\nSet-Cookie: a=b.png", "Set-Cookie_ a=b.png"),
        ("Übersicht 😀.png", "Übersicht 😀.png"),
        ('a"b<c>.png', "a_b_c_.png"),
        (".png", "png.png"),
    ],
)
def test_hostile_names_become_plain_ones(given_name: str, kept: str) -> None:
    """No path, no control, no override; the suffix tells the type that the file has."""
    assert safe_name(given_name, suffixes=PNG) == kept


@given(st.text(max_size=400), st.sampled_from([(), PNG, (".jpg", ".jpeg")]))
def test_every_name_can_be_shown(given_name: str, suffixes: tuple[str, ...]) -> None:
    """Whatever came: 1 to 120 characters that are seen, no separator, and a suffix of those that are meant."""
    name = safe_name(given_name, suffixes=suffixes)
    assert 0 < len(name) <= FILE_NAME_CODE_POINTS
    assert not {"/", "\\", '"', "\x00"} & set(name)
    assert all(unicodedata.category(char) not in {"Cc", "Cf", "Cs", "Zl", "Zp"} for char in name)
    assert not name.startswith((".", " "))
    assert not name.endswith((".", " "))
    assert not suffixes or name.lower().endswith(suffixes)
    assert safe_name(name, suffixes=suffixes) == name
