"""Cursors: a position in one listing, signed so that a changed or foreign one is refused.

A cursor is bound to its listing: the tenant, what is listed, every filter and the sort. The signature is not there to
hide anything; it makes «garbage», «changed» and «of another listing» one definite answer.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json

from palaver.errors import InvalidInput
from palaver.page import Page, Position, Slice, T, Window, check_limit

_SIGNATURE_BYTES = 12
_CURSOR_LENGTH_MAX = 2048


class CursorSigner:
    """Makes and reads cursors with the store's secret, so that every process on one store takes them."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def page(self, part: Slice[T], listing: str) -> Page[T]:
        """Return a slice of a store as a page of the listing."""
        return Page(
            data=tuple(part.data), next=self._sign(part.next, listing), previous=self._sign(part.previous, listing)
        )

    def window(self, listing: str, *, limit: int, after: str | None = None, before: str | None = None) -> Window:
        """Return what a store is asked for.

        Raises:
            InvalidInput: ``invalid_page`` for a limit out of 1–200 or both cursors, ``invalid_cursor`` for one that
                was not made for this listing.
        """
        if after is not None and before is not None:
            raise InvalidInput("Pass after or before, not both.", code="invalid_page")
        return Window(limit=check_limit(limit), after=self._read(after, listing), before=self._read(before, listing))

    def _mac(self, body: bytes, listing: str) -> bytes:
        return hmac.digest(self._secret, listing.encode() + b"\0" + body, hashlib.sha256)[:_SIGNATURE_BYTES]

    def _sign(self, position: Position | None, listing: str) -> str | None:
        if position is None:
            return None
        body = json.dumps(position, separators=(",", ":")).encode()
        return base64.urlsafe_b64encode(self._mac(body, listing) + body).decode().rstrip("=")

    def _read(self, cursor: str | None, listing: str) -> Position | None:
        if cursor is None:
            return None
        refused = InvalidInput("This cursor is not of this listing.", code="invalid_cursor")
        if not cursor or len(cursor) > _CURSOR_LENGTH_MAX:
            raise refused
        try:
            raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            raise refused from None
        mac, body = raw[:_SIGNATURE_BYTES], raw[_SIGNATURE_BYTES:]
        if not body or not hmac.compare_digest(mac, self._mac(body, listing)):
            raise refused
        return tuple(json.loads(body))
