#!/usr/bin/env bash
# makes sure that the tests have what they need besides Go: Node >= 20.19, Chromium and Chinese fonts for the browser story, redis-server for
# rooms over several processes, systemd-analyze for the unit. On Debian as root it installs what is missing, elsewhere it says what to install and fails. CHROMIUM names
# another executable.
set -euo pipefail

if ! command -v npm >/dev/null || ! node -e 'const [a, b] = process.versions.node.split("."); process.exit(+a > 20 || (+a === 20 && +b >= 19) ? 0 : 1)'; then
  echo "test: install Node.js 20.19 or newer with npm, then run this again" >&2
  exit 1
fi

missing=()
command -v "${CHROMIUM:-chromium}" >/dev/null || missing+=(chromium)
# without them the page under test is a row of empty boxes, and so are the screenshots
[ -n "$(fc-list :lang=zh family 2>/dev/null)" ] || missing+=(fonts-noto-cjk)
command -v redis-server >/dev/null || missing+=(redis-server)
# the unit of packaging/ is read by systemd's own eyes
[ "$(uname)" != Linux ] || command -v systemd-analyze >/dev/null || missing+=(systemd)
[ "${#missing[@]}" = 0 ] && exit 0

if ! command -v apt-get >/dev/null || [ "$(id -u)" != 0 ]; then
  echo "test: install ${missing[*]} (Debian: sudo apt-get install ${missing[*]}; elsewhere set CHROMIUM to a Chromium or Chrome), then run this again" >&2
  exit 1
fi
export DEBIAN_FRONTEND=noninteractive
apt-get -q -o Acquire::Retries=3 update
apt-get -q -y -o Acquire::Retries=3 install --no-install-recommends fontconfig "${missing[@]}"
