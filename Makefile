# What people type. `make help` lists it. Needs Python 3.11 or newer with venv; everything else is installed into folders of its own.
PYTHON ?= python3
MODEL := $(CRONOCAST_MODEL)
comma := ,
# Extras that the demo needs: the light models, and the image's extra of a heavy one if asked for.
DEMO_EXTRAS := run linear $(filter lstm,$(MODEL))
DEMO := .venv/installed-$(subst $() ,-,$(strip $(DEMO_EXTRAS)))
DEV := .venv-dev/installed
# lstm-gpu is left out: its TensorFlow takes the place of the other one. So is pretrained: torch brings 4 GB of CUDA.
EXTRAS := $(filter-out lstm-gpu pretrained,$(shell sed -n '/^\[project.optional-dependencies\]/,/^\[/s/^\([a-z0-9-]*\) = .*/\1/p' pyproject.toml))
LOCK := UV_CUSTOM_COMPILE_COMMAND="make lock" .venv-lock/bin/uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --quiet $(if $(UPGRADE),--upgrade) pyproject.toml
SOURCES := $(shell find steps -name '*.py')

.DELETE_ON_ERROR:
.PHONY: help demo demo-stream test test-fast test-servers e2e lint bench lock chart images

help: ## this list: what to use when
	@sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/\1: \2/p' $(MAKEFILE_LIST)

demo: $(DEMO) ## to see it work: a real InfluxDB on this machine, real data, a forecast of each series, a report; CRONOCAST_MODEL=lstm trains that one
	@.venv/bin/python -m demo.demo

demo-stream: ## to see regimes as values arrive: a real Kafka, Spark and InfluxDB on this machine; needs Java 17 and Maven, 1.5 GB of memory
	@$(MAKE) --no-print-directory DEMO_EXTRAS="run linear stream" .venv/installed-run-linear-stream
	@.venv/bin/python -m demo.stream

test-fast: $(DEV) ## while you edit: what needs no server, no browser and no heavy library, in under a minute; ARGS="-k word" for some
	.venv-dev/bin/python -m pytest -n auto --dist worksteal -m "not slow" tests/unit tests/conformance tests/repo $(ARGS)

test: $(DEV) ## before you commit: every test against real parts; ARGS="-k word" for some
	.venv-dev/bin/python -m pytest -n auto --dist worksteal $(ARGS)

test-servers: $(DEV) ## when reading or writing changes: the tests that need an InfluxDB, against 1.6, 1.8, 1.13 and 2.x (tests/wire/README.md); VERSIONS="1.13.2 2" for some
	@.venv-dev/bin/python -m tests.servers $(VERSIONS)

# Most of the time is spent waiting for schedules and pods, so that more tests than cores go on at a time; one file shares its runs.
e2e: cluster $(DEV) ## when the chart or the steps change: tests on Kubernetes; needs the cluster that KUBECONFIG names, with Argo and the images (tests/e2e/README.md)
	.venv-dev/bin/python -m pytest -n 4 --dist loadfile tests/e2e $(ARGS)

.PHONY: cluster
cluster:
	@$(PYTHON) -m tests.e2e.cluster

lint: $(DEV) ## before you commit: ruff, mypy, who imports whom, and zizmor and (where Go is) actionlint for .github/workflows
	.venv-dev/bin/ruff check
	.venv-dev/bin/ruff format --check
	.venv-dev/bin/mypy
	.venv-dev/bin/lint-imports
	.venv-dev/bin/zizmor --offline --quiet .github/workflows
	$(if $(shell command -v go),go run github.com/rhysd/actionlint/cmd/actionlint@v1.7.12,@echo "actionlint: left out, it needs Go")

bench: $(DEV) ## when speed or accuracy may have changed: time to start, of the chain, of extract and load against curl, of many LSTMs, and accuracy; ARGS="startup chain" for some
	@.venv-dev/bin/python -m bench $(ARGS)

chart: $(DEV) ## when settings or the chart change: its values, schema and README, and workflows/, made again from their definitions (needs helm)
	.venv-dev/bin/python helm/generate.py
	.venv-dev/bin/cronocast render --values workflows/values.yaml --out workflows --namespace forecasts

images: ## when a Dockerfile or the lock changes: every image, with whichever of docker, podman and buildah is here; NAMES="load" for some
	$(PYTHON) images/build.py $(NAMES)

lock: .venv-lock/installed ## when a dependency changes: make requirements.lock again from pyproject.toml; UPGRADE=1 takes newer versions
	$(LOCK) $(EXTRAS:%=--extra %) --group build --group lock --output-file requirements.lock
	$(LOCK) --extra lstm-gpu --output-file requirements-gpu.lock
	$(LOCK) --extra pretrained --output-file requirements-pretrained.lock

# The demo runs what a user installs; tests and tools run the working tree. Each in a folder of its own, so that neither disturbs the other.
.venv/installed-%: requirements.lock requirements.py pyproject.toml $(SOURCES)
	$(call environment,.venv,build core $(DEMO_EXTRAS))
	@.venv/bin/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --force-reinstall .
	@touch $@

.venv-dev/installed: requirements.lock requirements.py pyproject.toml
	$(call environment,.venv-dev,build core $(EXTRAS))
	@.venv-dev/bin/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

.venv-lock/installed: requirements.lock
	$(call environment,.venv-lock,lock)
	@touch $@

# environment FOLDER,EXTRAS: a virtual environment with the locked packages of some extras; pip refuses one whose hash is not in the lock.
define environment
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "cronocast needs Python 3.11 or newer; found $$($(PYTHON) --version). Give another: make PYTHON=python3.12"; exit 1; }
	@test -x $(1)/bin/pip || $(PYTHON) -m venv --clear $(1) || { rm -rf $(1); echo "python3 -m venv failed; on Debian and Ubuntu: apt-get install python3-venv"; exit 1; }
	@echo "installing $(strip $(2)) into $(1)"
	@$(PYTHON) requirements.py $(2) >$(1)/requirements.txt
	@$(1)/bin/pip install --quiet --disable-pip-version-check --require-hashes --requirement $(1)/requirements.txt
endef
