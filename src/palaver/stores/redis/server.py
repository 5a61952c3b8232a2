"""The connection to Redis, one server or a cluster of them: many commands in one round trip, and named scripts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, TypeAlias
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from hiredis import pack_command
from redis.asyncio import ConnectionPool, Redis
from redis.asyncio.cluster import RedisCluster
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError, ResponseError

from palaver.errors import StoreRefused, StoreUnavailable
from palaver.stores.redis.driver_errors import DRIVER_ERRORS, translated
from palaver.stores.redis.keys import Keys
from palaver.stores.redis.recent import RecentTurns

Word: TypeAlias = str | bytes | int
Command: TypeAlias = tuple[Word, ...]

CONNECTIONS = 32
"""How many ask one node at once; those who come later wait."""
ANSWER_SECONDS = 5.0
"""The longest that connecting may take, and any round trip."""
_BOTS_KNOWN = 10_000
_SCRIPTS = ("append", "lineage", "look", "move", "page", "renew")


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where a store is: the driver's own URL, and what its keys begin with."""

    url: str
    keys: Keys

    @classmethod
    def of(cls, url: str) -> Address:
        """Read ``redis://user:password@host:6379/0?prefix=palaver:``; other options are the driver's."""
        parts = urlsplit(url)
        options = dict(parse_qsl(parts.query))
        prefix = options.pop("prefix", Keys().prefix)
        if "{" in prefix or "}" in prefix:
            raise StoreRefused("A prefix has no braces: ?prefix=palaver:.")
        return cls(url=urlunsplit(parts._replace(query=urlencode(options))), keys=Keys(prefix))


class Server:
    """Asks one server, or the nodes of a cluster. Nothing is tried again here."""

    def __init__(self, address: Address) -> None:
        self.keys = address.keys
        self.is_cluster = False
        self.bots: dict[str, str] = {}  # of conversations lately used, which may have another by now
        self.recent = RecentTurns()
        self.done: list[str] = []  # marks of steps that are done, to be taken away with the next one's
        self._url = address.url
        self._client: Any = None
        self._sources: Mapping[str, str] = {}
        self._hashes: dict[str, str] = {}
        self._room = asyncio.Semaphore(CONNECTIONS)

    @property
    def client(self) -> Any:
        """The driver's client.

        Raises:
            StoreUnavailable: The store is not open.
        """
        if self._client is None:
            raise StoreUnavailable("The store is not open.")
        return self._client

    def note_bot(self, conversation_id: str, bot_id: str) -> None:
        """Remember whose conversation it is: the next read of it then reads the bot, too."""
        if len(self.bots) >= _BOTS_KNOWN:
            self.bots.clear()
        self.bots[conversation_id] = bot_id

    async def open(self, sources: Mapping[str, str]) -> None:
        """Connect, and give the server the scripts.

        Raises:
            StoreUnavailable, StoreRefused.
        """
        self._sources = sources
        try:
            async with asyncio.timeout(2 * ANSWER_SECONDS):
                await self._connect()
            await self._load_scripts()
        except DRIVER_ERRORS as error:
            await self.close()
            raise translated(error) from error

    async def _connect(self) -> None:
        self._client = self._one_server()
        info = await self._client.info("cluster")
        if info.get("cluster_enabled"):
            await self._client.aclose()
            self.is_cluster = True
            self._client = self._cluster()
            await self._client.initialize()

    def _one_server(self, *, answers_within: float | None = None) -> Any:
        try:
            pool = ConnectionPool.from_url(
                self._url,
                max_connections=2 * CONNECTIONS,
                socket_timeout=answers_within,
                socket_connect_timeout=ANSWER_SECONDS,
                retry=Retry(NoBackoff(), 0),
                protocol=2,
            )
        except ValueError as error:
            raise StoreRefused(f"This is no address of a Redis: {error}") from None
        return Redis.from_pool(pool)

    def _cluster(self) -> Any:
        return RedisCluster.from_url(
            self._url,
            max_connections=2 * CONNECTIONS,
            socket_connect_timeout=ANSWER_SECONDS,
            retry=Retry(NoBackoff(), 0),
            protocol=2,
        )

    async def _load_scripts(self) -> None:
        async with asyncio.timeout(ANSWER_SECONDS):
            for name, source in self._sources.items():
                self._hashes[name] = await self._client.script_load(source)

    async def close(self) -> None:
        """Hang up."""
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    def script(self, name: str, keys: Sequence[str], *words: Word) -> Command:
        """Return the command that runs a script."""
        return ("EVALSHA", self._hashes[name], len(keys), *keys, *words)

    async def ask(self, commands: Sequence[Command]) -> list[Any]:
        """Return the answers of several commands, which see each other's effects and those of others in between.

        Raises the driver's error for the first that was refused; the others may have been done.
        """
        answers = await self._send(commands)
        unknown = [at for at, answer in enumerate(answers) if isinstance(answer, NoScriptError)]
        if unknown:  # the server was started anew; nothing of these was done
            await self._load_scripts()
            for at, answer in zip(unknown, await self._send([commands[at] for at in unknown]), strict=True):
                answers[at] = answer
        for answer in answers:
            if isinstance(answer, Exception):
                raise answer
        return answers

    async def _send(self, commands: Sequence[Command]) -> list[Any]:
        if not commands:
            return []
        # One limit for the round trip: the driver's own costs a timer and a task for each write and each answer.
        async with self._room, asyncio.timeout(ANSWER_SECONDS):
            return await (self._send_to_nodes(commands) if self.is_cluster else self._send_to_one(commands))

    async def _send_to_nodes(self, commands: Sequence[Command]) -> list[Any]:
        pipeline = self.client.pipeline()
        for command in commands:
            pipeline.execute_command(*command)
        answers: list[Any] = await pipeline.execute(raise_on_error=False)
        return answers

    async def _send_to_one(self, commands: Sequence[Command]) -> list[Any]:
        # What the driver's pipeline does, packed in C: its own packs every word in Python.
        pool = self.client.connection_pool
        connection = await pool.get_connection()
        try:
            packed = [pack_command(command) for command in commands]  # type: ignore[arg-type]  # its stub knows one word
            await connection.send_packed_command(packed)
            return [await _answer_on(connection) for _ in commands]
        finally:
            await pool.release(connection)

    async def run(self, command: Command) -> Any:
        """Return the answer of one command."""
        return (await self.ask([command]))[0]

    @asynccontextmanager
    async def subscribed(self, channel: str) -> AsyncIterator[Any]:
        """Listen on a channel, on a connection of its own."""
        client = self._one_server(answers_within=ANSWER_SECONDS)
        listener = client.pubsub()
        try:
            await listener.subscribe(channel)
            yield listener
        finally:
            await listener.aclose()
            await client.aclose()

    async def micros(self) -> int:
        """Return the server's time; of a cluster, that of one node."""
        async with asyncio.timeout(ANSWER_SECONDS):
            answer = await self.client.time()
        seconds, micros = next(iter(answer.values())) if isinstance(answer, dict) else answer
        return int(seconds) * 1_000_000 + int(micros)


async def _answer_on(connection: Any) -> Any:
    """Return the next answer, or what was said instead of one."""
    try:
        return await connection.read_response()
    except ResponseError as error:
        return error


def read_scripts() -> Mapping[str, str]:
    """Return the sources of all scripts, by name."""
    folder = files("palaver.stores.redis").joinpath("scripts")
    return {name: folder.joinpath(f"{name}.lua").read_text(encoding="utf-8") for name in _SCRIPTS}


def flat(commands: Sequence[Command]) -> list[Word]:
    """Return commands as the words of a script: each with the number of its words in front."""
    return [word for command in commands for word in (len(command), *command)]
