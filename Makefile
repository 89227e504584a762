# SPDX-License-Identifier: GPL-2.0-or-later
# Everything works in a fresh clone; PYTHON=... chooses the interpreter of .venv.

PYTHON ?= $(shell tests/support/choose-python.sh)
VENV := .venv
BIN := $(VENV)/bin
SOURCES := $(shell find native -name '*.[ch]' -o -name '*.lds' -o -name '*.py' 2>/dev/null)
PACKAGES := tests/support/install-packages.sh
PYTEST := $(BIN)/python -m pytest
# For two cores: tests also wait, for processes and for time-outs.
WORKERS ?= 3
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help build tools man bundle demo test test-long sanitize check bench clean

help: ## show this list
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 20

build: $(VENV)/.built bin/interpose bin/interpose_run bin/interpose_parrot_run ## build all into .venv and bin

$(BIN)/python:
	@$(PYTHON) -c 'import ensurepip, sys; sys.exit(sys.version_info < (3, 9))' || \
	  { echo 'needs Python 3.9 or later with venv (Debian: apt install python3-venv' \
	    'python3-dev gcc)' >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.built: setup.py pyproject.toml $(SOURCES) | $(BIN)/python
	$(BIN)/python -m pip install -q 'pip>=21.3' 'setuptools>=64' wheel 'cffi>=1.15'
	$(BIN)/python -m pip install -q --no-build-isolation -e .
	@touch $@

# A folder for PATH: a job must not get our python3 and pip with the two commands.
bin/interpose bin/interpose_run bin/interpose_parrot_run: | $(VENV)/.built
	@mkdir -p bin && ln -sfn ../$(BIN)/$(@F) $@

man: build tools ## make man pages and completions in docs/share/ anew
	$(BIN)/python -m tests.support.manual

bundle: dist/interpose_run ## make dist/interpose_run, one file that needs nothing else

# Hashes of names, and so orders in what is packed, are the same each time.
dist/interpose_run: setup.py pyproject.toml $(SOURCES) \
    $(shell find interpose -name '*.py') | $(VENV)/.built
	env -u PYTHONPATH -u PYTHONHOME PYTHONHASHSEED=0 $(BIN)/python -B \
	  native/bundle/collect.py $@

# What only tests and checks need.
tools: $(VENV)/.tools
$(VENV)/.tools: pyproject.toml | $(VENV)/.built
	$(BIN)/python -m pip install -q --no-build-isolation -e '.[test]'
	@touch $@

demo: build ## publish, serve and run a small repository
	@examples/demo.sh

test: ## run the tests; as root: once as root, once as an unprivileged user
	@$(PACKAGES)
	@PYTHON='$(PYTHON)' tests/support/run-suite.sh -n $(WORKERS)

test-long: ## run the tests that take longer
	@$(PACKAGES) long
	@PYTHON='$(PYTHON)' tests/support/run-suite.sh -n $(WORKERS) -m long
	INTERPOSE_FORCE_FALLBACK=all $(PYTEST) -q -n $(WORKERS)
	INTERPOSE_FASTPATH=0 $(PYTEST) -q -n $(WORKERS)
	INTERPOSE_FASTPATH_AFTER=1 $(PYTEST) -q -n $(WORKERS)
	INTERPOSE_FASTPATH_AFTER=1 INTERPOSE_FASTPATH_LEAVE=60 $(PYTEST) -q -n $(WORKERS)

sanitize: build tools ## run what runs C code with the compiler's checks
	@$(PACKAGES)
	tests/support/run-sanitized.sh -q -n $(WORKERS)

check: build tools ## format, lint, types, floors, sizes, C warnings
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	find native tests benchmarks -name '*.[ch]' | xargs -r clang-format --dry-run -Werror
	tests/support/compile-strict.sh
	$(PYTEST) -q tests/unit/test_house.py

bench: build tools ## measure beside native: a table, a picture, JSON (BENCH=--help)
	$(BIN)/python -m benchmarks.run $(BENCH)

clean: ## remove all that was built
	rm -rf $(VENV) bin build dist *.egg-info interpose/_native.c interpose/_native*.so
	rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
