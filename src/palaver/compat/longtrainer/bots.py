"""Bots as LongTrainer makes them: without a name, and with a prompt template."""

from __future__ import annotations

from collections.abc import Mapping

from palaver.arguments import BotFields
from palaver.bot import Bot
from palaver.compat.longtrainer.prompts import CUSTOMER_SUPPORT, instructions_of
from palaver.compat.longtrainer.refusals import not_offered
from palaver.errors import InvalidInput
from palaver.ids import new_id
from palaver.surface import Hub

_AGENTS = frozenset({"research", "coding", "financial"})
_TEMPLATES: Mapping[str, str] = {"customer_support": CUSTOMER_SUPPORT}


async def make(hub: Hub, fields: BotFields) -> Bot:
    """Create a bot under a name that nobody has."""
    named: BotFields = {"name": f"LongTrainer {new_id('bot').removeprefix('bot_')}", **fields}
    return await hub.bots.create(**named)


def built(prompt_template: str | None, agent_type: str | None, *, agent_mode: bool, has_tools: bool) -> BotFields:
    """Return what a build changes of a bot: its instructions, where a template or a type is named; else nothing.

    Raises:
        NotOffered: It is to call tools.
        InvalidInput: There is no such type; or the template can't be read.
    """
    if agent_mode or agent_type in _AGENTS:
        raise not_offered("agent_mode")
    if has_tools:
        raise not_offered("tools")
    if agent_type is not None and agent_type not in _TEMPLATES:
        raise InvalidInput(f"There is no such type of agent. One of: {', '.join(sorted(_AGENTS | _TEMPLATES.keys()))}.")
    template = _TEMPLATES[agent_type] if agent_type is not None and prompt_template is None else prompt_template
    return {} if template is None else {"instructions": instructions_of(template)}
