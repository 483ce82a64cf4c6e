# Everything runs in .venv, made from hashed locks; see local/setup.py.
PYTHON ?= python3
ARGS ?=
MAILS ?= 2000
SEED ?= 1
MINUTES ?= 10
RUN = .venv/bin/python

.PHONY: help setup run test bench chaos torture conformance lock clean

help:      ## Show what can be made
	@sed -n 's/^\([a-z]*\): *##/make \1\t/p; s/^\([a-z]*\):.*##/make \1\t/p' Makefile | sort -u | expand -t 20

setup:     ## Install what `make run` needs
	@$(PYTHON) -m local.setup run

run:       ## Run the whole relay here, and send one mail through it (ARGS=--once ends after it)
	@$(PYTHON) -m local.setup run
	@$(RUN) -m local.up $(ARGS)

test:      ## Check style and types, and run all tests (ARGS="-k spool" chooses)
	@$(PYTHON) -m local.setup test
	@$(RUN) -m ruff format --check .
	@$(RUN) -m ruff check .
	@$(RUN) -m mypy
	@$(RUN) -m pytest -n auto $(ARGS)

chaos:     ## Send 2,000 mails while calls fail and workers are killed (MAILS=, SEED=)
	@$(PYTHON) -m local.setup test
	@MAILS=$(MAILS) SEED=$(SEED) $(RUN) -m pytest -q -s tests/function_app/test_chaos.py

torture:   ## Break everything for ten minutes under load, and count the mails (MINUTES=, SEED=)
	@$(PYTHON) -m local.setup test
	@MINUTES=$(MINUTES) SEED=$(SEED) $(RUN) -m torture

bench:     ## Measure it beside others, in the same run (ARGS="door end_to_end" chooses)
	@$(PYTHON) -m local.setup test
	@$(RUN) -m bench $(ARGS)

conformance: ## Try the door with third-party suites, those that are installed (docs/conformance.md)
	@$(PYTHON) -m local.setup test
	@$(RUN) -m local.conformance

lock:      ## Write the lock files anew from pyproject.toml
	@$(PYTHON) -m local.setup test
	@$(RUN) -m local.lock

clean:     ## Remove what was installed and what local runs left
	rm -rf .venv .venv-worker .local
