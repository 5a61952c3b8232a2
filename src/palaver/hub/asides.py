"""Asides: a bot answers, and nothing of it is kept. The events are those of a turn."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from palaver.bot import Bot
from palaver.clock import SystemClock, from_micros
from palaver.context import Line, Window, images_of, search_text
from palaver.conversation import (
    ImagePart,
    InterruptReason,
    Message,
    ReasoningPart,
    Role,
    TextPart,
    Turn,
    TurnError,
    TurnStatus,
    Usage,
    Utterance,
)
from palaver.document import citation_of
from palaver.errors import InvalidInput, ModelError
from palaver.events import Event, beginning, citations, ending, reasoning_delta, retrieval_done, text_delta
from palaver.fold import Draft
from palaver.hub.files import LocalFiles
from palaver.hub.place import Place
from palaver.ids import new_id
from palaver.models.base import (
    ChatModel,
    ImageData,
    Prompt,
    PromptMessage,
    ReasoningSaid,
    Said,
    TextSaid,
    TokensCounted,
    can_see,
)
from palaver.text import paragraphs
from palaver.wire.checking import check
from palaver.wire.messages import AppendedMessage, MessageRegenerate

KEPT_NOWHERE = ""
"""The conversation of an aside's turn and answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Aside:
    """What is to be answered: the bot, everything that was said, the question last, and the images by the names in it.

    ``turn_id`` is what its events call it; nothing can be found by that.
    """

    turn_id: str
    bot: Bot
    model: ChatModel
    instructions: str
    history: Sequence[Utterance]
    question: Utterance
    images: Mapping[str, ImageData]
    params: Mapping[str, Any]
    metadata: Mapping[str, str]


class LocalAsides:
    """``hub.asides``"""

    def __init__(self, place: Place, files: LocalFiles) -> None:
        self._place = place
        self._files = files

    async def prepare(
        self,
        bot: Bot,
        messages: Sequence[AppendedMessage],
        *,
        instructions: str = "",
        params: Mapping[str, Any] | None = None,
    ) -> Aside:
        """Check everything that is asked, before anything is answered.

        Args:
            bot: Who answers.
            messages: What was said, the question last.
            instructions: Laid behind the bot's own.
            params: Laid over the bot's.

        Raises:
            InvalidInput: ``model_has_no_vision`` for images, ``invalid_role`` where the last message is no question.
            ModelError: ``provider_not_configured``.
        """
        if not messages or messages[-1].role is not Role.USER:
            raise InvalidInput("The last message is the question, from a user.", code="invalid_role")
        given = check(MessageRegenerate, {"params": params or {}}).params.given()
        metadata = given.pop("metadata", {})
        images: dict[str, ImageData] = {}
        said = [await self._utterance(each, images) for each in messages]
        model = self._place.models.find(bot.model)
        if images and not can_see(model, {**bot.params, **given}):
            raise InvalidInput("The model of this bot can't be given images.", code="model_has_no_vision")
        return Aside(
            turn_id=new_id("turn"),
            bot=bot,
            model=model,
            instructions=paragraphs(bot.instructions, instructions),
            history=said[-2::-1],
            question=said[-1],
            images=images,
            params={**bot.params, **given},
            metadata=metadata,
        )

    async def _utterance(self, message: AppendedMessage, images: dict[str, ImageData]) -> Utterance:
        shown = await self._files.shown(message.attachments)
        names = [f"{len(images) + number}" for number in range(len(shown))]
        images.update(zip(names, shown, strict=True))
        parts = [ImagePart(attachment_id=name, media_type=images[name].media_type) for name in names]
        return Utterance(turn_id=KEPT_NOWHERE, role=message.role, parts=(TextPart(text=message.text), *parts))

    async def events(self, aside: Aside) -> AsyncGenerator[Event, None]:
        """Yield what happens, from ``turn.accepted`` to the end."""
        telling = _Telling(aside)
        yield telling.accepted
        try:
            prompt = await self._prompt(aside, telling)
            for event in telling.found():
                yield event
            async with aside.model.stream(prompt) as stream:
                async for said in stream:
                    for event in telling.hear(said):
                        yield event
        except ModelError as error:
            for event in telling.broken(error):
                yield event
            return
        for event in telling.ended(TurnStatus.COMPLETED):
            yield event

    async def _prompt(self, aside: Aside, telling: _Telling) -> Prompt:
        params = dict(aside.params)
        window = Window(
            instructions=aside.instructions,
            question=aside.question.text,
            budget_tokens=params.pop("context_tokens", self._place.engine.limits.context_tokens),
            images=images_of(aside.question.parts),
        )
        looked_for = search_text(aside.question.text, aside.history)
        found = await self._place.retrieval.search(self._place.tenant_id, aside.bot, looked_for)
        telling.draft.found = tuple(map(citation_of, window.take_passages(found.hits)))
        window.take(aside.history)
        messages = [_message(line, aside.images) for line in window.lines()]
        return Prompt(instructions=aside.instructions, messages=messages, passages=window.passages(), params=params)


def _message(line: Line, images: Mapping[str, ImageData]) -> PromptMessage:
    return PromptMessage(role=line.role, text=line.text, images=tuple(images[name] for name in line.images))


def _now() -> datetime:
    return from_micros(SystemClock().micros())


class _Telling:
    """Numbers and words of what happens in an aside."""

    def __init__(self, aside: Aside) -> None:
        self.draft = Draft()
        self._seq = 1
        self._usage = Usage()
        began = _now()
        self._turn = Turn(
            id=aside.turn_id,
            conversation_id=KEPT_NOWHERE,
            index=1,
            parent_id=None,
            status=TurnStatus.RUNNING,
            model=aside.bot.model,
            user_message_id=None,
            message_id=new_id("msg"),
            created_at=began,
            started_at=began,
            metadata=aside.metadata,
        )
        self._answer = Message(
            id=str(self._turn.message_id),
            conversation_id=KEPT_NOWHERE,
            turn_id=self._turn.id,
            seq=2,
            role=Role.ASSISTANT,
            parts=(),
            model=aside.bot.model,
            status=TurnStatus.RUNNING,
            created_at=began,
        )
        (self.accepted,) = beginning(self._turn, None, self._answer, queued=False)

    def _next(self) -> int:
        self._seq += 1
        return self._seq

    def found(self) -> Sequence[Event]:
        return [retrieval_done(self._next(), self.draft.found)] if self.draft.found else []

    def hear(self, said: Said) -> Sequence[Event]:
        match said:
            case TextSaid(text=text) if text:
                self.draft.add(TextPart, text)
                return [text_delta(self._next(), text)]
            case ReasoningSaid(text=text) if text:
                self.draft.add(ReasoningPart, text)
                return [reasoning_delta(self._next(), text)]
            case TokensCounted():
                self._usage = Usage(input_tokens=said.input_tokens, output_tokens=said.output_tokens)
        return []

    def broken(self, error: ModelError) -> Sequence[Event]:
        shown = TurnError(code=error.code, message=error.message)
        if error.interrupts:
            return self.ended(TurnStatus.INTERRUPTED, reason=InterruptReason(error.code), error=shown)
        return self.ended(TurnStatus.FAILED, error=shown)

    def ended(
        self, status: TurnStatus, *, reason: InterruptReason | None = None, error: TurnError | None = None
    ) -> Sequence[Event]:
        cited = self.draft.citations
        told = [citations(self._next(), cited)] if cited else []
        turn = replace(self._turn, status=status, reason=reason, error=error, usage=self._usage, finished_at=_now())
        answer = replace(self._answer, parts=self.draft.parts(), citations=cited, status=status)
        return [*told, ending(self._next(), turn, answer)]
