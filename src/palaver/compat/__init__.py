"""Drop-in surfaces: what the clients of other systems send is answered as they expect it, from the same conversations.

A folder a system, none of which knows another; ``base.py`` is what they have in common. A vendor's words end here.
"""

from palaver.compat import abacusai, knowrithm, longtrainer, openai, sessions
from palaver.compat.base import Surface

__all__ = ["SURFACES", "Surface"]

SURFACES: tuple[Surface, ...] = (
    abacusai.SURFACE,
    knowrithm.SURFACE,
    longtrainer.SURFACE,
    openai.SURFACE,
    sessions.SURFACE,
)
"""What ``palaver serve`` serves beside its own API."""
