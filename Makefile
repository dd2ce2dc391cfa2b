# The commands of this repository. `make up` needs make and Python 3.11 to 3.13, nothing else.
PYTHON ?= python3
VENV := .venv/bin
BOOTSTRAP = $(PYTHON) -I infra/local/bootstrap.py $(if $(filter file,$(origin PYTHON)),,--exactly)
LOCAL := $(VENV)/python -m infra.local
PYTEST := $(VENV)/python -m pytest
# In CI, whose machine others may share, up to five tests are tried once more; each is printed with what went wrong.
RERUNS := $(if $(CI),--reruns 1 --max-suite-reruns 5 --rerun-show-tracebacks)
# Tests of load, and those that break the stack, have it to themselves; of the others, which mostly wait, two run at once.
ALONE := tests/e2e/histories $(addprefix tests/e2e/test_,alarms.py bulkheads.py chaos.py restore_drill.py runbooks.py)
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

help: ## this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

# Every target that may change what is installed goes through venv; those that only look or stop do not.
venv:
	@$(BOOTSTRAP)

$(VENV)/python:
	@$(BOOTSTRAP)

up: venv ## start the local cloud, deploy into it, wait until it is ready; again after a change
	@$(LOCAL) up

down: $(VENV)/python ## stop the local cloud, keep its data
	@$(LOCAL) down

reset: $(VENV)/python ## stop the local cloud, wipe its data
	@$(LOCAL) reset

status: $(VENV)/python ## what runs, and where
	@$(LOCAL) status || true

watch: $(VENV)/python ## status --watch: is it well, what does it do and cost, what is to be done; a page with plots
	@$(LOCAL) status --watch

logs: $(VENV)/python ## recent log events of all functions, or of FUNCTION=Name
	@$(LOCAL) logs $(FUNCTION)

test: venv ## every test that needs no cloud account; the end-to-end ones on an instance of their own
	@code=0; \
	$(PYTEST) -n 2 $(RERUNS) $(wildcard tests/unit tests/integration tests/field tests/infra tests/versions) || code=$$?; \
	$(VENV)/python -m infra.web --run test sizes || code=$$?; \
	$(LOCAL) --instance test run sh -c \
		"$(PYTEST) $(RERUNS) $(ALONE); alone=\$$?; $(PYTEST) -n 2 --dist loadfile $(RERUNS) tests/e2e $(ALONE:%=--ignore=%) && exit \$$alone" || code=$$?; \
	exit $$code

fuzz: venv ## every parser of what comes from outside, with 50 times as many examples (5 min)
	$(PYTEST) --hypothesis-profile deep tests/unit/parsers tests/unit/kernel tests/unit/keys tests/unit/drive tests/unit/messages tests/unit/search

versions: venv ## this version beside the one before, over the same tables (AGAINST=… for another; a minute)
	AGAINST=$(AGAINST) $(PYTEST) -rs tests/versions

conformance: venv ## every route as its document says, with 10 times as many calls (SEED=… repeats a run)
	@SC_EXAMPLES=30 SC_SEED=$(or $(SEED),$(shell date +%s)) $(LOCAL) --instance test run $(PYTEST) tests/e2e/test_schemathesis.py

sbom: venv ## bills of materials (CycloneDX) of layers and web client, into .local/sbom
	@$(VENV)/python -m infra.sbom .local/sbom

check: venv ## style, types, templates, imports, secrets, known vulnerabilities
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

checkov: venv ## what Checkov finds in production's templates and nobody has a reason for (its own environment, once 2 min)
	@$(VENV)/python -m infra.local.checkov

rights: venv ## what functions of the tests' running local cloud were refused, and which of their rights nobody used
	@$(VENV)/python -m infra.local.rights test

format: venv ## put the code into shape
	$(VENV)/ruff format .
	$(VENV)/ruff check --fix .

demo: venv ## a guided tour of the running local cloud
	@$(VENV)/python -m demo

perf: venv ## measure the running local cloud (6 min; SLOW=1: 20 min); AGAINST=REVISION: CPU per call beside that commit's
	@$(VENV)/python -m perf $(if $(SLOW),--slow) $(if $(AGAINST),--against $(AGAINST))

compare: venv ## the local cloud beside Synapse, in turn, on one of its own (10 min); ANYWAY=1: a verdict though others work
	@$(LOCAL) --instance test run -- $(VENV)/python -m perf.compare $(if $(ANYWAY),--disturbed) $(if $(EJABBERD),--ejabberd)

load: venv ## an open-loop mix at 1, 2 and 4 times what a local cloud of its own can take (5 min)
	@SC_QUOTA=$${SC_QUOTA:-16} $(VENV)/python -m infra.local --instance test run -- $(VENV)/python -m perf --only load

chaos: venv ## break what it stands on, and look at what clients see (15 min; SEED=… repeats one)
	@$(VENV)/python -m tests.chaos $(if $(SEED),--seed $(SEED))

drill: venv ## lose the data of a local stack and bring them back: how much is lost, and how long it takes (R47)
	@$(VENV)/python -m tests.drill

evaluate: venv ## how good AI help without a network is, on the chats of evaluation/
	@PYTHONPATH=layers/shared:functions $(VENV)/python -m evaluation

web: venv ## build the web client and publish it to STACK in AWS, after make deploy
	@$(VENV)/python -m infra.web --stack $(STACK)

reindex: venv ## rebuild the search index of STACK from its log (docs/runbooks/search.md)
	@$(VENV)/python -m infra.reindex --stack $(STACK)

openapi: venv ## write the API documents after a change of routes
	@$(VENV)/python -m infra.documents

# layers are built for the deployment's PythonRuntime and Architecture; parameters come from samconfig.toml and from PARAMETERS
RUNTIME = $$($(VENV)/python -m infra.local.parameters --value PythonRuntime $(ENV) $(PARAMETERS))
MACHINE = $$($(VENV)/python -m infra.local.parameters --value Architecture $(ENV) $(PARAMETERS) | sed s/arm64/aarch64/)
SAM = PATH=$(abspath $(VENV)):$$PATH LAYER_PYTHON=$(abspath $(VENV)/python) PYTHON_VERSION=$${runtime\#python} LAYER_MACHINE=$${machine} \
	LAYER_CACHE=$(abspath .local/cache/layers) sam
PARAMETERS ?=
# SAM builds with the interpreter that it is told: the runtime's need not be here
RUNNING = $$($(VENV)/python -c 'import sys; print("python%d.%d" % sys.version_info[:2])')

build: venv ## build for ENV (default dev)
	@$(VENV)/python -m infra.generate
	@parameters=$$($(VENV)/python -m infra.local.parameters $(ENV)) && runtime=$(RUNTIME) machine=$(MACHINE) && set -x && \
	$(SAM) build --config-env $(ENV) --parameter-overrides $$parameters $(PARAMETERS) PythonRuntime=$(RUNNING)
	@$(VENV)/python -m infra.forms .aws-sam/build $$($(VENV)/python -m infra.local.parameters $(ENV)) $(PARAMETERS)
	@$(VENV)/python -m infra.wheels .aws-sam/build $(RUNTIME)
	@$(VENV)/python -m infra.precompile .aws-sam/build $(RUNTIME)

deploy: build ## build and deploy into the AWS account of your credentials: ENV=dev, PARAMETERS="Key=value ..."
	@$(VENV)/python -m infra.reservations $(ENV) $(PARAMETERS)
	@$(VENV)/python -m infra.costs $(ENV) $(PARAMETERS)
	@parameters=$$($(VENV)/python -m infra.local.parameters $(ENV)) && runtime=$(RUNTIME) machine=$(MACHINE) && set -x && \
	$(SAM) deploy --config-env $(ENV) --parameter-overrides $$parameters $(PARAMETERS)
