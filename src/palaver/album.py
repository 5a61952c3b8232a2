"""The images that a prompt shows, read from the store one by one: none is read that the model is not given."""

from __future__ import annotations

from collections.abc import Sequence

from palaver.context import Line
from palaver.errors import NotFound
from palaver.models.base import ImageData, PromptMessage
from palaver.stores.base import AttachmentRows


class Album:
    """Looks images up, newest message first, until they hold ``budget_bytes``; those that are older are left out."""

    def __init__(self, rows: AttachmentRows, tenant_id: str, budget_bytes: int) -> None:
        self._rows = rows
        self._tenant_id = tenant_id
        self._bytes_left = budget_bytes

    async def messages(self, lines: Sequence[Line]) -> Sequence[PromptMessage]:
        """Return lines, oldest first, as messages with their images."""
        newest_first = [
            PromptMessage(role=line.role, text=line.text, images=await self._images(line)) for line in reversed(lines)
        ]
        return newest_first[::-1]

    async def _images(self, line: Line) -> tuple[ImageData, ...]:
        found = [image for each in line.images if (image := await self._image(each)) is not None]
        return tuple(found)

    async def _image(self, attachment_id: str) -> ImageData | None:
        if self._bytes_left <= 0:
            return None
        try:
            attachment, content = await self._rows.get_attachment(self._tenant_id, attachment_id)
        except NotFound:  # it was purged meanwhile
            return None
        self._bytes_left -= len(content)
        return ImageData(content=content, media_type=attachment.media_type) if self._bytes_left >= 0 else None
