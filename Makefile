# Everything that a developer or CI runs. Each target does its own set-up; nothing needs root.
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
export PYTHONDONTWRITEBYTECODE := 1
BIN := .venv/bin

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: setup
setup: ## Python environment, Node and Azurite, below this folder; cached
	@sh scripts/setup.sh

.PHONY: demo
demo: setup ## watch a Docker Hub 429 become a cache rule that a pull goes through
	@$(BIN)/python -m sandbox.demo

.PHONY: up
up: setup ## the app and the whole sandbox, until Ctrl-C; MODE=approve asks a person first
	@$(BIN)/python -m sandbox.up $(if $(MODE),--mode $(MODE))

.PHONY: test
test: setup ## all tests
	@$(BIN)/pytest --cov --cov-report=term:skip-covered

.PHONY: nightly
nightly: setup ## what `make test` does in small: state machines in long orders, ten thousand deliveries to four hosts
	@TEST_PROFILE=nightly $(BIN)/pytest -n 0 tests/unit/application/test_rotation_machine.py \
		tests/integration/test_rotation_machine_over_the_sandbox.py tests/e2e/test_storm.py

.PHONY: lint
lint: setup ## ruff, mypy, import contracts, drift of generated files
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache
	@$(BIN)/python scripts/generate_references.py --check
	@sh scripts/export_requirements.sh --check

.PHONY: generate
generate: setup ## write the generated references and requirements.txt again
	@$(BIN)/python scripts/generate_references.py
	@sh scripts/export_requirements.sh

.PHONY: gallery
gallery: setup ## draw every notice and the console into docs/gallery; needs Chromium
	@$(BIN)/python -m scripts.gallery

.PHONY: format
format: setup ## format and fix what can be fixed
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

.PHONY: bench
bench: setup ## measure the numbers of the README, as ratios in one run
	@$(BIN)/python -m tests.bench

.PHONY: check
check: lint test ## exactly what CI runs

.PHONY: clean
clean: ## remove what set-up and runs have made
	rm -rf .venv var .cache sandbox/azurite/node_modules tests/kql/node_modules tests/browser/node_modules scripts/gallery/node_modules .mypy_cache .ruff_cache .pytest_cache .hypothesis
