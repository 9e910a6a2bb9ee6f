# `make` alone lists the targets. Two matter to a newcomer: `make run` and `make test`.

VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= python3
MEMBERS := libs/common services/auth services/billing services/cards services/gateway tools/cartulary tools/stripe_twin
SOURCES := libs services tools tests bench deploy conftest.py
COMPOSE ?= $(shell docker compose version >/dev/null 2>&1 && echo docker compose || echo docker-compose)
PREPARED := auth billing cards
ALL_INTEGRATION := tests/end_to_end tests/faults tools/cartulary/tests services/cards/tests/over_http \
  $(addprefix services/billing/tests/,catalogue money numbering twin)
EDITABLE := $(addprefix -e ,$(MEMBERS))

# What a machine forbids (containers often do) would be compiled anew by each of hundreds of processes.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help run seed events env up down logs check test test-compose faults bench docs format lock clean

help: ## list these targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

# The locks carry hashes and no addresses, so any mirror serves them. A stamp per lock: a change installs again.
$(VENV)/.runtime: requirements.lock $(addsuffix /pyproject.toml,$(MEMBERS))
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation $(EDITABLE)
	@touch $@

$(VENV)/.development: $(VENV)/.runtime requirements-dev.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@

$(VENV)/.bench: $(VENV)/.development requirements-bench.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-bench.lock
	@touch $@

run: $(VENV)/.runtime ## set up and start everything in one process (PORT=8080, VAR_DIR=var)
	@$(BIN)/cartulary run

seed: $(VENV)/.runtime ## make the demo company (the first `make run` does it by itself)
	@$(BIN)/cartulary seed

events: $(VENV)/.runtime ## follow what is recorded, service by service
	@$(BIN)/cartulary events tail

check: $(VENV)/.development ## format, lint, types, boundaries, rules and contracts: under a minute
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/mypy
	$(BIN)/lint-imports
	@for member in $(MEMBERS); do (cd $$member && $(CURDIR)/$(BIN)/deptry src --no-ansi --extend-exclude migrations --extend-exclude testing) || exit 1; done
	$(BIN)/pytest -m "not integration" $(addprefix --ignore=,$(ALL_INTEGRATION)) --hypothesis-profile=quick -n 2 --dist loadfile

# Three files at a time, each runner with servers of its own: most tests wait for a disk or for another process.
test: $(VENV)/.development ## everything, with real PostgreSQL and RabbitMQ: under ten minutes
	$(BIN)/pytest -n 3 --dist loadfile

env: ## secrets for `make up` in .env; what is there stays
	@$(PYTHON) deploy/make_env.py .env

# The new version migrates first: where that fails, what runs is left as it is.
up: env ## build the images and start everything in containers
	$(COMPOSE) build
	@for service in $(PREPARED); do $(COMPOSE) run --rm $$service-prepare || exit 1; done
	$(COMPOSE) up --detach --remove-orphans

down: ## stop the containers; their data stays
	$(COMPOSE) down --remove-orphans

logs: ## follow what the containers say
	$(COMPOSE) logs --follow --tail=20

# A Docker engine is needed; OFFLINE_IMAGES=path/to/build makes stand-ins for the public images first.
test-compose: $(VENV)/.development ## build the images and run journeys through the composed system
	$(if $(OFFLINE_IMAGES),$(OFFLINE_IMAGES))
	COMPOSE="$(COMPOSE)" $(BIN)/pytest tests/composed -p no:cacheprovider

FAULTS_SECONDS ?= 600
FAULTS_SEED ?= $(shell date +%s)

faults: $(VENV)/.development ## ten minutes of kills, cuts and restarts under load (FAULTS_SECONDS=600, FAULTS_SEED=)
	FAULTS_SECONDS=$(FAULTS_SECONDS) FAULTS_SEED=$(FAULTS_SEED) $(BIN)/pytest tests/faults services/billing/tests/numbering

bench: $(VENV)/.bench ## measure against limits and peers (NAMES="appends relay" for some of it)
	$(BIN)/python -m bench $(NAMES) --json bench/latest.json

docs: $(VENV)/.development ## write what is made from code: messages between services, recorded interfaces
	$(BIN)/cartulary docs
	$(BIN)/python -m tests.contract.test_openapi

format: $(VENV)/.development ## format and sort what you changed
	$(BIN)/ruff format $(SOURCES)
	$(BIN)/ruff check --fix $(SOURCES)

lock: $(VENV)/.development ## resolve the dependencies anew into the lock files
	$(BIN)/uv pip compile -q --universal --generate-hashes --python-version 3.11 --no-header --no-annotate \
	  $(addprefix --no-emit-package ,$(notdir $(MEMBERS))) $(addsuffix /pyproject.toml,$(MEMBERS)) \
	  --all-extras --group build -o requirements.lock
	$(BIN)/uv pip compile -q --universal --generate-hashes --python-version 3.11 --no-header --no-annotate \
	  -c requirements.lock --group dev -o requirements-dev.lock
	$(BIN)/uv pip compile -q --universal --generate-hashes --python-version 3.11 --no-header --no-annotate \
	  -c requirements.lock -c requirements-dev.lock --group bench -o requirements-bench.lock

clean: ## remove the environment and all data of the embedded run
	rm -rf $(VENV) var
