"""What a caller means by the one argument that says what a document is made of."""

from __future__ import annotations

from pathlib import Path

import pytest

from palaver.errors import InvalidInput
from palaver.sources import File, told


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "prices.csv").write_bytes(b"item,price\n")
    return tmp_path


async def test_bytes_are_a_file_without_a_name(here: Path) -> None:
    """Bytes are taken as they are; their media type goes with them."""
    file, fields = await told(b"%PDF", {"media_type": "application/pdf", "title": "T"})
    assert file == File(content=b"%PDF", media_type="application/pdf")
    assert fields == {"title": "T"}


@pytest.mark.parametrize("kind", [Path, str])
async def test_a_path_is_the_file_of_that_name(here: Path, kind: type) -> None:
    """A path object and a string that names a file are that file, with its name."""
    file, fields = await told(kind("prices.csv"), {})
    assert file == File(content=b"item,price\n", name="prices.csv")
    assert fields == {}


@pytest.mark.parametrize("url", ["http://example.com/a.pdf", "HTTPS://example.com"])
async def test_an_address_is_the_page_there(here: Path, url: str) -> None:
    """A string that begins like the address of a page is one; nothing is fetched here."""
    assert await told(url, {"title": "T"}) == (None, {"title": "T", "url": url})


@pytest.mark.parametrize(
    "text", ["Refunds take 14 days.", " two words", "See example.com for it", "a\x00 b", "x " * 5000]
)
async def test_words_are_a_text(here: Path, text: str) -> None:
    """A string with blanks that no file has for a name, and that ends like none, is the text itself."""
    assert await told(text, {}) == (None, {"text": text})


@pytest.mark.parametrize("name", ["nowhere.pdf", "Refunds", "my report.PDF", "", "x" * 5000, "a\x00b", Path("a b")])
async def test_a_name_without_a_file_is_refused(here: Path, name: str | Path) -> None:
    """A string that looks like a file's name, or is one word, is no text by mistake: there is no such file."""
    with pytest.raises(InvalidInput, match="There is no such file"):
        await told(name, {})


async def test_a_folder_is_no_file(here: Path) -> None:
    """A folder is refused with the way to add its files."""
    with pytest.raises(InvalidInput, match="palaver documents add"):
        await told(here, {})


async def test_a_source_is_said_once(here: Path) -> None:
    """A source beside a text is refused, and so is what is no source at all."""
    with pytest.raises(InvalidInput, match="once"):
        await told("prices.csv", {"text": "x"})
    with pytest.raises(InvalidInput) as refused:
        await told(5, {})  # type: ignore[arg-type]
    assert refused.value.code == "invalid_type"
