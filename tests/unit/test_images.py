"""What is stored of an upload is a picture and nothing else; what is none, or too much, is refused by name."""

from __future__ import annotations

import asyncio
import time
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import pictures
from palaver.errors import InvalidInput
from palaver.images import ImageDesk, ImageLimits, draw

LIMITS = ImageLimits()


def refusal(content: bytes, limits: ImageLimits = LIMITS) -> str:
    with pytest.raises(InvalidInput) as error:
        draw(content, limits)
    return error.value.code


@pytest.mark.parametrize(
    ("kind", "media_type"),
    [("PNG", "image/png"), ("JPEG", "image/jpeg"), ("WEBP", "image/webp"), ("GIF", "image/png")],
)
def test_four_kinds_are_taken(kind: str, media_type: str) -> None:
    """Each is stored as itself, a GIF as PNG; the colour is what it was, and the same upload gives the same bytes."""
    made = draw(pictures.plain("red", kind=kind), LIMITS)
    assert made.media_type == media_type
    red, green, blue = pictures.drawn(made.content).convert("RGB").getpixel((20, 20))
    assert (red > 240, green < 15, blue < 15) == (True, True, True)
    assert made == draw(pictures.plain("red", kind=kind), LIMITS)


def test_a_photo_stands_upright_and_says_nothing_of_its_maker() -> None:
    """The orientation is applied; place, maker, comment and colour profile are gone."""
    made = draw(pictures.photo(), LIMITS)
    image = pictures.drawn(made.content)
    assert image.size == (32, 64)
    assert image.getpixel((16, 8))[0] > 200
    assert image.getpixel((16, 56))[2] > 200
    assert not image.getexif()
    assert pictures.CANARY not in made.content
    assert set(image.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
def test_an_animation_is_its_first_frame(kind: str) -> None:
    """Whatever follows is not read and not kept."""
    made = pictures.drawn(draw(pictures.animation(kind), LIMITS).content)
    assert getattr(made, "n_frames", 1) == 1
    assert made.convert("RGB").getpixel((8, 8))[0] > 240


@pytest.mark.parametrize(
    ("content", "mode"),
    [
        (pictures.encoded(Image.new("CMYK", (8, 8), (0, 255, 255, 0)), "JPEG"), "RGB"),
        (pictures.encoded(Image.new("I;16", (8, 8), 40_000)), "L"),
        (pictures.encoded(Image.new("1", (8, 8), 1)), "L"),
        (pictures.encoded(Image.new("P", (8, 8)), transparency=0), "RGBA"),
        (pictures.encoded(Image.new("LA", (8, 8), (100, 128))), "RGBA"),
    ],
    ids=["CMYK", "16 bits", "1 bit", "palette", "grey with holes"],
)
def test_odd_pixels_become_what_every_model_reads(content: bytes, mode: str) -> None:
    """Eight bits of grey, colour, or colour with transparency."""
    assert pictures.drawn(draw(content, LIMITS).content).mode == mode


def test_deep_grey_is_scaled() -> None:
    """16 bits become 8 by their scale: 40,000 of 65,535 is 156 of 255."""
    made = draw(pictures.encoded(Image.new("I;16", (8, 8), 40_000)), LIMITS)
    assert pictures.drawn(made.content).getpixel((1, 1)) == 156


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF"])
def test_what_hides_behind_an_image_is_gone(kind: str) -> None:
    """A page or an archive behind the end of an image (a polyglot) is not stored."""
    made = draw(pictures.plain(kind=kind) + pictures.HTML + b"PK\x03\x04" + pictures.CANARY, LIMITS)
    assert b"script" not in made.content
    assert pictures.CANARY not in made.content


@pytest.mark.parametrize(
    "content",
    [pictures.SVG, pictures.HTML, b"%PDF-1.7 ...", b"BM" + bytes(100), b"PK\x03\x04", b"\x00", b"GIF", b"RIFF0000WAVE"],
)
def test_what_is_no_such_image_is_refused(content: bytes) -> None:
    """SVG, pages, documents, other images: told by their first bytes, whatever their name says."""
    assert refusal(content) == "unsupported_type"


def test_nothing_is_no_file() -> None:
    """Zero bytes are refused."""
    assert refusal(b"") == "invalid_file"


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF"])
def test_a_cut_image_is_refused_wherever_it_was_cut(kind: str) -> None:
    """The beginning of a file is a named error, or drawn the same where only what is behind the pixels is missing."""
    whole = pictures.encoded(Image.effect_noise((40, 40), 90).convert("RGB"), kind)
    for length in range(12, len(whole) - 40, max(1, len(whole) // 40)):
        assert refusal(whole[:length]) == "invalid_file", length


def test_a_bomb_is_refused_before_it_is_unpacked() -> None:
    """A hundred kilobytes that are 900 million pixels cost neither time nor memory."""
    bomb = pictures.bomb()
    assert len(bomb) < 200_000
    tracemalloc.start()
    began = time.perf_counter()
    assert refusal(bomb) == "file_too_complex"
    assert time.perf_counter() - began < 1
    assert tracemalloc.get_traced_memory()[1] < 5_000_000
    tracemalloc.stop()


def test_limits_are_exact() -> None:
    """As many bytes and pixels as the limits say are taken; one more is not."""
    content = pictures.plain(side=10)
    size = len(content)
    assert draw(content, ImageLimits(file_bytes=size, pixels=100))
    assert refusal(content, ImageLimits(file_bytes=size - 1)) == "file_too_large"
    assert refusal(content, ImageLimits(pixels=99)) == "file_too_complex"


@given(st.sampled_from(["PNG", "JPEG", "WEBP", "GIF"]), st.data())
def test_broken_bytes_are_a_named_error(kind: str, data: st.DataObject) -> None:
    """Whatever bytes are changed, the answer is an image or one of four codes."""
    content = bytearray(pictures.plain(side=12, kind=kind))
    for _ in range(data.draw(st.integers(1, 8))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    code = ""
    try:
        draw(bytes(content), LIMITS)
    except InvalidInput as error:
        code = error.code
    assert code in {"", "invalid_file", "unsupported_type", "file_too_complex", "file_too_large"}


async def test_the_loop_goes_on_while_an_image_is_drawn() -> None:
    """Drawing takes a thread: others have their turn meanwhile."""
    content = pictures.encoded(Image.effect_noise((1500, 1500), 90).convert("RGB"))
    drawing = asyncio.ensure_future(ImageDesk(LIMITS).drawn(content))
    longest, last = 0.0, time.perf_counter()
    while not drawing.done():
        await asyncio.sleep(0.001)
        longest, last = max(longest, time.perf_counter() - last), time.perf_counter()
    assert (await drawing).media_type == "image/png"
    assert longest < 0.2
