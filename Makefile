# The one door to everything that is done in this repository. Thin: each target calls an npm script or a
# Python tool. `make help` lists them. Variables: PYTHON (the Python to embed; python3), WSGI_TS_TEST_VENV
# (a virtual environment of your own instead of .venv).

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:

PYTHON ?= python3
VENV := $(abspath $(or $(WSGI_TS_TEST_VENV),.venv))
export PYTHON
# Another virtual environment that happens to be active is not the one to test with.
in_venv := env -u VIRTUAL_ENV PATH="$(VENV)/bin:$$PATH"

## Using it
.PHONY: run test check
run: ## Serve the Flask tutorial on port 5000 with four workers; installs what is missing first
	@scripts/bootstrap.sh run
	@echo 'cd fixtures/tutorial && wsgi-ts --workers=4 --bind=0.0.0.0:5000 app:app' >&2
	@cd fixtures/tutorial && exec $(in_venv) node ../../dist/src/cli.js --workers=4 --bind=0.0.0.0:5000 app:app

test: setup test-python test-node ## Every test, Python's and Node's; installs what is missing first

check: setup static test-python coverage ## All that must hold before a commit

## Parts of `check`, soonest to fail first
.PHONY: setup build static format-check lint types layers unused
setup: ## Install what is missing (apt packages, Node packages, pymport, .venv) and build
	@scripts/bootstrap.sh test

build: ## Compile to dist/
	npm run --silent build

static: format-check lint types layers unused ## Everything of `check` but the tests

format-check: setup ## Prettier and ruff would change nothing
	npm run --silent format:check
	$(in_venv) ruff format --quiet --check python scripts

lint: setup ## eslint and ruff
	npm run --silent lint
	$(in_venv) ruff check --quiet python
	$(in_venv) ruff check --quiet --isolated --select E4,E7,E9,F,B fixtures scripts bench

types: setup ## tsc and mypy --strict
	npm run --silent types
	cd python && $(in_venv) mypy --no-error-summary wsgi_ts

layers: setup ## Imports go down the floors only (docs/architecture.md)
	npm run --silent layers

unused: setup ## No export, file or dependency that nobody uses
	npm run --silent unused

## Tests, one height at a time
.PHONY: test-node test-python test-unit test-functional test-process conformance fuzz coverage
test-node: setup ## All of Node's tests
	npm run --silent test:node

test-python: setup ## The Python half, without Node
	cd python && $(in_venv) python -m pytest --quiet

test-unit: setup ## Modules by themselves
	npm run --silent test:node test/unit test/frames

test-functional: setup ## Apps over HTTP against real server processes
	npm run --silent test:node test/functional

test-process: setup ## Signals, workers, exit codes
	npm run --silent test:node test/process

conformance: setup ## PEP 3333, clause by clause
	npm run --silent test:node test/conformance

fuzz: setup ## Mutated requests and frames for a minute (FUZZ_SECONDS=600: for longer)
	WSGI_TS_FUZZ_SECONDS=$(or $(FUZZ_SECONDS),60) npm run --silent test:node test/fuzz

coverage: setup ## All of Node's tests, with coverage of src/ (report in coverage/)
	npm run --silent coverage

.PHONY: soak endure
soak: setup ## A million requests over mixed paths: does anything grow? (REQUESTS=100000: fewer)
	npm run --silent bench:soak -- --requests $(or $(REQUESTS),1000000)

endure: setup ## Reloads, upgrades, kills and stops under load from Debian's wrk: is anything lost?
	@command -v wrk >/dev/null || apt-get install -y wrk >/dev/null
	npm run --silent bench:endure

.PHONY: bench bench-quick
bench: setup ## All servers, all scenarios, into bench/results: about an hour (BENCH="--only flask,django": those; bench/README.md)
	@npm run --silent bench -- $(BENCH)

bench-quick: setup ## What got slower since bench/results/quick.json? In two minutes (SAVE=1: keep the new figures)
	@npm run --silent bench:quick -- $(if $(SAVE),--save)

.PHONY: slowhttptest
slowhttptest: setup ## Slow heads, bodies and readers: 1,000 each, for half a minute (Debian's slowhttptest)
	@command -v slowhttptest >/dev/null || apt-get install -y slowhttptest >/dev/null
	@$(in_venv) bench/slowhttptest.sh

.PHONY: matrix
matrix: setup ## Every Python × framework × library; writes docs/compatibility.md (PYTHONS="…" FRAMEWORKS="…": those only)
	@npm run --silent matrix

## The rest
.PHONY: h2spec format docs clean help
h2spec: setup ## HTTP/2's conformance, against docs/http2.md; compiles h2spec with Go where it isn't there
	$(in_venv) scripts/h2spec.sh

format: setup ## Write everything in the house's format
	npm run --silent format
	$(in_venv) ruff format --quiet python scripts

docs: setup ## Write the generated pages
	npm run --silent docs

clean: ## Take away what was built; node_modules and .venv stay
	rm -rf dist coverage node_modules/.cache tsconfig.tsbuildinfo .mypy_cache .ruff_cache python/.mypy_cache python/.ruff_cache

help: ## This list
	@awk -F ':.*## ' '/^## /{print "\n" substr($$0, 4)} /^[a-z0-9-]+:.*## /{printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
