"""The HTTP SDK: the same surface as a hub in this process, the same values, the same errors."""

from palaver.client.hub import HttpHub
from palaver.client.transport import Patience

__all__ = ["HttpHub", "Patience"]
