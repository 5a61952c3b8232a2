"""What a model is given: instructions, the newest messages that fit a token budget, and the question. Pure.

Tokens are estimated, not counted: no tokenizer is right for every model. The estimate is 4 characters a token for
ASCII text and 2.5 bytes of UTF-8 a token for other text, which errs on the high side for most languages.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from palaver.conversation import ContextUse, Role, Utterance

MESSAGE_OVERHEAD_TOKENS = 4


def estimate_tokens(text: str) -> int:
    """Return about how many tokens ``text`` takes, the frame of its message included."""
    size = len(text) // 4 if text.isascii() else len(text.encode()) * 2 // 5
    return size + 1 + MESSAGE_OVERHEAD_TOKENS


class Line(NamedTuple):
    """One message as a model reads it."""

    role: Role
    text: str


class Window:
    """Gathers history from the newest message backwards, until the budget is used.

    The question always goes in: a budget that is smaller than the question is for the model's server to refuse.
    """

    def __init__(self, *, instructions: str, question: str, budget_tokens: int) -> None:
        self._question = question
        self._tokens = estimate_tokens(question) + (estimate_tokens(instructions) if instructions else 0)
        self._budget_tokens = budget_tokens
        self._newest_first: list[Line] = []
        self.is_full = self._tokens >= budget_tokens

    def take(self, messages: Iterable[Utterance]) -> None:
        """Add messages, newest first, while they fit. Messages without text (failed answers) are passed over."""
        if self.is_full:
            return
        room = self._budget_tokens - self._tokens
        for message in messages:
            text = message.text
            if not text:
                continue
            tokens = estimate_tokens(text)
            if tokens > room:
                self.is_full = True
                break
            room -= tokens
            self._newest_first.append(Line(message.role, text))
        self._tokens = self._budget_tokens - room

    def lines(self) -> tuple[Line, ...]:
        """The messages for the model, oldest first, the question last."""
        return (*reversed(self._newest_first), Line(Role.USER, self._question))

    def use(self) -> ContextUse:
        """What was used of the budget."""
        return ContextUse(history_messages=len(self._newest_first), chunks=0, tokens=self._tokens)
