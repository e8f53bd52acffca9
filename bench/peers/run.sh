#!/usr/bin/env bash
# run.sh WORK_DIR DATA_DIR: installs the databases into WORK_DIR once per lock file, then has them and pandas build the
# bars of DATA_DIR's ticks. pandas is Debian's (python3-pandas) and left out when it is not installed.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
work=$1
data=$(realpath "$2")
mkdir -p "$work"
if ! cmp -s "$here/package-lock.json" "$work/installed"; then
  cp "$here/package.json" "$here/package-lock.json" "$work/"
  # Not `npm ci`: chdb names optional packages that the registry does not have, so that no lock file is complete.
  (cd "$work" && npm install --no-save --no-audit --no-fund --ignore-scripts)
  cp "$here/package-lock.json" "$work/installed"
fi
cp "$here/bars.js" "$work/"
(cd "$work" && node bars.js "$data")
if /usr/bin/python3 -c 'import pandas' 2>/dev/null; then
  /usr/bin/python3 "$here/pandas_bars.py" "$data"
else
  echo "pandas: not installed, left out (apt-get install python3-pandas)"
fi
