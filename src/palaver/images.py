"""Images that people send: told by their content, written anew, and nothing else is kept.

What is stored is what Pillow drew of an upload, not the upload: no metadata (where a photo was taken, by whom, with what), no
bytes behind the image's end, no second file in the first. The orientation that a camera noted is applied. Of an animation
the first frame is kept, which is what models look at; later frames are never read. PNG and GIF are stored as PNG, JPEG as JPEG
and WebP as WebP. The same upload gives the same bytes, so they are stored once.
"""

from __future__ import annotations

import asyncio
import hashlib
import io
import struct
import warnings
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from palaver.errors import InvalidInput

if TYPE_CHECKING:
    from PIL.Image import Image

AT_ONCE = 2
"""How many images a process draws at the same time: each may take some bytes a pixel."""
QUALITY = 90

_SIGNATURES = ((b"\x89PNG\r\n\x1a\n", "PNG"), (b"\xff\xd8\xff", "JPEG"), (b"GIF87a", "GIF"), (b"GIF89a", "GIF"))
_STORED_AS = {"PNG": "PNG", "GIF": "PNG", "JPEG": "JPEG", "WEBP": "WEBP"}
_OPTIONS: dict[str, dict[str, Any]] = {"PNG": {}, "JPEG": {"quality": QUALITY}, "WEBP": {"quality": QUALITY}}
_BROKEN = (OSError, ValueError, SyntaxError, EOFError, IndexError, KeyError, TypeError, struct.error, zlib.error)
"""What Pillow and its plugins raise on bytes that are no image after all."""

SUFFIXES = {"image/png": (".png",), "image/jpeg": (".jpg", ".jpeg"), "image/webp": (".webp",)}
"""The types that are stored, and the suffixes of their names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageLimits:
    """The most bytes of an upload, and of what is stored of it; the most pixels, width times height."""

    file_bytes: int = 20_000_000
    pixels: int = 50_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnImage:
    """What is stored of an upload."""

    content: bytes
    media_type: str
    sha256: str


class ImageDesk:
    """Takes uploads in, a few at a time, off the event loop."""

    def __init__(self, limits: ImageLimits) -> None:
        self.limits = limits
        self._room = asyncio.Semaphore(AT_ONCE)

    async def drawn(self, content: bytes) -> DrawnImage:
        """Return what is to be stored of an upload. Raises what ``draw`` does."""
        async with self._room:
            return await asyncio.to_thread(draw, content, self.limits)


def draw(content: bytes, limits: ImageLimits) -> DrawnImage:
    """Return an image as it is stored. Blocks: it takes about 0.1 s for a million pixels.

    Raises:
        InvalidInput: ``invalid_file`` (empty, cut or broken), ``unsupported_type`` (no PNG, JPEG, WebP or GIF, whatever it
            says that it is), ``file_too_large``, ``file_too_complex`` (too many pixels).
    """
    check_size(len(content), limits)
    kind = _kind(content)
    try:
        image = _opened(content, kind, limits)
        stored = _written(_plain(image), _STORED_AS[kind])
    except _BROKEN:
        raise InvalidInput("This image is cut off or broken.", code="invalid_file") from None
    check_size(len(stored), limits)
    sha256 = hashlib.sha256(stored).hexdigest()
    return DrawnImage(content=stored, media_type=f"image/{_STORED_AS[kind].lower()}", sha256=sha256)


def check_size(size_bytes: int, limits: ImageLimits) -> None:
    """Raise ``InvalidInput``: ``invalid_file`` for nothing at all, ``file_too_large``."""
    if size_bytes == 0:
        raise InvalidInput("This file is empty.", code="invalid_file")
    if size_bytes > limits.file_bytes:
        raise InvalidInput(f"A file holds at most {limits.file_bytes:,} bytes.", code="file_too_large")


def check_image(content: bytes, media_type: str) -> None:
    """Raise ``InvalidInput unsupported_type`` unless this looks like what is kept of an image of that type. It is not opened."""
    if (
        media_type != f"image/{_kind(content).lower()}"
        or media_type.removeprefix("image/").upper() not in _STORED_AS.values()
    ):
        raise InvalidInput("This is no image of that type.", code="unsupported_type")


def _kind(content: bytes) -> str:
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "WEBP"
    for signature, kind in _SIGNATURES:
        if content.startswith(signature):
            return kind
    raise InvalidInput("Images are PNG, JPEG, WebP or GIF.", code="unsupported_type")


def _opened(content: bytes, kind: str, limits: ImageLimits) -> Image:
    """Return the image, decoded. Its size is looked at before, in what its header says."""
    from PIL import Image

    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            image = Image.open(io.BytesIO(content), formats=[kind])
        except (Image.DecompressionBombError, Image.DecompressionBombWarning):
            raise _too_many_pixels(limits) from None
    if image.width * image.height > limits.pixels:
        raise _too_many_pixels(limits)
    image.load()
    return image


def _too_many_pixels(limits: ImageLimits) -> InvalidInput:
    return InvalidInput(f"An image has at most {limits.pixels:,} pixels.", code="file_too_complex")


def _plain(image: Image) -> Image:
    """Return an image as it is looked at: upright, 8 bits of grey or colour, and with nothing but its pixels."""
    from PIL import ImageOps

    upright = ImageOps.exif_transpose(image)
    if upright.mode.startswith("I"):  # deeper than 8 bits; Pillow's own conversion would clip instead of scale
        upright = upright.convert("I").point(lambda value: value / 256).convert("L")
    has_holes = upright.has_transparency_data
    plain = upright.convert("RGBA" if has_holes else "L" if upright.mode in ("1", "L") else "RGB")
    plain.info = {}
    return plain


def _written(image: Image, kind: str) -> bytes:
    stored = io.BytesIO()
    image.save(stored, format=kind, **_OPTIONS[kind])
    return stored.getvalue()
