#!/usr/bin/env bash
# Installs what the tests start for themselves: PostgreSQL and Redis, and what people open the web page and exports with: a browser and
# a spreadsheet. Where it may not, it says what to install.
# Debian would start a server of each at once: nobody asked for those.
set -eu
missing=()
ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || command -v initdb >/dev/null || missing+=(postgresql)
command -v redis-server >/dev/null || missing+=(redis-server)
command -v chromium >/dev/null || missing+=(chromium)
command -v soffice >/dev/null || missing+=(libreoffice-calc-nogui)
[ ${#missing[@]} -gt 0 ] || exit 0
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "Most tests run now. For those of PostgreSQL, Redis, exports and the web page install what is missing: ${missing[*]} (apt-get install …)." >&2
    exit 0
fi
echo "Installing ${missing[*]} …"
no_cluster=/etc/postgresql-common/createcluster.d/palaver.conf
no_start=/usr/sbin/policy-rc.d
mkdir -p "${no_cluster%/*}"
echo "create_main_cluster = false" >"$no_cluster"
trap 'rm -f "$no_cluster"' EXIT
if [ ! -e "$no_start" ]; then
    printf '#!/bin/sh\nexit 101\n' >"$no_start"
    chmod +x "$no_start"
    trap 'rm -f "$no_cluster" "$no_start"' EXIT
fi
apt-get -q=2 update
DEBIAN_FRONTEND=noninteractive apt-get -q=2 install --no-install-recommends "${missing[@]}"
