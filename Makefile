# Everything here works on a fresh clone with nothing done first; a second run does only what is new.
#   PYTHON   the Python to develop with, 3.10 or newer             (default: python3)
#   ENGINE   the container engine: docker or podman                (default: the first that answers)

PYTHON ?= python3
export CONTAINER_TOOLKIT_ENGINE ?= $(ENGINE)

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

# A setting of the caller's job must not leak into ours.
unexport SAGEMAKER_BASE_DIR SAGEMAKER_PROGRAM SAGEMAKER_TRAINING_MODULE
unexport TRAINING_JOB_NAME TRAINING_JOB_ARN

.DEFAULT_GOAL := help
.PHONY: help demo test test-all lint pytest more slow pythons peer images bench fuzz clean

help: ## this list
	@sed -nE 's/^([a-z-]+):.*## (.*)$$/  make \1	\2/p' $(MAKEFILE_LIST) | expand -t 18

demo: $(READY) ## train a real model on real data through `train`, under build/demo
	@PATH="$(CURDIR)/$(BIN):$$PATH" sh examples/demo.sh build/demo

test: lint pytest ## lint, types and every test that is quick; container tests where an engine answers

test-all: test more ## also the slow tests, the images, each Python, the peer beside us

more: images pythons slow

lint: $(READY) ## ruff and mypy --strict
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

pytest: $(READY)
	$(BIN)/python -m pytest -m "not slow"

slow: $(READY) peer
	$(BIN)/python -m pytest -m slow

pythons: $(READY) ## the runtime's tests on every Python from 3.10 to 3.13 that is found
	@sh .ci/pythons "$(BIN)/python"

peer:
	@PYTHON=$$(command -v python3.11 || command -v "$(PYTHON)") sh benchmarks/peer.sh

images: ## the base image and those under images/
	@sh images/build.sh

bench: $(READY) peer ## measure launch, output, packing and memory, against the peer and the bare program
	@set -e; for program in $(filter-out benchmarks/_%,$(wildcard benchmarks/*.py)); do \
	  printf '\n== %s\n' "$$program"; $(BIN)/python "$$program"; \
	done

fuzz: ## every decoder against mutated input, SECONDS=120 each
	@sh .ci/environment "$(PYTHON)" .venv-fuzz -e '.[dev,algorithms,fuzz]'
	@mkdir -p build/fuzz
	@set -e; for program in tests/content_types/fuzz_*.py; do \
	  name=$$(basename $$program .py | sed 's/^fuzz_//'); printf '\n== %s\n' "$$name"; \
	  (cd build/fuzz && PYTHONPATH=$(CURDIR) $(CURDIR)/.venv-fuzz/bin/python \
	    -m tests.content_types.fuzz $$name $(or $(SECONDS),120)); \
	done

clean: ## whatever was built here, environments included
	rm -rf $(VENV) .venv-* build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(READY): pyproject.toml .ci/environment
	@sh .ci/environment "$(PYTHON)" "$(VENV)" -e '.[all,dev]'
	@touch $@
