# Every target does its own set-up. ARGS passes options on: make demo ARGS="--seed 7", make test ARGS="-k config".
.PHONY: help setup demo up secrets test simulate prove by-hand check docs lock bench-kernel bench-cycle bench-healing prove-healing clean
.DEFAULT_GOAL := help

VENV := .venv/bin
UV := .venv/uv/bin/uv
ARGS ?=
# Where it is set, every process compiles every module it imports again: twice the CPU of each start.
unexport PYTHONDONTWRITEBYTECODE

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 16

.venv/.ready: requirements.lock pyproject.toml .ci/setup
	@sh .ci/setup

setup: .venv/.ready ## .venv from requirements.lock

demo: .venv/.ready ## one simulated trading day on real parts, with a dropped connection
	@$(VENV)/hydra demo $(ARGS)

up: .venv/.ready ## the demo's stack, left running for the UI until Ctrl-C
	@$(VENV)/hydra demo --up $(ARGS)

secrets: ## the secret files that docker-compose.yml mounts, made once
	@sh docker/make-secrets

# Five at a time on two cores: most of a test with processes is waiting.
test: .venv/.ready ## everything that must hold; ends with the suites it skipped and why
	@sh .ci/test-tools
	@$(VENV)/pytest -q -n 5 --dist loadgroup $(ARGS)

simulate: .venv/.ready ## a thousand seeded worlds full of faults, judged from outside
	@$(VENV)/hydra simulate --seeds 0:1000 $(ARGS)

prove: .venv/.ready ## ten thousand worlds, every mutant and crash point, a month; figures into docs/simulation.md
	@$(VENV)/python -m tests.simulation.prove $(ARGS)

by-hand: .venv/.ready ## make up and its end, and the processes of docker-compose.yml on a real PostgreSQL, no engine needed
	@sh .ci/test-tools
	@$(VENV)/pytest -q tests/up_by_hand.py tests/compose_by_hand.py $(ARGS)

check: .venv/.ready ## lint, types and import layers only
	@$(VENV)/ruff check .
	@$(VENV)/mypy
	@$(VENV)/lint-imports --no-logo || $(VENV)/lint-imports

docs: .venv/.ready ## renew the tables of docs/ that are made from the code
	@$(VENV)/python -m hydra.cli.reference

lock: .venv/.ready ## renew requirements.lock from pyproject.toml
	@$(UV) pip compile pyproject.toml --extra dev --universal --generate-hashes --no-emit-index-url \
	    --no-annotate --no-header -q -o requirements.lock

bench-kernel: .venv/.ready ## the backtest kernel beside its peers, in environments of their own under var/
	@$(VENV)/python bench/bootstrap.py
	@$(VENV)/python bench/kernel.py $(ARGS)

bench-cycle: .venv/.ready ## one evening's research: 20 instruments, 200 candidates, 10 years
	@$(VENV)/python bench/daily_cycle.py $(ARGS)

bench-healing: .venv/.ready ## every healing rule in the same worlds: ARGS="--worlds 500 --years 3"
	@$(VENV)/python bench/healing.py $(ARGS)

prove-healing: .venv/.ready ## every table of docs/healing.md, renewed; ARGS="--real DIR" for the real series, too
	@rm -rf var/healing && mkdir -p var/healing
	@$(VENV)/python bench/healing.py --worlds 500 --json var/healing/three.json
	@$(VENV)/python bench/healing.py --worlds 500 --years 10 --scenarios nochange null --json var/healing/ten.json
	@$(VENV)/python bench/healing.py --worlds 500 --instruments 8 --json var/healing/eight.json
	@$(VENV)/python bench/healing_tried.py --json var/healing/tried.json
	@test -z "$(ARGS)" || $(VENV)/python bench/healing.py $(ARGS) --json var/healing/real.json
	@$(VENV)/python bench/healing_page.py var/healing

clean: ## forget .venv and every cache; ledgers are elsewhere and stay
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
