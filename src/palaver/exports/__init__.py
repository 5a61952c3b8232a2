"""Conversations as files: to read, to calculate with, to keep, to train on. ``base.py`` is the contract of a format."""
