#!/usr/bin/env bash
# slowhttptest's three attacks on a server of one worker: slow heads (-H), slow bodies (-B), slow reading (-X).
# Fails where the service was not available at an attack's end, or in the middle of it. Arguments: connections
# (1000), seconds of each attack (30). Run by `make slowhttptest`, which installs what is missing.
set -euo pipefail
cd "$(dirname "$0")/.."
connections=${1:-1000} seconds=${2:-30}
log=$(mktemp -d)
node dist/src/cli.js --bind 127.0.0.1:0 --chdir fixtures/apps uploads:app >"$log/server" 2>&1 &
server=$!
trap 'kill "$server"; wait "$server" || true; rm -rf "$log"' EXIT
until grep -q 'Booting worker' "$log/server"; do kill -0 "$server"; sleep 0.1; done
url=$(sed -n 's/.*Listening at: \(http[^ ]*\).*/\1/p' "$log/server")/

attack() {
  local name=$1 status=0
  shift
  slowhttptest "$@" -c "$connections" -r 200 -l "$seconds" -p 3 -u "$url" >"$log/$name" 2>&1 || status=$?
  sed 's/\x1b\[[0-9;]*m//g' "$log/$name" | grep -aE 'service available|closed:|connected:|Exit status' | tail -4 | sed "s/^/$name: /"
  [ "$status" = 0 ]
  ! sed 's/\x1b\[[0-9;]*m//g' "$log/$name" | grep -qaE 'service available: *NO'
  curl -sS -o /dev/null --max-time 5 -d x=1 "$url"
}
attack heads -H -i 10 -t GET
attack bodies -B -i 10 -s 8192 -t POST
attack reading -X -w 512 -y 1024 -n 5 -z 32 -k 3 -t GET
echo 'The service was available all the time.'
