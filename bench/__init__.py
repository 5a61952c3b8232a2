"""How fast, how much, and next to whom: ``python -m bench`` prints tables with the peers side by side in one run."""
