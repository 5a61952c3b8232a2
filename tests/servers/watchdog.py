"""Ends a database and removes its folder when whoever started it is gone, killed or not.

``python -m servers.watchdog FOLDER``: each line of its standard input is the pid of the server that runs now (0: none);
at the end of the input it does its work.
"""

from __future__ import annotations

import shutil
import signal
import sys
from pathlib import Path

from servers.process import signal_all


def main(folder: str) -> None:
    pid = 0
    for line in sys.stdin:
        pid = int(line)
    if pid:
        signal_all(pid, signal.SIGKILL)
    shutil.rmtree(Path(folder), ignore_errors=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
