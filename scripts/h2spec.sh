#!/usr/bin/env bash
# Runs h2spec (github.com/summerwind/h2spec) against this server, with prior knowledge and over TLS, and says where the
# results differ from what docs/http2.md lists; the exit code says whether they do. `make h2spec` calls it. h2spec is
# compiled by Go into a cache folder when it isn't on PATH. WSGI_TS_H2SPEC_BARE=1 runs it against a bare node:http2
# server instead, and only prints what fails there.
set -euo pipefail
cd "$(dirname "$0")/.."
version=v2.2.1+incompatible

fail() {
  printf 'h2spec: %s\n' "$*" >&2
  exit 1
}

h2spec=$(command -v h2spec || true)
if [ -z "$h2spec" ]; then
  cache=${XDG_CACHE_HOME:-$HOME/.cache}/wsgi-ts
  h2spec=$cache/h2spec
  if [ ! -x "$h2spec" ]; then
    command -v go >/dev/null || fail 'neither h2spec nor Go is here (on Debian: apt-get install golang).'
    GOBIN=$cache GOFLAGS=-mod=mod go install "github.com/summerwind/h2spec/cmd/h2spec@$version" ||
      fail 'Go could not install it (above).'
  fi
fi

folder=$(mktemp -d)
server=
stop() {
  [ -z "$server" ] || { kill "$server" && wait "$server"; } 2>/dev/null || true
  server=
}
trap 'stop; rm -rf "$folder"' EXIT
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost \
  -keyout "$folder/key.pem" -out "$folder/cert.pem" 2>/dev/null || fail 'openssl is needed for a certificate.'

# start TLS: on a free port, which it prints.
start() {
  : >"$folder/log"
  if [ "${WSGI_TS_H2SPEC_BARE:-}" = 1 ]; then
    node --input-type=module -e '
      import { createSecureServer, createServer } from "node:http2";
      import { readFileSync } from "node:fs";
      const [folder, tls] = process.argv.slice(1);
      const read = (name) => readFileSync(`${folder}/${name}.pem`);
      const answer = (request, response) => { request.resume(); response.end("Hello, World!\n"); };
      const server = tls === "1" ? createSecureServer({ cert: read("cert"), key: read("key") }, answer) : createServer(answer);
      server.on("sessionError", () => {});
      server.listen(0, "127.0.0.1", () => console.log(`Listening at: x://127.0.0.1:${server.address().port} ready`));
    ' "$folder" "$1" >"$folder/log" 2>&1 &
  else
    local tls=()
    [ "$1" = 0 ] || tls=(--certfile "$folder/cert.pem" --keyfile "$folder/key.pem")
    node dist/src/cli.js --bind 127.0.0.1:0 --log-level debug --graceful-timeout 1 "${tls[@]}" \
      --chdir fixtures/apps does_nothing:app >"$folder/log" 2>&1 &
  fi
  server=$!
  for _ in $(seq 200); do
    ! grep -Eq 'Worker ready| ready$' "$folder/log" || break
    kill -0 "$server" 2>/dev/null || { cat "$folder/log" >&2; fail 'the server did not start.'; }
    sleep 0.1
  done
  port=$(sed -n 's,.*Listening at: [a-z]*://127.0.0.1:\([0-9]*\).*,\1,p' "$folder/log")
}

# check NAME TLS FLAGS…: compares the cases that fail with those of the page.
differs=0
check() {
  local name=$1 tls=$2
  shift 2
  start "$tls"
  "$h2spec" --host 127.0.0.1 --port "$port" --timeout 2 "$@" --junit-report "$folder/report.xml" >"$folder/out" || true
  stop
  printf '%s: %s\n' "$name" "$(tail -n 1 "$folder/out")"
  node -e '
    const report = require("node:fs").readFileSync(process.argv[1], "utf8");
    const counts = new Map();
    for (const [, head, rest] of report.matchAll(/<testcase ([^>]*)>([^]*?)<\/testcase>/g)) {
      const part = /package="([^"]*)"/.exec(head)?.[1] ?? "";
      const number = (counts.get(part) ?? 0) + 1;
      counts.set(part, number);
      if (/<(failure|error)/.test(rest)) console.log(`${part}/${number}`);
    }' "$folder/report.xml" | sort >"$folder/failed"
  if [ "${WSGI_TS_H2SPEC_BARE:-}" = 1 ]; then
    sed 's/^/  fails: /' "$folder/failed"
    return
  fi
  # A row of the table: | `http2/5.1/8` | both | … |
  sed -nE "s/^\| \`([^\`]+)\` +\| (both|$name) .*/\1/p" docs/http2.md | sort >"$folder/listed"
  diff <(sed 's/^/  /' "$folder/listed") <(sed 's/^/  /' "$folder/failed") || differs=1
}

check plain 0
check TLS 1 --tls --insecure
[ "$differs" = 0 ] || fail 'other cases fail than docs/http2.md lists (< listed, > failed).'
