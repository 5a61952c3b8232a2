"""Palaver keeps every conversation between people and your bots."""
