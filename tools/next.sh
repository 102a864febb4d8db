#!/usr/bin/env bash
# runs the Go tests on the PocketBase that comes next, in a copy of the tree, so that the day of moving is a day like others
# (docs/adr/0018). Nothing here changes. With arguments: those of go test, such as ./hooks -run TestPay.
# NEXT_POCKETBASE and NEXT_GO name other versions.
set -euo pipefail
cd "$(dirname "$0")/.."

pocketbase=${NEXT_POCKETBASE:-v0.40.4}
export GOTOOLCHAIN=${NEXT_GO:-go1.27.4}
export GOFLAGS="${GOFLAGS:--buildvcs=false}"

if ! go version; then
  echo "next: $GOTOOLCHAIN is neither here nor to be had from the module proxy ($(GOTOOLCHAIN=local go env GOPROXY)); nothing was tested" >&2
  exit 1
fi

copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
git ls-files -co --exclude-standard -z | tar --null -T - -c --ignore-failed-read 2>/dev/null | tar -x -C "$copy"
cd "$copy"

go get "github.com/pocketbase/pocketbase@$pocketbase"
go mod tidy
go list -m -f '{{.Path}} {{.Version}}' github.com/pocketbase/pocketbase modernc.org/sqlite modernc.org/libc
[ "$#" -gt 0 ] || set -- -timeout 30m ./...
go test "$@"
