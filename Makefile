# `make` alone says what there is. Everything lands in .venv and .services; `make clean` removes both.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= $(shell for p in python3 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))' 2>/dev/null && echo $$p && break; done)
N ?= 50
LOCK = .venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
	--extra fast --custom-compile-command 'make lock' pyproject.toml
PIP = .venv/bin/python -m pip --disable-pip-version-check install --quiet

.PHONY: help demo test lint crash bench services lock clean

help: ## what there is to make
	@grep -hE '^[a-z]+:.*## ' Makefile | sed -E 's/^([a-z]+):.*## /\1\t/' | expand -t 10

demo: .venv/.runtime ## a generated network becomes live features; no broker, no Redis needed
	@.venv/bin/headrace demo

test: lint services ## every test, against a real Kafka and a real Redis
	@.venv/bin/python -m pytest -n 2 --dist loadfile

lint: .venv/.dev ## linter, formatter, type checker
	@.venv/bin/ruff check
	@.venv/bin/ruff format --check
	@.venv/bin/mypy

crash: .venv/.dev services ## kill -9 at N random moments, with rescaling and restarts (N=50)
	@.venv/bin/python -m pytest tests/crash --crashes=$(N) --timeout=0

bench: .venv/.dev services ## throughput, CPU, memory, beside the bare consumer in the same run
	@.venv/bin/python -m bench

services: .venv/.dev ## the Kafka, Redis, Java and Node that tests need
	@tests/services/install.sh

lock: .venv/.dev ## choose the newest versions again, for Python 3.11 and 3.12
	@$(LOCK) --upgrade --group build --output-file requirements.lock
	@$(LOCK) --upgrade --group dev --constraint requirements.lock --output-file requirements-dev.lock

clean: ## remove what was installed or built here
	@rm -rf .venv .services .headrace dist .mypy_cache .ruff_cache .pytest_cache .hypothesis

# A stamp is written last, so that an environment which was interrupted half-way is made again.
.venv/.made:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or 3.12 is needed: make PYTHON=/path/to/python3.12" >&2; exit 2; }
	@rm -rf .venv
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || tests/services/install.sh python3-venv
	@$(PYTHON) -m venv .venv || { rm -rf .venv; exit 1; }
	@touch $@

.venv/.runtime: .venv/.made requirements.lock pyproject.toml
	@echo "installing what headrace needs into .venv"
	@$(PIP) --require-hashes -r requirements.lock
	@$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

.venv/.dev: .venv/.runtime requirements-dev.lock
	@echo "installing what its tests need into .venv"
	@$(PIP) --require-hashes -r requirements-dev.lock
	@touch $@
