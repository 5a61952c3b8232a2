"""Models: what answers. ``base.py`` is the contract, ``scripted.py`` the public test double."""
