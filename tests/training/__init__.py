"""Runs of training on real SQLite files."""
