"""Where the server is, and how it is connected to. It is asked nothing twice that may have been done once."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, TypeAlias
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from redis.asyncio import Redis
from redis.asyncio.cluster import RedisCluster
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from palaver.errors import StoreRefused
from palaver.stores.redis.driver_errors import DRIVER_ERRORS, translated

Client: TypeAlias = "Redis | RedisCluster"

PREFIX = "palaver:"
_PREFIX = re.compile(r"[A-Za-z0-9_.:-]{1,64}")
_CONNECT_SECONDS = 5.0
_ANSWER_SECONDS = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A server, and the prefix of the keys in it that are ours. ``cluster``: said to be one; else the server is asked."""

    url: str
    prefix: str = PREFIX
    cluster: bool = False

    @classmethod
    def at(cls, url: str) -> Place:
        """Return what an address names: ``redis://user:password@host:6379/0?prefix=palaver:&cluster=true``.

        Raises:
            StoreRefused: The prefix is none.
        """
        parts = urlsplit(url)
        options = dict(parse_qsl(parts.query))
        prefix = options.pop("prefix", PREFIX)
        cluster = options.pop("cluster", "false").lower() in ("true", "1", "yes")
        if not _PREFIX.fullmatch(prefix):
            raise StoreRefused("A prefix is made of letters, digits and . : _ -: ?prefix=palaver:.")
        return cls(url=urlunsplit(parts._replace(query=urlencode(options))), prefix=prefix, cluster=cluster)

    async def connect(self) -> Client:
        """Return a client of the server, or of the whole cluster if it is a part of one.

        Raises:
            StoreUnavailable, StoreRefused.
        """
        try:
            client = Redis.from_url(self.url, **_options())
        except ValueError as error:
            raise StoreRefused(f"This is no address of a Redis server: {error}") from error
        try:
            mode = (await client.info("server")).get("redis_mode")
            if not (self.cluster or mode == "cluster"):
                return client
            await client.aclose()
            return await RedisCluster.from_url(self.url, **_options()).initialize()
        except DRIVER_ERRORS as error:
            raise translated(error) from error

    def listener(self) -> Redis:
        """Return a client for a subscription: any node tells what any other is told."""
        return Redis.from_url(self.url, **_options(None))


def _options(answer_seconds: float | None = _ANSWER_SECONDS) -> dict[str, Any]:
    # The driver's own retries would send a write again whose answer was lost.
    return {
        "protocol": 2,
        "retry": Retry(NoBackoff(), 0),
        "socket_connect_timeout": _CONNECT_SECONDS,
        "socket_timeout": answer_seconds,
        "socket_keepalive": True,
    }
