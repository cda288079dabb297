#!/usr/bin/env bash
# Runs the compiled tests of the given folders below test/ (all of them without one): a process for each
# file, since an embedded CPython cannot be restarted inside a process. It goes by the sources, so that what
# is left in dist of a deleted test never runs. A single file may be named, too: test/unit/errors.test.ts
set -euo pipefail
cd "$(dirname "$0")/.."
[ $# -gt 0 ] || set -- test
mapfile -t sources < <(find "$@" -name '*.test.ts' | sort)
[ ${#sources[@]} -gt 0 ] || { echo "No tests in $*" >&2; exit 1; }
compiled=("${sources[@]/#/dist/}")
exec node --enable-source-maps --test --test-concurrency=2 "${compiled[@]/%.ts/.js}"
