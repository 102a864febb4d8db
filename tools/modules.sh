#!/usr/bin/env bash
# puts every module that builds, tests and checks this project into one archive, for the day without a module proxy (docs/adr/0018).
# Each is checked against go.sum on the way in, and again by whoever builds from it:
#
#   tar -xf bin/modules.tar -C /somewhere
#   GOPROXY=file:///somewhere GONOSUMDB='*' GOFLAGS=-mod=readonly go build .
set -euo pipefail
cd "$(dirname "$0")/.."

out=${1:-bin/modules.tar}
cache=$(mktemp -d)
trap 'chmod -R u+w "$cache"; rm -rf "$cache"' EXIT

export GOFLAGS=-mod=readonly
for file in go.mod tools/go.mod; do
  GOMODCACHE="$cache" go mod download -modfile="$file"
  GOMODCACHE="$cache" go mod verify -modfile="$file" >/dev/null
done
mkdir -p "$(dirname "$out")"
tar -C "$cache/cache/download" --exclude=sumdb --exclude='*.lock' --sort=name -cf "$out" .

# it must be enough by itself
proof=$(mktemp -d)
trap 'chmod -R u+w "$cache" "$proof"; rm -rf "$cache" "$proof"' EXIT
GOMODCACHE="$proof" GOPROXY="file://$cache/cache/download" GONOSUMDB='*' go list -deps ./... >/dev/null
echo "modules: $(tar -tf "$out" | grep -c '\.zip$') modules in $out, $(du -h "$out" | cut -f1)"
