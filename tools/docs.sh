#!/usr/bin/env bash
# runs go generate and fails when that changed a file: what is made from the code must be committed with the code.
set -euo pipefail
cd "$(dirname "$0")/.."

sums() { git ls-files -z --cached --others --exclude-standard | xargs -0 cksum 2>/dev/null || true; }

if ! grep -rq --include='*.go' --exclude-dir=node_modules '^//go:generate ' .; then
  echo "docs: no go:generate line found, docs/errors.md is made by one" >&2
  exit 1
fi
before=$(sums)
go generate ./...
if ! diff <(echo "$before") <(sums); then
  echo "docs: the files above were out of date; 'go generate ./...' has just mended them, commit them" >&2
  exit 1
fi
echo "docs: generated files are up to date"
