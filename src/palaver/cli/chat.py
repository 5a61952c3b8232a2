"""``palaver chat``: talk to a bot in the terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from palaver.arguments import SendOptions
from palaver.blocking import BlockingHub
from palaver.bot import Bot
from palaver.cli.find import PAGE, find_bot
from palaver.cli.show import clean, one_line
from palaver.cli.target import StoreOption, TenantOption, UrlOption, opened
from palaver.cli.terminal import Terminal
from palaver.conversation import Conversation, ImagePart, Message, Role
from palaver.errors import InvalidInput, NotFound, PalaverError
from palaver.events import Event, EventType
from palaver.ids import new_id
from palaver.results import Accepted

EPILOG = """Examples:

palaver chat

palaver chat Helper --model groq:openai/gpt-oss-120b

palaver chat --conversation conv_0198…

echo 'What is the capital of France?' | palaver chat Helper
"""
HELP = """\
/history       what was said so far
/rate N        rate the last answer, 1 to 5
/regenerate    answer the last question again
/image PATH    show an image with your next message
/new           begin a new conversation
/quit          leave (or Ctrl-D)
Ctrl-C while an answer comes stops it; what was said is kept."""
DEFAULT_BOT = "default"
HISTORY_MESSAGES = 20


def choose_bot(hub: BlockingHub, name: str | None, model: str | None) -> Bot:
    """Return the bot to talk to; ``default``, or a name that comes with a model, is made at its first use.

    Raises:
        NotFound: There is no bot of that name, and no model to make one with.
        InvalidInput: The bot has another model, or there are several and none was named.
    """
    if name is None and model is None:
        bots = hub.bots.list(limit=PAGE).data
        if len(bots) == 1:
            return bots[0]
        if bots and not any(bot.name == DEFAULT_BOT for bot in bots):
            names = ", ".join(bot.name for bot in bots[:10])
            raise InvalidInput(f"There are several bots: name one, palaver chat BOT. They are: {names}.")
    wanted = name or model or DEFAULT_BOT
    bot = find_bot(hub, wanted)
    if bot is None:
        if name is not None and model is None:
            raise NotFound(f"There is no bot {name!r}. Make it: palaver chat {name} --model provider:name")
        return hub.bots.create(name=wanted, model=model) if model is not None else hub.bots.create(name=wanted)
    if model is not None and bot.model != model:
        raise InvalidInput(f"{bot.name} has the model {bot.model}: palaver bots edit {bot.name} --model {model}")
    return bot


class Chat:
    """One person, one bot, one conversation at a time."""

    def __init__(self, hub: BlockingHub, terminal: Terminal, bot: Bot, conversation: Conversation | None) -> None:
        self._hub = hub
        self._terminal = terminal
        self._bot = bot
        self._conversation = conversation
        self._images: list[str] = []
        self.failed = False
        self._commands: dict[str, Callable[[str], None]] = {
            "/help": self._help,
            "/history": self._history,
            "/rate": self._rate,
            "/regenerate": self._regenerate,
            "/image": self._image,
            "/new": self._new,
        }

    def run(self) -> None:
        """Talk until the person leaves."""
        self._terminal.note(f"{self._bot.name} · {self._bot.model} · /help lists the commands, Ctrl-D leaves")
        self._guarded(self._resume, "")
        for line in self._terminal.lines():
            if line == "/quit":
                return
            command, _, argument = line.partition(" ")
            if command in self._commands:
                self._guarded(self._commands[command], argument.strip())
            elif line.startswith("/"):
                self._terminal.trouble(f"{command} is no command; /help lists them.")
            else:
                self._guarded(self._ask, line)

    def _guarded(self, step: Callable[[str], None], argument: str) -> None:
        try:
            step(argument)
        except PalaverError as error:
            self.failed = True
            self._terminal.trouble(error.message)
        except KeyboardInterrupt:
            self._terminal.note("\nLeft it.")

    def _resume(self, _: str) -> None:
        if self._conversation is None:
            return
        self._history("")
        if self._conversation.running_turn_id is not None:
            self._terminal.note("An answer is under way:")
            running = self._conversation.running_turn_id
            self._follow(self._hub.turns.events(running), partial(self._accepted, running))

    def _accepted(self, turn_id: str) -> str:
        return turn_id

    def _begun(self) -> Conversation:
        if self._conversation is None:
            self._conversation = self._hub.conversations.create(self._bot.id, metadata={"source": "terminal"})
            self._terminal.note(f"palaver chat --conversation {self._conversation.id}")
        return self._conversation

    def _ask(self, text: str) -> None:
        conversation_id = self._begun().id
        options: SendOptions = {"key": new_id("key"), "attachments": self._images}
        self._images = []
        events = self._hub.messages.stream(conversation_id, text, **options)
        self._follow(events, lambda: _turn_of(self._hub.messages.start(conversation_id, text, **options)))

    def _regenerate(self, _: str) -> None:
        answer, key = self._last_answer(), new_id("key")
        events = self._hub.messages.stream_regenerate(answer.id, key=key)
        self._follow(events, lambda: _turn_of(self._hub.messages.start_regenerate(answer.id, key=key)))

    def _follow(self, events: Iterator[Event], turn_id: Callable[[], str]) -> None:
        """Show an answer as it comes. Ctrl-C stops its turn (``turn_id`` finds out which) and shows how it ended."""
        shown = 0
        try:
            for event in events:
                shown = event.seq
                self._show(event)
        except KeyboardInterrupt:
            self._terminal.note("\nStopping …")
            stopped = self._hub.turns.stop(turn_id())
            for event in self._hub.turns.events(stopped.id, after=shown):
                self._show(event)

    def _show(self, event: Event) -> None:
        match event.type:
            case EventType.TURN_QUEUED:
                self._terminal.note("Waiting for the turn before this one …")
            case EventType.REASONING_DELTA:
                self._terminal.aside(event.data["text"])
            case EventType.TEXT_DELTA:
                self._terminal.text(event.text)
            case EventType.TURN_COMPLETED:
                self._terminal.text("\n")
            case EventType.TURN_INTERRUPTED:
                self._terminal.text("\n")
                self._terminal.note(f"[{event.data['turn']['reason']}: what was said is kept]")
            case EventType.TURN_FAILED:
                self.failed = True
                self._terminal.text("\n")
                self._terminal.trouble(event.data["turn"]["error"]["message"])

    def _messages(self) -> list[Message]:
        if self._conversation is None:
            return []
        return list(reversed(self._hub.messages.list(self._conversation.id, order="desc", limit=HISTORY_MESSAGES).data))

    def _last_answer(self) -> Message:
        for message in reversed(self._messages()):
            if message.role is Role.ASSISTANT:
                return message
        raise InvalidInput("There is no answer yet.")

    def _history(self, _: str) -> None:
        running = self._conversation and self._hub.conversations.get(self._conversation.id).running_turn_id
        for message in self._messages():
            if message.role is Role.USER:
                images = sum(isinstance(part, ImagePart) for part in message.parts)
                self._terminal.text(f"> {message.text}{' [image]' * images}\n")
            elif message.turn_id != running:
                self._terminal.text(f"{message.text}\n")

    def _image(self, argument: str) -> None:
        if not Path(argument).is_file():
            raise InvalidInput("Name an image: /image PATH")
        self._images.append(argument)
        self._terminal.note(f"{one_line(argument)} goes with your next message.")

    def _rate(self, argument: str) -> None:
        if argument not in {"1", "2", "3", "4", "5"}:
            raise InvalidInput("Rate from 1 to 5: /rate 4")
        rated = self._hub.messages.rate(self._last_answer().id, int(argument))
        self._terminal.note(f"Rated {rated.rating}: {one_line(rated.text)}")

    def _new(self, _: str) -> None:
        self._conversation = None
        self._terminal.note("A new conversation begins with your next message.")

    def _help(self, _: str) -> None:
        self._terminal.text(clean(HELP) + "\n")


def _turn_of(accepted: Accepted) -> str:
    return accepted.turn.id


def chat(
    bot: Annotated[str | None, typer.Argument(metavar="BOT", help="A bot's name or id.")] = None,
    store: StoreOption = None,
    url: UrlOption = None,
    tenant: TenantOption = None,
    conversation: Annotated[
        str | None,
        typer.Option("--conversation", "-c", metavar="ID", help="Go on with this one; a running answer is shown."),
    ] = None,
    model: Annotated[
        str | None, typer.Option("--model", "-m", help="Make the bot with this model if it is new.")
    ] = None,
) -> None:
    """Talk to a bot; the answer streams. With no bot yet, one named `default` is made.

    Ctrl-C during an answer stops it and keeps what was said; Ctrl-D leaves. Commands: /help.
    """
    terminal = Terminal()
    with opened(store, url, tenant, maintenance=True) as hub:
        known = None if conversation is None else hub.conversations.get(conversation)
        chosen = choose_bot(hub, bot, model) if known is None else hub.bots.get(known.bot_id)
        talk = Chat(hub, terminal, chosen, known)
        talk.run()
    if talk.failed and not terminal.is_interactive:
        raise typer.Exit(1)
