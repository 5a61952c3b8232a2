"""One file a format; ``base`` is their contract, ``catalog`` knows which one reads what."""
