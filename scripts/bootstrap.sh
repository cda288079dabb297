#!/usr/bin/env bash
# Makes a fresh clone ready: `scripts/bootstrap.sh run` for `make run`, `scripts/bootstrap.sh test` for the tests.
# Looks first and installs only what is missing, saying what; with everything there it prints nothing and
# takes under a second. Apt's packages need root (or sudo), the rest stays in this folder.
#   PYTHON               the Python to embed (python3); pymport is compiled against exactly this one
#   WSGI_TS_TEST_VENV    a virtual environment of your own instead of .venv: used as it is, never changed
set -euo pipefail
cd "$(dirname "$0")/.."
purpose=${1:-run}
own_venv=${WSGI_TS_TEST_VENV:-}
venv=${own_venv:-.venv}
requirements=fixtures/tutorial/requirements.txt
[ "$purpose" = run ] || requirements=test/requirements.txt

say() { printf 'setup: %s\n' "$*" >&2; }
fail() {
  say "$@"
  exit 1
}

# --- Node ------------------------------------------------------------------------------------------------
command -v node >/dev/null || fail 'Node is not here. Install Node 20.19 or newer: https://nodejs.org'
command -v npm >/dev/null || fail 'npm is not here. It comes with Node; on Debian it is the package npm.'
node -e 'const [a, b] = process.versions.node.split("."); process.exit(a > 20 || (a == 20 && b >= 19) ? 0 : 1)' ||
  fail "Node $(node --version) is too old: 20.19 or newer is needed. https://nodejs.org"

# --- apt -------------------------------------------------------------------------------------------------
# install_packages NAME…: through apt-get, which asks nothing.
install_packages() {
  command -v apt-get >/dev/null ||
    fail "Missing, and there is no apt-get to install them with (their Debian names): $*"
  local root=()
  if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || fail "Missing: $*. As root: apt-get install $*"
    root=(sudo)
  fi
  say "installing with apt-get: $*"
  "${root[@]}" apt-get update -qq || say 'apt-get update failed (no network?); trying with the lists at hand'
  "${root[@]}" env DEBIAN_FRONTEND=noninteractive DEBCONF_NOWARNINGS=yes \
    apt-get install -y -qq --no-install-recommends "$@" >/dev/null ||
    fail "apt-get could not install them. Once it can: apt-get install $*"
}

# --- Which Python ----------------------------------------------------------------------------------------
read_python() {
  local facts
  facts=$("$1" scripts/python-facts.py) || fail "$1 does not run."
  { read -r version; read -r python; read -r prefix; read -r shared; read -r libdir
    read -r library; read -r libpc; read -r header; read -r ensurepip; } <<<"$facts"
}
wanted=${PYTHON:-python3}
[ -z "$own_venv" ] || wanted=$own_venv/bin/python
if ! command -v "$wanted" >/dev/null; then
  [ "$wanted" = python3 ] || fail "There is no $wanted (set by PYTHON or WSGI_TS_TEST_VENV)."
  install_packages python3
fi
read_python "$wanted"
if [ "$shared" != 1 ] && [ -z "$own_venv" ] && [ -x /usr/bin/python3 ]; then
  say "$python was built without a shared library, which embedding needs: taking /usr/bin/python3 instead"
  read_python /usr/bin/python3
fi
[ "$shared" = 1 ] ||
  fail "$python was built without a shared library. Name one built with --enable-shared: make PYTHON=/path/to/python3"
minor=${version%.*}
case $minor in
3.8 | 3.9 | 3.1[0-4]) ;;
*) fail "$python is Python $version; 3.8 to 3.14 will do: make PYTHON=/path/to/python3" ;;
esac
# Apt's names: those of the default version, or of the one asked for.
apt_name=
case $python in
/usr/bin/python*)
  apt_name=python$minor
  [ "$(readlink -f /usr/bin/python3)" != "$(readlink -f "$python")" ] || apt_name=python3
  ;;
esac

# --- What is there already ---------------------------------------------------------------------------------
# The library that the built pymport really loads: empty when there is none or it carries a Python of its own.
# (On loading it looks for the first python3 on PATH.)
bound_library() {
  PATH=$prefix/bin:$PATH node -e '
    require(process.argv[1]);
    const maps = require("node:fs").readFileSync("/proc/self/maps", "utf8");
    const [path = ""] = maps.match(/\/\S*libpython[\d.]+\.so\S*/) ?? [];
    console.log(path)' "$PWD/node_modules/pymport" 2>/dev/null || true
}
binding_fits() { [ -f "$library" ] && [ "$(bound_library)" = "$(readlink -f "$library")" ]; }
# Every package of the lock file is there in that version (the optional pymport is looked at by itself).
modules_fit() {
  node -e '
    const read = (file) => JSON.parse(require("node:fs").readFileSync(file)).packages;
    const there = read("node_modules/.package-lock.json");
    const fits = ([path, wanted]) => path === "" || wanted.optional || there[path]?.version === wanted.version;
    process.exit(Object.entries(read("package-lock.json")).every(fits) ? 0 : 1)' 2>/dev/null
}
venv_fits() {
  [ -x "$venv/bin/python" ] && [ -x "$venv/bin/pip" ] &&
    [ "$("$venv/bin/python" scripts/python-facts.py 2>/dev/null | sed -n '1p;3p')" = "$version"$'\n'"$prefix" ]
}
binding=missing
! binding_fits || binding=fits
virtual=missing
! venv_fits || virtual=fits

# --- Programs and headers ----------------------------------------------------------------------------------
missing=()
# The tutorial that the tests follow calls it.
[ "$purpose" = run ] || command -v curl >/dev/null || missing+=(curl)
# Tests of TLS make their certificates with it.
[ "$purpose" = run ] || command -v openssl >/dev/null || missing+=(openssl)
# What a request costs is counted with it.
[ "$purpose" = run ] || command -v strace >/dev/null || missing+=(strace)
# The units in deploy/ are checked with it.
[ "$purpose" = run ] || command -v systemd-analyze >/dev/null || missing+=(systemd)
if [ "$binding" = missing ]; then
  for tool in make g++ pkg-config; do command -v "$tool" >/dev/null || missing+=("$tool"); done
  if [ ! -f "$header" ] || [ ! -f "$libpc/python-$minor-embed.pc" ]; then
    [ -n "$apt_name" ] || fail "$python has no headers (looked for $header): install it with its development files."
    missing+=("$apt_name-dev")
  fi
fi
if [ "$virtual" = missing ] && [ -z "$own_venv" ] && [ "$ensurepip" = 0 ]; then
  [ -n "$apt_name" ] || fail "$python has no ensurepip, which python -m venv needs."
  missing+=("$apt_name-venv")
fi
[ ${#missing[@]} = 0 ] || install_packages "${missing[@]}"

# --- Node packages, and pymport against this Python ----------------------------------------------------------
if ! modules_fit || [ "$binding" = missing ]; then
  # `python3-embed` must mean this Python, wherever several share a folder of pkg-config files. The rpath
  # lets the binding find a libpython that the system's loader does not know.
  embed=$(mktemp -d)
  trap 'rm -rf "$embed"' EXIT
  ln -s "$libpc/python-$minor-embed.pc" "$embed/python3-embed.pc"
  export PKG_CONFIG_PATH=$embed:$libpc LDFLAGS=-Wl,-rpath,$libdir
  # Without this npm fetches a binary of pymport that carries a Python of its own.
  export npm_config_build_from_source=true JOBS=max
  # node-gyp builds with a Python, too: this one. Node's headers are often here already.
  export npm_config_python=$python
  node_home=$(dirname "$(dirname "$(readlink -f "$(command -v node)")")")
  [ ! -f "$node_home/include/node/node_version.h" ] || export npm_config_nodedir=$node_home
  if ! modules_fit; then
    say 'installing the Node packages and compiling pymport (npm ci; about a minute)'
    npm ci --no-audit --no-fund --loglevel=error >/dev/null ||
      fail 'npm ci failed (above). It needs the npm registry: try again with network, or set a registry or cache.'
  fi
  if ! binding_fits; then
    say "compiling pymport against Python $version ($library)"
    build=(npm rebuild pymport --foreground-scripts --loglevel=error)
    # An optional package whose build failed is taken away by npm.
    [ -d node_modules/pymport ] || build=(npm ci --foreground-scripts --no-audit --no-fund --loglevel=error)
    log=$embed/log
    "${build[@]}" >"$log" 2>&1 || { cat "$log" >&2; fail 'pymport did not compile (above).'; }
    binding_fits || {
      tail -n 40 "$log" >&2
      fail "pymport was compiled, but loads $(bound_library) instead of $library."
    }
  fi
fi

# --- The Python environment ----------------------------------------------------------------------------------
if [ -n "$own_venv" ]; then
  [ "$virtual" = fits ] || fail "$own_venv is not a virtual environment with pip."
else
  if [ "$virtual" = missing ]; then
    say "making $venv with Python $version"
    "$python" -m venv --clear "$venv" >&2 || fail "$python -m venv failed (above)."
  fi
  # What was asked for the last time, the files that it names included.
  asked=$(cat "$requirements" $(sed -n "s,^-r ,$(dirname "$requirements")/,p" "$requirements"))
  done_before=$venv/.installed-$purpose
  # What the tests need includes what the tutorial needs.
  if [ "$asked" != "$(cat "$done_before" 2>/dev/null)" ] &&
    ! { [ "$purpose" = run ] && [ -f "$venv/.installed-test" ]; }; then
    say "installing into $venv: $(grep -hv '^[#-]' <<<"$asked" | sed 's/[<>=;! ].*//' | sort -u | tr '\n' ' ')"
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check -r "$requirements" >&2 ||
      fail 'pip install failed (above). It needs PyPI: try again with network, or set an index.'
    printf '%s\n' "$asked" >"$done_before"
  fi
fi

npm run --silent build || fail 'The build failed (above).'
