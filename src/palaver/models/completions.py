"""OpenAI's chat completions as they go over the wire: the request's body, and the chunks of a streamed answer. Pure.

Servers that say they are compatible differ: what is unknown is skipped, what is missing or null says nothing, and what
has the wrong shape is a malformed chunk: ``provider_protocol`` before the first delta, ``disconnected_by_model`` after.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator, Mapping
from typing import Any

from palaver.errors import ModelError
from palaver.models.base import Ended, Prompt, PromptMessage, ReasoningSaid, Said, TextSaid, TokensCounted
from palaver.models.halves import Joiner
from palaver.models.patience import disconnected
from palaver.provider.refusals import PROVIDER_TEXT_CHARACTERS, refusal, refused_in_stream

DONE = "[DONE]"
_PARAMS = ("temperature", "top_p", "seed", "stop", "presence_penalty", "frequency_penalty")


def request_body(name: str, prompt: Prompt, *, limit_word: str, counts_tokens: bool) -> bytes:
    """Return the JSON body of a streamed request.

    Args:
        name: The model's, as its server knows it.
        prompt: What goes in; parameters that servers do not share are left out.
        limit_word: What this server calls the limit of the answer: ``max_tokens`` or ``max_completion_tokens``.
        counts_tokens: Whether to ask for the token count (``stream_options``), which old servers refuse.
    """
    messages = [_message(message) for message in prompt.messages]
    if system := prompt.system:
        messages.insert(0, {"role": "system", "content": system})
    body: dict[str, Any] = {"model": name, "messages": messages, "stream": True}
    body |= {key: prompt.params[key] for key in _PARAMS if prompt.params.get(key) is not None}
    if prompt.params.get("max_tokens") is not None:
        body[limit_word] = prompt.params["max_tokens"]
    if counts_tokens:
        body["stream_options"] = {"include_usage": True}
    return json.dumps(body, separators=(",", ":")).encode()


def _message(message: PromptMessage) -> dict[str, Any]:
    if not message.images:
        return {"role": message.role.value, "content": message.text}
    parts: list[dict[str, Any]] = [{"type": "text", "text": message.text}] if message.text else []
    for image in message.images:
        url = f"data:{image.media_type};base64,{b64encode(image.content).decode()}"
        parts.append({"type": "image_url", "image_url": {"url": url}})
    return {"role": message.role.value, "content": parts}


class Malformed(Exception):
    """A chunk that can't be read."""


class Completion:
    """Reads the chunks of one answer.

    Attributes:
        done: The server said that nothing follows.
        ended: The end marker was seen: a finish reason, or ``[DONE]`` alone.
    """

    def __init__(self) -> None:
        self.done = False
        self.ended = False
        self._spoke = False
        self._text = Joiner()
        self._reasoning = Joiner()

    def read(self, data: str) -> Iterator[Said]:
        """Yield what one event says.

        Raises:
            ModelError: The chunk is malformed, or holds an error object.
        """
        if data.strip() == DONE:
            self.done = True
            yield from self._end("stop")
            return
        try:
            yield from self._read_chunk(_object(_parsed(data)))
        except Malformed:
            if not self.ended:
                raise self._broken(data) from None

    def cut(self) -> Iterator[Said]:
        """Yield what still waits for its second half, when nothing more will come."""
        if rest := self._reasoning.end():
            yield ReasoningSaid(rest)
        if rest := self._text.end():
            yield TextSaid(rest)

    def _read_chunk(self, chunk: Mapping[str, Any]) -> Iterator[Said]:
        if chunk.get("error"):
            if not self.ended:
                raise self._refused(chunk["error"])
            return
        for choice in _list(chunk.get("choices")):
            fields = _object(choice)
            if fields.get("index") in (0, None):
                yield from self._read_choice(fields)
        yield from _counted(chunk.get("usage"))

    def _read_choice(self, choice: Mapping[str, Any]) -> Iterator[Said]:
        delta = _object(choice.get("delta") or {})
        reasoning = _text(delta.get("reasoning_content")) or _text(delta.get("reasoning"))
        if reasoning and (joined := self._reasoning.add(reasoning)):
            self._spoke = True
            yield ReasoningSaid(joined)
        text = _text(delta.get("content")) or _text(delta.get("refusal"))
        if text and (joined := self._text.add(text)):
            self._spoke = True
            yield TextSaid(joined)
        match choice.get("finish_reason"):
            case "error":
                raise self._refused(choice)
            case str() as reason if reason:
                yield from self._end(reason)

    def _end(self, reason: str) -> Iterator[Said]:
        yield from self.cut()
        if not self.ended:
            self.ended = True
            yield Ended(reason)

    def _broken(self, data: str) -> ModelError:
        text = data[:PROVIDER_TEXT_CHARACTERS]
        return disconnected(text) if self._spoke else refusal("provider_protocol", text)

    def _refused(self, error: object) -> ModelError:
        refused = refused_in_stream(error)
        return disconnected(refused.provider_text) if self._spoke else refused


def is_whole(data: str) -> bool:
    """Whether an event that the end of the stream may have cut is all there."""
    try:
        return data.strip() == DONE or bool(_parsed(data))
    except Malformed:
        return False


def _parsed(data: str) -> object:
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        raise Malformed from None


def _object(value: object) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise Malformed
    return value


def _list(value: object) -> list[object]:
    if value is not None and not isinstance(value, list):
        raise Malformed
    return value or []


def _text(value: object) -> str:
    if isinstance(value, list):  # content as parts, as some servers send it
        return "".join(_string(_object(part).get("text")) for part in value)
    return _string(value)


def _string(value: object) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise Malformed
    return value


def _counted(usage: object) -> Iterator[Said]:
    if not isinstance(usage, dict):
        return
    given, made = usage.get("prompt_tokens"), usage.get("completion_tokens")
    if type(given) is int and type(made) is int and given >= 0 and made >= 0:
        yield TokensCounted(given, made)
