"""Stores: where values are kept. ``base.py`` is their contract, ``palaver.testing`` its conformance suite."""
