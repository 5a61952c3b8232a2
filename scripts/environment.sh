#!/usr/bin/env bash
# Makes .venv, with what serving needs or with what developing needs as well.
# Debian without python3-venv has no ensurepip: then pip comes from the system's own pip.
set -eu
python=${1:-python3}
purpose=${2:-developing}
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Palaver needs Python 3.11 or newer." >&2; exit 1; }
if [ ! -x .venv/bin/python ]; then
    "$python" -m venv .venv 2>/dev/null || "$python" -m venv --without-pip .venv
fi
if ! .venv/bin/python -m pip --version >/dev/null 2>&1; then
    "$python" -m pip --version >/dev/null 2>&1 || { echo "No pip: apt-get install python3-venv (or python3-pip), then again." >&2; exit 1; }
    "$python" -m pip --python .venv/bin/python install --quiet pip
fi
echo "Installing into .venv …"
.venv/bin/python -m pip install --quiet --upgrade "pip>=25.1"
if [ "$purpose" = serving ]; then
    .venv/bin/python -m pip install --quiet --editable .
else
    .venv/bin/python -m pip install --quiet --editable ".[faiss,langchain,postgres,redis]" --group dev
    bash "$(dirname "$0")/servers.sh"
    bash "$(dirname "$0")/clients.sh"
    bash "$(dirname "$0")/typescript.sh"
fi
