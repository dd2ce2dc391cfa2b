# The commands of this repository. `make up` needs make and Python 3.11 to 3.13, nothing else.
PYTHON ?= python3
VENV := .venv/bin
BOOTSTRAP = $(PYTHON) -I infra/local/bootstrap.py $(if $(filter file,$(origin PYTHON)),,--exactly)
LOCAL := $(VENV)/python -m infra.local
PYTEST := $(VENV)/python -m pytest
# CI's machine may be shared, so up to five tests are repeated once there; each is printed with its error.
RERUNS := $(if $(CI),--reruns 1 --max-suite-reruns 5 --rerun-show-tracebacks)
# Tests of load, and those that break or change the stack, run alone; all others, which often wait, run beside each other.
ALONE := tests/e2e/histories tests/e2e/operations tests/e2e/api/test_sessions.py
# Three files at a time: what the tests of a file share is made once. Folders with files of a minute come first.
BY_FILE := -n 3 --dist loadfile
SLOWEST := --durations=20 --durations-min=4
# SHARE=0.5: the tests, and the cloud they start, have half of each core
HELD := $(if $(SHARE),$(VENV)/python -m perf.starts.held $(SHARE))
ENV ?= dev
FUNCTION ?=
STACK ?= secureconnect-local
AGAINST ?=
SLOW ?=
ANYWAY ?=
EJABBERD ?=
SEED ?=
export SAM_CLI_TELEMETRY := 0

.DEFAULT_GOAL := help
.PHONY: help venv up down reset status watch logs test fuzz conformance check sbom demo chaos drill load perf compare evaluate versions build checkov deploy openapi rights web reindex format

help: ## show this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

# Targets that may change the installed packages depend on venv; those that only read or stop something do not.
venv:
	@$(BOOTSTRAP)

$(VENV)/python:
	@$(BOOTSTRAP)

up: venv ## start the local cloud, deploy into it, wait until it is ready; repeat it after a change
	@$(LOCAL) up

down: $(VENV)/python ## stop the local cloud, keep its data
	@$(LOCAL) down

reset: $(VENV)/python ## stop the local cloud, delete its data
	@$(LOCAL) reset

status: $(VENV)/python ## show which servers run, and their addresses
	@$(LOCAL) status || true

watch: $(VENV)/python ## show health, activity, cost and problems in the terminal, continuously; the address of a page with plots
	@$(LOCAL) status --watch

logs: $(VENV)/python ## show recent log events of all functions, or of FUNCTION=Name
	@$(LOCAL) logs $(FUNCTION)

test: venv ## run every test that needs no cloud account, the end-to-end tests on an instance of their own (SHARE=0.5: on half of each core)
	@code=0; \
	$(HELD) $(PYTEST) $(BY_FILE) --no-loadscope-reorder $(RERUNS) $(SLOWEST) $(wildcard tests/versions tests/infra tests/integration tests/field tests/unit) || code=$$?; \
	$(VENV)/python -m infra.web --run test sizes || code=$$?; \
	$(HELD) $(LOCAL) --instance test run sh -c \
		"$(PYTEST) $(RERUNS) $(SLOWEST) $(ALONE); alone=\$$?; $(PYTEST) $(BY_FILE) $(RERUNS) $(SLOWEST) tests/e2e $(ALONE:%=--ignore=%); others=\$$?; \
		SC_ALL_HAVE_RUN=1 $(PYTEST) tests/e2e/api/test_whole_api.py; whole=\$$?; \
		$(VENV)/python -m infra.local.rights --show test && exit \$$((alone ? alone : others ? others : whole))" || code=$$?; \
	exit $$code

fuzz: venv ## test every parser of external input with 50 times as many examples (5 min)
	$(PYTEST) --hypothesis-profile deep tests/unit/parsers tests/unit/kernel tests/unit/keys tests/unit/drive tests/unit/messages tests/unit/search

versions: venv ## test this version with the previous one on the same tables (AGAINST=… for another; a minute)
	AGAINST=$(AGAINST) $(PYTEST) -rs tests/versions

conformance: venv ## test every route against the API document, with 10 times as many calls (SEED=… repeats a run)
	@SC_EXAMPLES=30 SC_SEED=$(or $(SEED),$(shell date +%s)) $(LOCAL) --instance test run $(PYTEST) tests/e2e/api/test_schemathesis.py

sbom: venv ## write bills of materials (CycloneDX) of layers and web client into .local/sbom
	@$(VENV)/python -m infra.building.sbom .local/sbom

check: venv ## check style, types, templates, imports, secrets, known vulnerabilities
	$(VENV)/ruff check .
	$(VENV)/ruff format --check .
	$(VENV)/mypy
	$(VENV)/python -m infra.documents --check
	$(VENV)/python -m infra.generate
	$(VENV)/cfn-lint template.yaml infra/*.yaml
	$(VENV)/sam validate --lint
	$(if $(wildcard tests/unit/test_imports.py),$(PYTEST) tests/unit/test_imports.py)
	$(VENV)/python -m infra.local.secrets
	$(VENV)/python -m infra.local.audit layers/*/requirements.txt
	$(VENV)/python -m infra.web --run typecheck

checkov: venv ## show Checkov's findings in production's templates without an accepted reason (own environment, first run 2 min)
	@$(VENV)/python -m infra.local.checkov

rights: venv ## check the functions' rights in the tests' running local cloud for refused calls and unused rights (docs/develop.md)
	@$(VENV)/python -m infra.local.rights test

format: venv ## format the code
	$(VENV)/ruff format .
	$(VENV)/ruff check --fix .

demo: venv ## run a guided tour of the running local cloud
	@$(VENV)/python -m demo

perf: venv ## measure the running local cloud (6 min; SLOW=1: 24 min); AGAINST=REVISION: compare CPU time per call with that commit
	@$(VENV)/python -m perf $(if $(SLOW),--slow) $(if $(AGAINST),--against $(AGAINST))

compare: venv ## compare a local cloud of its own with Synapse, in alternation (10 min); ANYWAY=1: a verdict on a busy machine, too
	@$(LOCAL) --instance test run -- $(VENV)/python -m perf.compare $(if $(ANYWAY),--disturbed) $(if $(EJABBERD),--ejabberd)

load: venv ## run an open-loop load of 1, 2 and 4 times the capacity of a local cloud of its own (5 min)
	@SC_QUOTA=$${SC_QUOTA:-16} $(VENV)/python -m infra.local --instance test run -- $(VENV)/python -m perf --only load

chaos: venv ## inject faults into dependencies, and check what clients observe (15 min; SEED=… repeats a run)
	@$(VENV)/python -m tests.chaos $(if $(SEED),--seed $(SEED))

drill: venv ## destroy and restore the data of a local stack: measures lost data and duration (R47)
	@$(VENV)/python -m tests.drill

evaluate: venv ## measure the quality of AI help without a network, on the chats of evaluation/
	@PYTHONPATH=layers/shared:functions $(VENV)/python -m evaluation

web: venv ## build the web client and publish it to STACK in AWS, after make deploy
	@$(VENV)/python -m infra.web --stack $(STACK)

reindex: venv ## rebuild the search index of STACK from its log (docs/runbooks/search.md)
	@$(VENV)/python -m infra.reindex --stack $(STACK)

openapi: venv ## write the API documents after a change of routes
	@$(VENV)/python -m infra.documents

# Parameters are those of samconfig.toml and PARAMETERS; a deployment keeps the others of its stack. Layers are built for
# the PythonRuntime and the Architecture among them.
GIVEN = parameters="$$($(VENV)/python -m infra.local.parameters $(KEPT) $(ENV)) $(PARAMETERS)"
RUNTIME = $$($(VENV)/python -m infra.local.parameters --value PythonRuntime $$parameters)
MACHINE = $$($(VENV)/python -m infra.local.parameters --value Architecture $$parameters | sed s/arm64/aarch64/)
SAM = PATH=$(abspath $(VENV)):$$PATH LAYER_PYTHON=$(abspath $(VENV)/python) PYTHON_VERSION=$${runtime\#python} LAYER_MACHINE=$${machine} \
	LAYER_CACHE=$(abspath .local/cache/layers) sam
PARAMETERS ?=
# SAM builds with the interpreter that is given here: this machine may not have the runtime's
RUNNING = $$($(VENV)/python -c 'import sys; print("python%d.%d" % sys.version_info[:2])')

build: venv ## build for ENV (default dev)
	@$(VENV)/python -m infra.generate
	@$(GIVEN) && runtime=$(RUNTIME) machine=$(MACHINE) && set -x && \
	$(SAM) build --config-env $(ENV) --parameter-overrides $$parameters PythonRuntime=$(RUNNING)
	@$(GIVEN) && $(VENV)/python -m infra.forms .aws-sam/build $$parameters
	@$(GIVEN) && $(VENV)/python -m infra.building.wheels .aws-sam/build $(RUNTIME)
	@$(GIVEN) && $(VENV)/python -m infra.building.precompile .aws-sam/build $(RUNTIME)

deploy: KEPT = --kept
deploy: build ## build and deploy into the AWS account of your credentials: ENV=dev, PARAMETERS="Key=value ..."
	@$(GIVEN) && $(VENV)/python -m infra.reservations $(ENV) $$parameters
	@$(GIVEN) && $(VENV)/python -m infra.costs $(ENV) $$parameters
	@$(GIVEN) && runtime=$(RUNTIME) machine=$(MACHINE) && set -x && \
	$(SAM) deploy --config-env $(ENV) --parameter-overrides $$parameters
