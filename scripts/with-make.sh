#!/usr/bin/env bash
# `npm start` and `npm test`: the same as `make run` and `make test`, for a machine that has no make yet.
set -euo pipefail
cd "$(dirname "$0")/.."
if ! command -v make >/dev/null; then
  command -v apt-get >/dev/null || { echo 'make is not here, and there is no apt-get to install it with.' >&2; exit 1; }
  root=()
  [ "$(id -u)" = 0 ] || root=(sudo)
  echo 'setup: installing with apt-get: make' >&2
  "${root[@]}" apt-get update -qq || true
  "${root[@]}" apt-get install -y -qq --no-install-recommends make >/dev/null
fi
exec make --no-print-directory "$@"
