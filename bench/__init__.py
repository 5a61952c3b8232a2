"""How fast, how much, and next to whom: ``python -m bench`` prints tables with the peers side by side in one run."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent.parent / "tests"))  # `servers`: PostgreSQL and Redis as the tests start them
