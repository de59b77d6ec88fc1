# `make` alone lists the targets. Set-up is two commands: make serve, make test. Everything lives in .venv, which is
# made anew only when requirements.txt changed: the stamp's name carries the checksum of what is installed.

PYTHON ?= python3
HOST ?= 127.0.0.1
PORT ?= 5000
WORLDS ?= 5000
CONVERSATIONS ?= 2000

# A CardDAV client for tests, in JavaScript; left out where npm is missing.
TSDAV := 2.3.4

BIN := .venv/bin
STAMP := .venv/installed-$(firstword $(shell cksum < requirements.txt))
DEV_STAMP := $(STAMP)-$(firstword $(shell cksum < requirements-dev.txt))-$(TSDAV)
BENCH_STAMP := $(STAMP)-bench-$(firstword $(shell cksum < requirements-bench.txt))
# One process more than cores: a test on a database server waits for the disk much of its time.
ON_ALL_CORES := -n $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1) --dist worksteal
PIP := $(BIN)/pip --disable-pip-version-check --quiet

.PHONY: help install install-dev serve test test-all lint format bench screenshots proof clean

help: ## List these targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

install: $(STAMP) ## Install what the server needs into .venv

install-dev: $(DEV_STAMP) ## Install what tests need as well

$(STAMP):
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("offbook needs Python 3.11 or newer: make PYTHON=python3.11")'
	$(PYTHON) -m venv --clear .venv
	$(PIP) install -r requirements.txt -e .
	@touch $@

$(DEV_STAMP): $(STAMP)
	$(PIP) install -r requirements-dev.txt
	@! command -v npm >/dev/null || npm install --prefix .venv/tsdav --silent --no-audit --no-fund --ignore-scripts tsdav@$(TSDAV)
	@touch $@

$(BENCH_STAMP): $(STAMP)
	$(PIP) install -r requirements-bench.txt
	@touch $@

serve: $(STAMP) ## Migrate the database and serve on http://127.0.0.1:5000 (HOST=, PORT=)
	$(BIN)/flask db upgrade
	HOST=$(HOST) PORT=$(PORT) exec $(BIN)/python asgi.py

# Compiled modules are kept even where the shell says otherwise: each of a dozen processes would compile them all again.
test test-all: export PYTHONDONTWRITEBYTECODE :=
test: export HYPOTHESIS_PROFILE ?= fast
test: $(DEV_STAMP) ## Test every feature on SQLite, in two and a half minutes (ARGS="-k login" for some tests)
	$(BIN)/pytest $(ON_ALL_CORES) -m "not slow" $(ARGS)

# The core's cases cover it whole, branches included; all others run untraced, which is three times as fast.
# A test runs on SQLite and, by turns, on one of the database servers; OFFBOOK_SERVERS_BY_TURNS= runs it on each.
test-all: export OFFBOOK_SERVERS_BY_TURNS ?= 1
test-all: $(DEV_STAMP) ## Test all of it, on the engines that are here by turns, and the core's coverage
	@$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest $(ON_ALL_CORES) tests/core tests/contacts $(ARGS)
	@$(BIN)/coverage combine --quiet
	$(BIN)/coverage report
	$(BIN)/pytest $(ON_ALL_CORES) --ignore tests/core --ignore tests/contacts $(ARGS)

lint: $(DEV_STAMP) ## Check style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(DEV_STAMP) ## Format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(BENCH_STAMP) ## Measure speed
	$(BIN)/python -m bench

screenshots: $(DEV_STAMP) ## Take every page, empty, full and faulty, on eleven kinds of screen, into screenshots/ (ARGS="--only phone-dark/")
	$(BIN)/python -m tests.browser.screenshots $(ARGS)

# The same merge properties, simulations and conversations as in the suite, as many as one likes: make proof WORLDS=100000
proof: $(DEV_STAMP) ## Run every test on every engine, then merge properties and simulations for long (WORLDS=5000)
	$(BIN)/pytest $(ON_ALL_CORES) $(ARGS)
	HYPOTHESIS_PROFILE=nightly OFFBOOK_WORLDS=$(WORLDS) OFFBOOK_GROWTH_WORLDS=$(WORLDS) OFFBOOK_CONVERSATIONS=$(CONVERSATIONS) $(BIN)/pytest -m proof $(ARGS)

clean: ## Remove .venv and all caches
	rm -rf .venv .coverage* .hypothesis .mypy_cache .pytest_cache .ruff_cache build dist *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
