# vlab: `make demo` shows the lab from nothing to a graded scenario, `make test` proves it.
# Each target sets up what it needs; running one again goes on where it was interrupted.

SHELL := /bin/bash
VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= python3
LAB := vlab-test
# What `make test` may take: what has no time in it of pages and of the gate is printed as "not run".
MINUTES ?= 55
END := $(shell expr $$(date +%s) + 60 '*' $(MINUTES))
SITE := build/site
CHROMIUM := /usr/bin/chromium
BWRAP := /usr/bin/bwrap
ACTIONLINT := build/tools/actionlint
ACTIONLINT_VERSION := v1.7.12

.PHONY: help setup demo test unit browser cluster gate mutate lint types docs clean lock

help: ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(VENV)/.installed ## make the virtual environment

# Renamed into place by pip's own success: an interrupted installation is simply done again.
$(VENV)/.installed: requirements.lock pyproject.toml src/vlab/__init__.py
	@echo "installing vlab's Python packages into $(VENV)" >&2
	@$(PYTHON) -m venv $(VENV) 2>/dev/null || { rm -rf $(VENV); \
		apt-get -qq update && apt-get -qq install -y python3-venv >/dev/null && $(PYTHON) -m venv $(VENV); }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check "$$(grep -o '^uv==[0-9.]*' requirements.lock)"
	@$(BIN)/uv pip sync --quiet --python $(BIN)/python --require-hashes requirements.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --editable .
	@touch $@

demo: setup ## from nothing to a graded scenario: build, up, break, grade, mend, grade, ask
	@$(BIN)/python -m vlab.demo

test: export VLAB_TESTS_END := $(END)
test: setup lint types docs unit browser cluster ## everything, with the real cluster and the real engine

unit: setup $(ACTIONLINT) ## tests that need no cluster and no browser
	$(BIN)/pytest -q -n auto --durations 10 tests --ignore tests/cluster --ignore tests/browser

browser: setup $(CHROMIUM) ## the built site in a browser: links, keyboard, accessibility, print
	$(BIN)/pytest -v -n auto --dist loadgroup tests/browser

# $(1): one of Debian's packages; $(2): what it is for.
define debian
	@echo "installing Debian's $(1), for $(2)" >&2
	@apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install --no-install-recommends -y $(1) >/dev/null
endef

$(CHROMIUM):
	$(call debian,chromium,the tests in a browser)

$(BWRAP):
	$(call debian,bubblewrap,programs in a learner's place)

$(ACTIONLINT): Makefile
	@echo "building actionlint $(ACTIONLINT_VERSION), for the tests of action.yml" >&2
	@GOBIN=$(CURDIR)/$(@D) go install github.com/rhysd/actionlint/cmd/actionlint@$(ACTIONLINT_VERSION)
	@touch $@

gate: setup ## live through every scenario on the cluster tests' lab
	$(BIN)/vlab up --name $(LAB)
	$(BIN)/vlab gate --name $(LAB)

mutate: setup ## what recorded evidence notices when a check is changed; needs no cluster
	$(BIN)/vlab gate --mutate

cluster: setup $(BWRAP) ## tests on a cluster of their own; the first build is one of them
	$(BIN)/pytest -v tests/cluster -o console_output_style=times

lint: setup ## style, and who may import whom
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-logo --no-cache

types: setup ## types of the package
	$(BIN)/mypy

docs: setup ## the site, strictly
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet --site-dir $(SITE)

lock: setup ## resolve requirements.lock anew
	$(BIN)/uv pip compile --quiet pyproject.toml --extra site --group dev --python-version 3.11 \
		--generate-hashes --no-header --no-emit-index-url --no-emit-find-links -o requirements.lock

clean: ## remove what make and the tests made here; the lab and its cache stay (vlab down --purge)
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
