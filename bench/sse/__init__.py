"""Streams over HTTP: a bare Starlette app to compare with, and a client in a process of its own."""
