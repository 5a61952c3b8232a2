"""What models are trained on: a line a conversation, in the chat format that OpenAI's fine-tuning and its like read.

``{"messages": [{"role": "system", …}, {"role": "user", …}, {"role": "assistant", …}, …]}``: the bot's instructions, then
every question of the active path that was answered to the end, with its answer. Images and reasoning are left out.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from palaver.conversation import Role, TurnStatus
from palaver.events import dumps
from palaver.exports.chapter import Chapter
from palaver.exports.pairs import Pair, pairs_of
from palaver.text import is_blank


class FinetuningWriter:
    """See ``base.Writer``."""

    def begin(self, title: str) -> bytes:  # noqa: ARG002  # nobody trains on a title
        """Nothing."""
        return b""

    async def conversation(self, chapter: Chapter) -> AsyncGenerator[bytes]:
        """One line, unless nothing was answered."""
        before = b'{"messages":['
        instructions = chapter.bot.instructions
        if not is_blank(instructions):
            before += _said("system", instructions) + b","
        async with aclosing(chapter.messages()) as messages, aclosing(pairs_of(messages)) as pairs:
            async for pair in pairs:
                text = _exchange(pair)
                if text is not None:
                    yield before + text
                    before = b","
        if before == b",":
            yield b"]}\n"

    def end(self) -> bytes:
        """Nothing."""
        return b""


def _exchange(pair: Pair) -> bytes | None:
    question, answer = pair.question, pair.answer
    if question is None or answer is None or answer.status is not TurnStatus.COMPLETED:
        return None
    if is_blank(question.text) or is_blank(answer.text):
        return None
    return _said(Role.USER.value, question.text) + b"," + _said(Role.ASSISTANT.value, answer.text)


def _said(role: str, text: str) -> bytes:
    return dumps({"role": role, "content": text}).encode()
