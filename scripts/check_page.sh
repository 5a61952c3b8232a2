#!/usr/bin/env bash
# Checks the page's modules by their JSDoc types, where `make setup` could install TypeScript.
# It looks at links to them beside scripts/page, whose declarations stand where the page has the code of others.
set -eu
tsc=$PWD/.venv/typescript/node_modules/.bin/tsc
modules=src/palaver/server/web/static
"$tsc" --version >/dev/null 2>&1 || { echo "No TypeScript: the page's modules are not checked."; exit 0; }
page=$(mktemp -d)
trap 'rm -rf "$page"' EXIT
ln -s "$PWD/$modules"/*.js "$PWD"/scripts/page/* "$page"
(cd "$page" && "$tsc" --project . --pretty false) | sed "/^[a-z-]*\.js(/s|^|$modules/|"
[ "${PIPESTATUS[0]}" = 0 ] && echo "The page's modules are as their types say."
