"""The engine, its use cases and one tenant, as one surface: what ``palaver.connect`` gives for a file."""

from palaver.hub.root import HubRoot, LocalHub

__all__ = ["HubRoot", "LocalHub"]
