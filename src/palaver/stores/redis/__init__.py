"""The Redis store. What it keeps and where: ``stored`` and ``keys``."""

from palaver.stores.redis.store import RedisStore

__all__ = ["RedisStore"]
