# The commands of this repository. `make up` needs nothing but make and Python 3.11 to 3.13.
PYTHON ?= python3
VENV := .venv/bin
LOCAL := $(VENV)/python -m infra.local
ENV ?= dev
FUNCTION ?=
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export SAM_CLI_TELEMETRY := 0

.PHONY: help up down reset status logs test check demo perf build deploy openapi format venv
.DEFAULT_GOAL := help

help: ## this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

venv:
	@$(PYTHON) -I infra/local/bootstrap.py

up: venv ## start the local cloud, deploy into it, wait until it is ready; again after a change
	@$(LOCAL) up

down: venv ## stop the local cloud, keep its data
	@$(LOCAL) down

reset: venv ## stop the local cloud, wipe its data
	@$(LOCAL) reset

status: venv ## what runs, and where
	@$(LOCAL) status

logs: venv ## recent log events of all functions, or of FUNCTION=Name
	@$(LOCAL) logs $(FUNCTION)
