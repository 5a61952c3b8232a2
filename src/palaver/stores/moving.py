"""The contract of a store: everything as it is, for a copy. The rules of ``stores/base.py`` hold here, too."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from palaver.page import Slice, Window
from palaver.stores.records import Inside, Record, Shelf


class RecordRows(Protocol):
    """Everything as it is, for a copy: deleted things, keys and logs included.

    Listings are in an order of the store's own that does not change meanwhile, but for what is said here; only ``limit``
    and ``after`` of a window count. What is made or removed while somebody reads may be seen or not.
    """

    async def page_records(self, shelf: Shelf, tenant_id: str, window: Window) -> Slice[Record]:
        """List what a tenant has on a shelf. Bytes are left out: ``get_attachment`` and ``record_content`` have them."""
        ...

    async def record_content(self, tenant_id: str, document_id: str) -> bytes | None:
        """Return the newest content of a document, deleted or not; None once it was purged."""
        ...

    async def page_inside(self, inside: Inside, tenant_id: str, conversation_id: str, window: Window) -> Slice[Record]:
        """List what is inside a conversation, deleted or not: of turns the parents first, of a turn's events by ``seq``.

        Of an unknown one there is nothing.
        """
        ...

    async def page_chunk_records(self, tenant_id: str, document_id: str, window: Window) -> Slice[Record]:
        """List the chunks of a document's ready version, deleted or not, by ``ordinal``. Of an unknown one there is nothing."""
        ...

    async def put_records(self, tenant_id: str, records: Sequence[Record]) -> None:
        """Keep records of a tenant as they are, in this order: on a shelf what they refer to comes before them.

        What is inside a conversation is all of the same one in a call, with its conversation's record or without. That
        comes first (its turns need it) and once more after its turns, because it names its head and its running turn.
        Messages are found as they were, attachments belong to the messages that refer to them.

        A record that is there already stays as it is, so that a copy that was cut can go on; only a tenant's and a
        conversation's replace what is there. What is inside one conversation is written all or nothing. May use the
        cheaper setting: what was put is safe once a later ``set_note`` has returned.

        Raises:
            Conflict: Something refers to what is not there, or has the id or the place of something else. A store may have
                ids for each tenant on its own; in any other the id of what another tenant has is refused.
        """
        ...

    async def set_secret(self, secret: bytes) -> None:
        """Take over the secret of another store: its API keys and cursors hold here, too."""
        ...

    async def note(self, name: str) -> str | None:
        """Return a note that was left here, such as how far a copy has come."""
        ...

    async def set_note(self, name: str, text: str) -> None:
        """Leave a note, in the place of one that has this name."""
        ...
