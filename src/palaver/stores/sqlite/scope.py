"""The words of the search index that stand for a tenant and a bot, so that a search walks only its own."""

from __future__ import annotations

from functools import lru_cache

_ESCAPES = {"z": "zz", "_": "zu", ".": "zd", "-": "zm"}  # the tokenizer splits at these; z makes room for them


@lru_cache(maxsize=4096)
def tenant_word(tenant_id: str) -> str:
    """Return one token for a tenant; two tenants never share one."""
    return "t" + "".join(_ESCAPES.get(char, char) for char in tenant_id)


def bot_word(bot_n: int) -> str:
    """Return one token for a bot."""
    return f"b{bot_n}"


def scope_of(tenant_id: str, bot_n: int) -> str:
    """Return the scope of a message."""
    return f"{tenant_word(tenant_id)} {bot_word(bot_n)}"
