#!/usr/bin/env bash
# Makes .venv/typescript, which checks the modules of the web page, where there is npm. Nothing needs it to build, run or test.
set -eu
version=7.0.2
folder=.venv/typescript
[ "$("$folder/node_modules/.bin/tsc" --version 2>/dev/null)" != "Version $version" ] || exit 0
command -v npm >/dev/null || { echo "No npm: the page's modules will not be checked by TypeScript." >&2; exit 0; }
echo "Installing TypeScript …"
timeout 90 npm install --prefix "$folder" --silent --no-audit --no-fund --fetch-retries=0 --fetch-timeout=20000 "typescript@$version" >/dev/null 2>&1 ||
    echo "npm could not install TypeScript: the page's modules will not be checked by it." >&2
