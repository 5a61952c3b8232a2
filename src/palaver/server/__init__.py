"""The HTTP server: ``create_app`` is an ASGI factory, ``serve`` runs it."""

from palaver.server.app import create_app

__all__ = ["create_app"]
