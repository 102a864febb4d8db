#!/usr/bin/env bash
# what action.yml runs, and any other CI can: the inputs are SIM_* in the environment.
set -euo pipefail

action=$(cd "$(dirname "$0")" && pwd)

# binary finds the executable, or builds it
binary() {
  if [ -n "${SIM_BINARY:-}" ]; then
    echo "$SIM_BINARY"
  elif command -v wxbase >/dev/null; then
    command -v wxbase
  else
    make -s -C "$action/../.." build >&2
    echo "$action/../../bin/wxbase"
  fi
}

# waits until an address answers, whatever it says
answers() {
  local try
  for try in $(seq 1 120); do
    if bash -c "exec 3<>/dev/tcp/$1/$2" 2>/dev/null; then return 0; fi
    sleep 0.5
  done
  echo "action: nothing answers at $1:$2 after a minute" >&2
  return 1
}

# inside runs beside the simulator: the backend in the background, the scenarios against it
inside() {
  bash -c "$SIM_COMMAND" &
  backend=$! # not local: the trap needs it after this function
  trap 'kill "$backend" 2>/dev/null || true' EXIT
  local status=0 rest host port
  if [ -n "${SIM_READY:-}" ]; then
    rest=${SIM_READY#*://}
    rest=${rest%%/*}
    host=${rest%%:*}
    port=${rest##*:}
    [ "$port" != "$host" ] || port=80
    answers "$host" "$port"
  fi
  local files=()
  if [ -n "${SIM_SCENARIOS:-}" ]; then
    mapfile -t files < <(sed '/^[[:space:]]*$/d' <<<"$SIM_SCENARIOS")
  fi
  "$SIM_BINARY" sim run --backend "$SIM_BACKEND" ${SIM_BASE:+--base "$SIM_BASE"} -o junit "${files[@]}" >"${SIM_REPORT:-wechat.xml}" || status=$?
  grep -B1 '<failure' "${SIM_REPORT:-wechat.xml}" || true
  return "$status"
}

if [ "${1:-}" = inside ]; then
  inside
  exit
fi
SIM_BINARY=$(binary)
export SIM_BINARY
# shellcheck disable=SC2086 # flags are words
if [ -n "${SIM_BACKEND:-}" ]; then
  exec "$SIM_BINARY" sim exec ${SIM_FLAGS:-} -- bash "$action/run.sh" inside
fi
if [ -z "${SIM_COMMAND:-}" ]; then
  echo "action: give command, or backend and command" >&2
  exit 2
fi
# shellcheck disable=SC2086
exec "$SIM_BINARY" sim exec ${SIM_FLAGS:-} -- bash -c "$SIM_COMMAND"
