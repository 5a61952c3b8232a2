"""A Redis server for tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as NoConnection
from redis.retry import Retry

from servers.process import DatabaseServer, find_program, free_port

_DURABLE = {"appendonly": "yes", "appendfsync": "always", "save": ""}
_SLOTS = 16_384


class RedisServer(DatabaseServer):
    """``settings`` are those of redis.conf, over durable defaults: an append-only file that is flushed at each write.

    With ``cluster`` it is a Redis Cluster of one node that holds all slots: a command across slots fails.
    """

    def __init__(self, settings: Mapping[str, str] | None = None, *, cluster: bool = False) -> None:
        bus = {"cluster-enabled": "yes", "cluster-port": str(free_port())} if cluster else {}
        super().__init__({**_DURABLE, **bus, **(settings or {})})
        self._cluster = cluster

    def command(self) -> Sequence[str | Path]:
        """What starts it, with the settings of now."""
        settings = {"port": str(self.port), "bind": "127.0.0.1", "dir": str(self.folder), **self.settings}
        options = [word for name, value in settings.items() for word in (f"--{name}", value)]
        return [find_program("redis-server", "redis-server"), *options]

    def is_ready(self) -> bool:
        """Whether it answers and has its data; the node of a cluster is given its slots when it has none."""
        try:
            return bool(self.execute("PING")) and (not self._cluster or self._has_slots())
        except NoConnection:
            return False

    def _has_slots(self) -> bool:
        state = self.execute("CLUSTER", "INFO")
        if b"cluster_slots_assigned:0" in state:
            self.execute("CLUSTER", "ADDSLOTS", *range(_SLOTS))
        return b"cluster_state:ok" in state

    def url(self, database: int = 0) -> str:
        """Where one of its databases is; a cluster has the first one only."""
        return f"redis://127.0.0.1:{self.port}" + ("" if self._cluster else f"/{database}")

    def execute(self, *words: str | int) -> Any:
        """Run a command from the side; return what it gave."""
        with Redis(port=self.port, retry=Retry(NoBackoff(), 0), socket_timeout=10) as client:
            return client.execute_command(*words)
