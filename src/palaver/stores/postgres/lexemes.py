"""Text → the words of its search row: cut and folded here, not by the server, so that every server finds the same.

Words are runs of letters and digits; case and accents are folded. A search row also holds a word for the tenant and one
for the bot, each with a character in front that no word of a text has.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

_ACCENTS = re.compile("[\u0300-\u036f]")
_WORDS = re.compile(r"[^\W_]+")
_QUOTED = str.maketrans({"'": "''", "\\": "\\\\"})
_WORD_CHARACTERS = 500  # PostgreSQL takes 2,046 bytes for a word
_ROW_BYTES = 700_000  # … and 1 MiB for a row: words behind these are not found
_PLACES = 250  # … and 255 places of a word
_LAST_PLACE = 16_383  # … up to this one: from there on a phrase is not told from its words


def words_of(text: str) -> list[str]:
    """Return the words of a text, folded, in their order."""
    if text.isascii():
        return [word[:_WORD_CHARACTERS] for word in _WORDS.findall(text.lower())]
    plain = _ACCENTS.sub("", unicodedata.normalize("NFD", text.casefold()))
    return [word[:_WORD_CHARACTERS] for word in _WORDS.findall(unicodedata.normalize("NFC", plain))]


def row_of(text: str, tenant_id: str) -> str | None:
    """Return the search row of a text as a ``tsvector``, but for its bot's word (the statements know that); None for a
    text with nothing in it."""
    if not text:
        return None
    places: dict[str, list[int]] = {}
    room = _ROW_BYTES
    for place, word in enumerate(words_of(text), 1):
        known = places.get(word)
        if known is None:
            known = places[word] = []
            room -= len(word.encode()) + 8
        if len(known) < _PLACES:
            known.append(min(place, _LAST_PLACE))
            room -= 2
        if room < 0:
            break
    found = [f"'{word}':{','.join(map(str, at))}" for word, at in places.items()]
    return " ".join([*scope_of(tenant_id, None), *found])


def scope_of(tenant_id: str, bot_id: str | None) -> list[str]:
    """Return the words for a tenant and a bot (None: of any), quoted."""
    words = [f"@{tenant_id}"] if bot_id is None else [f"@{tenant_id}", f"#{bot_id}"]
    return [f"'{word.translate(_QUOTED)}'" for word in words]


def query_of(pieces: Iterable[str], tenant_id: str, bot_id: str | None) -> str:
    """Return the ``tsquery`` that finds rows of a tenant (and a bot) with all the pieces; one of several words is a phrase."""
    phrases = [" <-> ".join(f"'{word}'" for word in words_of(piece)) for piece in pieces]
    return " & ".join([*scope_of(tenant_id, bot_id), *(f"({phrase})" for phrase in phrases if phrase)])
