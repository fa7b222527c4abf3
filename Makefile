# make demo    the two shipped answers, from a fresh clone: makes .venv, then writes out/
# make test    linting, types and all tests (what CI runs)
# make bench   side by side with peers; takes minutes
# make clean   remove what these made
# PYTHON=python3.12 after any of them chooses the interpreter that .venv is made with.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
BENCH := .venv-bench
CODE := metabone tests benchmarks datasets
# Twice quiet: only what goes wrong is said.
QUIET := -qq --disable-pip-version-check --no-input
PIP := $(BIN)/python -m pip $(QUIET)
SHELL := /bin/sh

RIGHT_PYTHON = $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
  echo "metabone needs Python 3.11 or later, and $(PYTHON) is $$($(PYTHON) --version 2>&1);" \
       "name another one: make PYTHON=python3.12 ..." >&2; exit 1; }

# An environment that happens to be active must not leak into .venv.
unexport PYTHONHOME PYTHONPATH VIRTUAL_ENV

.PHONY: demo test browser bench clean help
.NOTPARALLEL:
.DEFAULT_GOAL := help

help:
	@sed -n 's/^# \{0,1\}//p;/^$$/q' Makefile

demo: $(VENV)/.demo
	@mkdir -p out
	@$(BIN)/metabone run analyses/unloading.toml -o out/unloading --force
	@echo
	@$(BIN)/metabone run analyses/direction.toml -o out/direction --force
	@echo
	@echo "Open these first:"
	@echo "  out/unloading/summary.md   and the forest plots in out/unloading/figures/"
	@echo "  out/direction/summary.md   and the harvest plot in out/direction/figures/"

test: $(VENV)/.dev browser
	$(BIN)/ruff check --quiet $(CODE)
	$(BIN)/ruff format --quiet --check $(CODE)
	$(BIN)/mypy --no-error-summary
	$(BIN)/pytest -n 2

# The calculator's page is tested in a real browser. Where Debian's may be installed it is; elsewhere
# those tests are left out and say so, but not where CI=true.
browser:
	@for name in chromium chromium-browser google-chrome; do \
	  if command -v $$name >/dev/null; then exit 0; fi; \
	done; \
	if [ "$$(id -u)" = 0 ]; then as_root=; else as_root='sudo -n'; fi; \
	if command -v apt-get >/dev/null && $$as_root true 2>/dev/null; then \
	  echo "Installing chromium (once), which the calculator's tests need ..."; \
	  said=$$({ $$as_root apt-get -qq update; $$as_root env DEBIAN_FRONTEND=noninteractive \
	    apt-get -qq -y --no-install-recommends install chromium; } 2>&1) && exit 0; \
	  echo "$$said" | tail -n 5 >&2; \
	fi; \
	echo "There is no chromium, and it could not be installed." >&2; \
	[ "$$CI" != true ]

# The peers live in an environment of their own, so that nothing of them can be used by mistake.
bench: $(BENCH)/.made browser
	@for script in benchmarks/*.py; do $(BENCH)/bin/python "$$script" || exit 1; done

clean:
	rm -rf $(VENV) $(BENCH) out/unloading out/direction dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(VENV)/.made:
	@$(RIGHT_PYTHON)
	@echo "Making $(VENV) (once; takes a minute or two) ..."
	@$(PYTHON) -m venv $(VENV)
	@touch $@

$(BENCH)/.made: pyproject.toml
	@$(RIGHT_PYTHON)
	@echo "Making $(BENCH) (once; takes a minute or two) ..."
	@$(PYTHON) -m venv $(BENCH)
	@$(BENCH)/bin/python -m pip $(QUIET) install -e . pymare pimeta playwright
	@touch $@

$(VENV)/.demo: pyproject.toml $(VENV)/.made
	@$(PIP) install -e '.[excel]'
	@touch $@

# What the tests need includes what the demo needs.
$(VENV)/.dev: pyproject.toml $(VENV)/.made
	@$(PIP) install -e '.[dev]'
	@touch $(VENV)/.demo $@
