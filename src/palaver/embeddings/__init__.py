"""Embeddings: what turns texts into vectors. ``base.py`` is the contract, ``scripted.py`` the public test double."""
