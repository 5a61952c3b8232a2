"""Pictures to send, made in a moment: good ones, odd ones and hostile ones."""

from __future__ import annotations

import base64
import io
import random
import struct
import zlib

from PIL import Image

CANARY = b"kanarienvogel"


def encoded(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    """The bytes of an image file."""
    content = io.BytesIO()
    image.save(content, kind, **options)
    return content.getvalue()


def plain(colour: str = "red", *, side: int = 56, kind: str = "PNG") -> bytes:
    """A picture of one colour."""
    return encoded(Image.new("RGB", (side, side), colour), kind)


def noise(side: int, *, seed: int = 0) -> bytes:
    """A PNG that can't be made smaller: about ``3 * side * side`` bytes."""
    return encoded(Image.frombytes("RGB", (side, side), random.Random(seed).randbytes(3 * side * side)))


def data_url(content: bytes, media_type: str = "image/png") -> str:
    """Bytes as a ``data:`` URL."""
    return f"data:{media_type};base64,{base64.b64encode(content).decode()}"


def drawn(content: bytes) -> Image.Image:
    """An image, decoded."""
    image = Image.open(io.BytesIO(content))
    image.load()
    return image


def photo() -> bytes:
    """A JPEG as a camera writes it: on its side, wide red on the left, with where it was taken and by whom."""
    image = Image.new("RGB", (64, 32), "blue")
    image.paste("red", (0, 0, 32, 32))
    said = Image.Exif()
    said[0x0112] = 6  # the camera was turned: what is on the left belongs on top
    said[0x013B] = CANARY.decode()
    said.get_ifd(0x8825).update({1: "N", 2: (48.0, 51.0, 29.0)})
    return encoded(image, "JPEG", exif=said, comment=CANARY, icc_profile=CANARY * 20, quality=95)


def animation(kind: str) -> bytes:
    """Three frames: red, green, blue."""
    first, *others = (Image.new("RGB", (16, 16), colour) for colour in ("red", "lime", "blue"))
    return encoded(first, kind, save_all=True, append_images=others, duration=100)


def bomb(side: int = 30_000) -> bytes:
    """A small PNG that says it is ``side`` by ``side`` pixels, and is."""

    def block(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    packer = zlib.compressobj(9)
    row = bytes(1 + side // 8)
    rows = b"".join(packer.compress(row) for _ in range(side)) + packer.flush()
    size = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + block(b"IHDR", size) + block(b"IDAT", rows) + block(b"IEND", b"")


SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
HTML = b"<!doctype html><script>alert(1)</script>"
