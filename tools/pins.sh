#!/usr/bin/env bash
# compares the versions in go.mod with the ones this project was measured with. They move by a commit that says why,
# never by a passing `go get -u`: PocketBase expects exactly this sqlite and libc, and warns or breaks with others.
set -euo pipefail
cd "$(dirname "$0")/.."

pins='github.com/pocketbase/pocketbase v0.39.11
modernc.org/sqlite v1.55.0
modernc.org/libc v1.74.1
github.com/labstack/echo/v5 v5.4.4
github.com/wechatpay-apiv3/wechatpay-go v0.2.21
golang.org/x/net v0.62.0
golang.org/x/crypto v0.59.0'

bad=0
complain() {
  echo "pins: $*" >&2
  bad=1
}

if ! grep -qE '^go 1\.26(\.0)?$' go.mod; then
  complain "go.mod does not say go 1.26"
fi
if grep -qE '^(replace|exclude)\b' go.mod; then
  complain "go.mod has a replace or exclude line: whoever embeds hooks would not get it"
fi
# the newest patch of Go 1.26: used where it may be fetched, and passed over where GOTOOLCHAIN=local
toolchain=go1.26.11
for file in go.mod tools/go.mod; do
  grep -qx "toolchain $toolchain" "$file" || complain "$file does not say toolchain $toolchain"
done

while read -r module version; do
  got=$(go list -m -f '{{.Version}}' "$module")
  [ "$got" = "$version" ] || complain "$module is $got, want $version"
done <<<"$pins"

# PocketBase says itself which driver it was tested with
go mod download github.com/pocketbase/pocketbase
check=$(go list -m -f '{{.Dir}}' github.com/pocketbase/pocketbase)/modernc_versions_check.go
for version in "$(go list -m -f '{{.Version}}' modernc.org/sqlite)" "$(go list -m -f '{{.Version}}' modernc.org/libc)"; do
  grep -qF "\"$version\"" "$check" || complain "PocketBase does not expect modernc $version (see its modernc_versions_check.go)"
done

[ "$bad" = 0 ] && echo "pins: go 1.26 and $(wc -l <<<"$pins") modules as pinned"
exit "$bad"
