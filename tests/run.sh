#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Sets everything up, runs every test, and ends with "N passed, N failed" (and skipped ones, which say why).
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
build=build
setup=()
while [ $# -gt 0 ]; do
  case $1 in
    --werror) setup+=(--werror) ;;
    --no-packages) setup+=(--no-packages) ;;
    --build-dir) build=$2; setup+=(--build-dir "$2"); shift ;;
    -h|--help) echo "usage: tests/run.sh [--werror] [--no-packages] [--build-dir DIR]"; exit 0 ;;
    *) echo "tests/run.sh: unknown option \"$1\"" >&2; exit 2 ;;
  esac
  shift
done
cd "$root"
tools/setup.sh ${setup[@]+"${setup[@]}"}
log="$build/meson-logs/testlog.txt"
rc=0
# Time-outs are there for tests that hang: a machine that is busy with other things takes several times as long.
meson test -C "$build" --no-rebuild --print-errorlogs --num-processes 2 --timeout-multiplier 10 || rc=$?
count() { sed -n "s/^$1: *\([0-9][0-9]*\).*/\1/p" "$log" | tail -n 1; }
passed=$(( $(count 'Ok') + $(count 'Expected Fail') ))
failed=$(( $(count 'Fail') + $(count 'Unexpected Pass') + $(count 'Timeout') ))
skipped=$(count 'Skipped')
[ "$rc" -eq 0 ] || [ "$failed" -gt 0 ] || failed=1
echo
python3 "$root/tests/support/skipped.py" "$build/meson-logs/testlog.json"
if [ "${skipped:-0}" -gt 0 ]; then
  echo "$passed passed, $failed failed, $skipped skipped"
else
  echo "$passed passed, $failed failed"
fi
[ "$failed" -eq 0 ]
