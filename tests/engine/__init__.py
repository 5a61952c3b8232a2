"""The engine as a whole, over a real store: against a model in plain dicts, and its promises as properties."""
