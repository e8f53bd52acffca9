#!/usr/bin/env bash
# run.sh WORK_DIR TEST: installs the official client into WORK_DIR once per lock file, then runs the test there.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
work=$1

command -v node >/dev/null && command -v npm >/dev/null || {
  echo "node and npm are not there: apt-get install nodejs npm" >&2
  exit 1
}
major=$(node -p 'process.versions.node.split(".")[0]')
if ((major < 18)); then
  echo "node $(node --version) is too old: 18 or newer is needed" >&2
  exit 1
fi

mkdir -p "$work"
if ! cmp -s "$here/package-lock.json" "$work/installed"; then
  cp "$here/package.json" "$here/package-lock.json" "$work/"
  (cd "$work" && npm ci --no-audit --no-fund --ignore-scripts)
  cp "$here/package-lock.json" "$work/installed"
fi
cp "$here"/*.js "$here"/../rest/artham.js "$work/"
cd "$work"
exec node --test "$2"
