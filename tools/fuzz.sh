#!/usr/bin/env bash
# runs every fuzz target of the module for FUZZTIME each (default 20s). go test takes one target at a time.
# A crasher is written to testdata/fuzz beside the test: commit it together with the fix.
set -euo pipefail
cd "$(dirname "$0")/.."

fuzztime=${FUZZTIME:-20s}
log=$(mktemp)
trap 'rm -f "$log"' EXIT

run() { go test -run '^$' -fuzz "^$2\$" -fuzztime "$fuzztime" -fuzzminimizetime 10x "$1" 2>&1 | tee "$log"; }

word='[A-Za-z0-9_]*'
targets=$(grep -rEo --include='*_test.go' --exclude-dir=node_modules "^func Fuzz[A-Z0-9_]$word\(" . |
  sed -E "s#^(.*)/[^/]*:func ($word)\\(\$#\1 \2#" | sort -u || true)
if [ -z "$targets" ]; then
  echo "fuzz: no target found" >&2
  exit 1
fi

passed=0
while read -r dir name; do
  echo "fuzz: $dir $name"
  # note: go test now and then reports its own deadline as a failure (golang/go#48591). That, and only that, gets a second try
  if ! run "$dir" "$name" </dev/null; then
    if grep -q 'Failing input written' "$log" || ! grep -q 'context deadline exceeded' "$log"; then
      exit 1
    fi
    echo "fuzz: $dir $name ran into its own deadline, once more"
    run "$dir" "$name" </dev/null
  fi
  passed=$((passed + 1))
done <<<"$targets"
echo "fuzz: $passed targets, $fuzztime each"
