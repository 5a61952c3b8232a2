"""The store in a PostgreSQL database, for many server processes at once."""

from palaver.stores.postgres.store import PostgresStore

__all__ = ["PostgresStore"]
