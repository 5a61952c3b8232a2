"""From the messages and items of a request to what was said, by whom, with which images. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from palaver.compat.openai.errors import unsupported, wrong
from palaver.conversation import Role
from palaver.text import check_unicode
from palaver.wire.checking import check
from palaver.wire.messages import AppendedMessage

_TEXTS = frozenset({"text", "input_text", "output_text"})
_SYSTEM = frozenset({"system", "developer"})
_NO_TOOLS = "A bot calls no tools, so there are no results of any."


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What a request says: what is laid behind the bot's instructions, and the messages in their order."""

    instructions: str
    messages: Sequence[AppendedMessage]

    @property
    def earlier(self) -> Sequence[AppendedMessage]:
        """All messages before the trailing ones of the user."""
        return self.messages[: len(self.messages) - len(self.trailing)]

    @property
    def trailing(self) -> Sequence[AppendedMessage]:
        """The user's messages behind the last answer."""
        count = 0
        for message in reversed(self.messages):
            if message.role is not Role.USER:
                break
            count += 1
        return self.messages[len(self.messages) - count :]

    def question(self, param: str) -> AppendedMessage:
        """Return the trailing messages of the user as one. Raises ``InvalidInput`` where there is none."""
        trailing = self.trailing
        if not trailing:
            raise wrong(param, "The last message is the question, from a user.")
        if len(trailing) == 1:
            return trailing[0]
        attachments = [image for message in trailing for image in message.attachments]
        text = "\n\n".join(message.text for message in trailing)
        return check(AppendedMessage, {"role": "user", "text": text, "attachments": attachments})


def heard(messages: Sequence[Any], param: str) -> Heard:
    """Return what messages or items say; ``param`` is the parameter that they are.

    Raises:
        InvalidInput: One of them has no place in a conversation with a bot; ``param`` names it.
    """
    instructions: list[str] = []
    said: list[AppendedMessage] = []
    for index, message in enumerate(messages):
        where = f"{param}[{index}]"
        role, text, images = _message(message, where)
        if role in _SYSTEM:
            instructions.append(check_unicode(text, where))
        elif role in {"user", "assistant"}:
            said.append(_checked({"role": role, "text": text, "attachments": images}, where))
        else:
            raise unsupported(where, _NO_TOOLS if role in {"tool", "function"} else "A role is user or assistant.")
    return Heard(instructions="\n\n".join(instructions), messages=said)


def _checked(fields: dict[str, Any], where: str) -> AppendedMessage:
    if fields["role"] == "assistant" and fields["attachments"]:
        raise unsupported(where, "A bot shows no images.")
    return check(AppendedMessage, fields)


def _message(message: Any, where: str) -> tuple[str, str, list[str]]:
    if not isinstance(message, Mapping):
        raise wrong(where, "A message is an object.")
    kind = message.get("type", "message")
    if kind != "message":
        raise unsupported(f"{where}.type", f"Only messages are taken, no {str(kind)[:100]}.")
    if message.get("tool_calls") or message.get("function_call"):
        raise unsupported(f"{where}.tool_calls", _NO_TOOLS)
    role = message.get("role")
    if not isinstance(role, str):
        raise wrong(f"{where}.role", "A role is a string.")
    return role, *_content(message.get("content"), f"{where}.content")


def _content(content: Any, where: str) -> tuple[str, list[str]]:
    if isinstance(content, str):
        return content, []
    if not isinstance(content, list):
        raise wrong(where, "Content is a string, or a list of parts.")
    texts: list[str] = []
    images: list[str] = []
    for index, part in enumerate(content):
        at = f"{where}[{index}]"
        kind = part.get("type") if isinstance(part, Mapping) else None
        if kind in _TEXTS and isinstance(part.get("text"), str):
            texts.append(part["text"])
        elif kind == "refusal" and isinstance(part.get("refusal"), str):
            texts.append(part["refusal"])
        elif kind in {"image_url", "input_image"}:
            images.append(_image(part, at))
        else:
            raise unsupported(at, "A part is a text, or an image as a data: URL.")
    return "".join(texts), images


def _image(part: Mapping[str, Any], where: str) -> str:
    """Return an image as a ``data:`` URL or the id of an upload; what it is else is never looked at, nor fetched."""
    shown = part.get("file_id") or part.get("image_url")
    if isinstance(shown, Mapping):
        shown = shown.get("url")
    if not isinstance(shown, str):
        raise wrong(where, "An image is a data: URL, or the id of an upload.")
    if shown.startswith(("http://", "https://")):
        raise unsupported(where, "Images are not fetched: send them as data: URLs.")
    return shown
