"""How a bot talks to visitors of other people's pages."""

from __future__ import annotations

from enum import StrEnum
from html import escape
from typing import Annotated, Self

from pydantic import Field, WithJsonSchema, model_validator

from palaver.bot import Bot
from palaver.tenant import DEFAULT_TENANT
from palaver.wire.base import Name, Paragraph, Wire, choice, refused

ANY_ORIGIN = "*"
ORIGINS_MAX = 50
ORIGIN_CHARACTERS = 255
SUGGESTIONS_MAX = 4
MESSAGES_PER_MINUTE = 10
MESSAGES_PER_DAY = 200

_ORIGIN = r"https?://[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[1-9][0-9]{0,4})?"
Origin = Annotated[str, Field(max_length=ORIGIN_CHARACTERS, pattern=rf"^(\*|{_ORIGIN})$")]
"""Scheme, host in small letters (other alphabets in Punycode) and port, with nothing behind: what a browser compares."""
_SOME = {"type": "string", "maxLength": ORIGIN_CHARACTERS, "pattern": f"^{_ORIGIN}$"}
_ANY = {"type": "array", "minItems": 1, "maxItems": 1, "items": {"const": ANY_ORIGIN}}
_ORIGINS = {"anyOf": [_ANY, {"type": "array", "minItems": 1, "maxItems": ORIGINS_MAX, "items": _SOME}]}
Color = Annotated[str, Field(pattern=r"^#[0-9a-f]{6}$")]


class LeadForm(StrEnum):
    """Whether a visitor is asked for a name and an e-mail address before the first message."""

    OFF = "off"
    OPTIONAL = "optional"
    REQUIRED = "required"


class Widget(Wire):
    """On whose pages a bot talks to visitors (``*``: on all), how it looks there, and how much a visitor may say.

    ``consent`` is a sentence that whoever leaves an e-mail address has to agree to.
    """

    allowed_origins: Annotated[list[Origin], Field(min_length=1, max_length=ORIGINS_MAX), WithJsonSchema(_ORIGINS)]
    title: Name | None = None
    greeting: Paragraph | None = None
    suggestions: Annotated[list[Name], Field(max_length=SUGGESTIONS_MAX)] = []  # noqa: RUF012
    color: Color | None = None
    lead: Annotated[LeadForm, choice(LeadForm)] = LeadForm.OFF
    consent: Paragraph | None = None
    messages_per_minute: Annotated[int, Field(ge=1, le=1_000)] = MESSAGES_PER_MINUTE
    messages_per_day: Annotated[int, Field(ge=1, le=100_000)] = MESSAGES_PER_DAY

    @model_validator(mode="after")
    def _any_or_some(self) -> Self:
        if ANY_ORIGIN in self.allowed_origins and len(self.allowed_origins) > 1:
            raise refused("invalid_parameter", "* is every origin: name it alone, or name others.")
        return self


def widget_of(bot: Bot) -> Widget | None:
    """Return how a bot talks to visitors; None if it does not."""
    return None if bot.widget is None else Widget.model_validate(dict(bot.widget))


def snippet(server_url: str, tenant_id: str, bot: Bot) -> str:
    """Return the line that a page needs to show a bot's widget.

    Args:
        server_url: Where visitors reach the server, with no slash at the end.
        tenant_id: Whose bot it is.
        bot: It has a widget.
    """
    widget = bot.widget or {}
    about = {"tenant": None if tenant_id == DEFAULT_TENANT else tenant_id}
    about |= {name: widget.get(name) for name in ("title", "color")}
    said = [f' data-{name}="{escape(value)}"' for name, value in {"bot": bot.id, **about}.items() if value]
    return f'<script src="{server_url}/widget.js"{"".join(said)} async></script>'
