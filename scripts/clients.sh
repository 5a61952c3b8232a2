#!/usr/bin/env bash
# Makes .venv/clients/NAME for each tests/compat/clients/NAME.txt: released clients of other systems, each with what it needs,
# apart from our own packages. One whose list has not changed stays as it is; one whose list says that it is complete gets
# nothing else.
set -eu
for list in tests/compat/clients/*.txt; do
    name=$(basename "$list" .txt)
    client=.venv/clients/$name
    if cmp -s "$list" "$client/installed.txt"; then continue; fi
    echo "Installing the client $name …"
    .venv/bin/python -m venv --clear --without-pip "$client"
    alone=$(sed -n 's/^# complete.*/--no-deps/p' "$list")
    .venv/bin/python -m pip --python "$client/bin/python" install --quiet --no-compile $alone --requirement "$list"
    cp "$list" "$client/installed.txt"
done
