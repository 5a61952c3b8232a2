"""The Redis store. What it keeps and where: ``stored`` and ``keys``."""

from palaver.stores.redisdb.store import RedisStore

__all__ = ["RedisStore"]
