# Everything that Palaver needs on a machine is installed from here. Only git, python3 (3.11 or newer) and make are assumed.
PYTHON ?= python3
BIN := .venv/bin
SRC := src tests bench

.PHONY: help setup serve test fuzz check lint format bench screenshots clean

help:  ## Say what can be made
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: .venv/.developing  ## Make .venv with everything that serving and testing need

.venv/.serving: pyproject.toml scripts/environment.sh
	@bash scripts/environment.sh "$(PYTHON)" serving
	@touch $@

.venv/.developing: pyproject.toml scripts/environment.sh scripts/servers.sh scripts/clients.sh scripts/typescript.sh $(wildcard tests/compat/clients/*.txt)
	@bash scripts/environment.sh "$(PYTHON)" developing
	@touch .venv/.serving $@

serve: .venv/.serving  ## Start the server on http://127.0.0.1:8000
	@$(BIN)/palaver serve

test: setup  ## Run every test and show the coverage
	@$(BIN)/python -m pytest -q -n 2 --dist loadgroup --cov --cov-report=term:skip-covered

fuzz: setup  ## Try every property with examples that no run has seen yet
	@$(BIN)/python -m pytest -q -n 2 --dist loadgroup -m hypothesis --hypothesis-profile=fuzz

check: lint  ## Run what a reviewer would otherwise have to
	@$(BIN)/python -m pytest -q -n 2 tests/unit tests/docs

lint: setup  ## Check format, style, types and imports: what needs no test
	@$(BIN)/ruff format --check $(SRC)
	@$(BIN)/ruff check $(SRC)
	@$(BIN)/mypy
	@$(BIN)/pyright
	@$(BIN)/lint-imports
	@bash scripts/check_page.sh

format: setup  ## Let ruff write the code as it checks it
	@$(BIN)/ruff format $(SRC)
	@$(BIN)/ruff check --fix $(SRC)

bench: setup  ## Measure, with the peers side by side in one run
	@$(BIN)/python -m pip install -q --group bench
	@$(BIN)/python -m bench

screenshots: setup  ## Make the pictures of the web page in docs/pictures
	@$(BIN)/python scripts/screenshots.py

clean:  ## Remove what was made
	@rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .coverage* htmlcov
