"""Ids that tell whose they are, with nothing kept about it: their last digits are a keyed hash of the rest and the owner."""

from __future__ import annotations

import hashlib
import hmac

from palaver.ids import new_id

_DIGITS = 10


class OwnedIds:
    """Makes and knows them. Who does not have the secret can't make one for an owner, nor for a file that is there.

    Args:
        secret: The store's.
    """

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def new(self, prefix: str, owner: str) -> str:
        """Return a new id of this owner's."""
        rest = new_id(prefix)[:-_DIGITS]
        return rest + self._mark(rest, owner)

    def is_of(self, any_id: str, owner: str) -> bool:
        """Whether an id was made for this owner. Of 2⁴⁰ foreign ids one is taken for its own."""
        return hmac.compare_digest(any_id[-_DIGITS:], self._mark(any_id[:-_DIGITS], owner))

    def _mark(self, rest: str, owner: str) -> str:
        said = f"owned id\n{owner}\n{rest}".encode()
        return hmac.new(self._secret, said, hashlib.sha256).hexdigest()[:_DIGITS]
