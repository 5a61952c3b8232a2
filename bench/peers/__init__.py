"""The peers, and ours, each behind the same small contract (``base.py``)."""
