"""The Redis store: one server, or a Redis Cluster, for any number of processes."""

from palaver.stores.redis.store import RedisStore

__all__ = ["RedisStore"]
