# Entry points of the project. Every target sets up what it needs; nothing is done twice.

PYTHON ?= python3
JOBS ?= 2
BIN := .venv/bin
SANITIZE := .venv-sanitize
CSRC := smart_cell/planner/csrc

# A Python that was named counts; else an environment that exists is kept as it is.
ifeq ($(origin PYTHON),file)
SETUP_FLAGS := --keep-python
endif

# The environment is complete in itself: nothing of another ROS installation may leak in.
unexport PYTHONPATH PYTHONHOME AMENT_PREFIX_PATH CMAKE_PREFIX_PATH COLCON_PREFIX_PATH
unexport LD_LIBRARY_PATH _ROS_WHEELS_BOOTSTRAP_COMPLETE VIRTUAL_ENV
export ROS_AUTOMATIC_DISCOVERY_RANGE ?= LOCALHOST

SETUP = $(PYTHON) tools/setup_env.py $(SETUP_FLAGS)

.DEFAULT_GOAL := help
.PHONY: help python setup run test lint sanitize bench campaign clean
help:
	@sed -n 's/^## //p' Makefile

python:
	@command -v $(PYTHON) >/dev/null || \
	  { echo "$(PYTHON) not found: Debian package python3 (3.10 to 3.13)" >&2; exit 1; }

## make setup      create .venv: dependencies, message packages, C extension, the package itself
setup: python
	@$(SETUP)

## make run        the default cell completes its orders in ROS 2 processes; ARGS="..." go to smart-cell run
run: setup
	$(BIN)/smart-cell run --report build/run $(ARGS)

## make test       all tests; ARGS="..." go to pytest
test: setup
	$(BIN)/python -m pytest -n $(JOBS) --dist worksteal $(ARGS)

## make lint       ruff, format, mypy, import rules, spelling, C format and C warnings as errors
lint: setup
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/codespell
	$(BIN)/clang-format --dry-run -Werror $(wildcard $(CSRC)/*.[ch] test/c/*.[ch])
	SMART_CELL_STRICT=1 $(BIN)/python setup.py -q build_ext --force \
	  --build-lib build/strict --build-temp build/strict

## make sanitize   C, planner and property tests under the address and undefined-behaviour sanitizers, without ROS
sanitize: python
	@$(PYTHON) tools/setup_env.py sanitize $(SETUP_FLAGS)
	SMART_CELL_SHARE="$(CURDIR)" LD_PRELOAD="$$($(CC) -print-file-name=libasan.so)" \
	ASAN_OPTIONS=detect_leaks=0:abort_on_error=1 UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1 \
	  $(SANITIZE)/bin/pytest -p no:cacheprovider $(ARGS) \
	  $(wildcard test/c test/unit/planner test/property/test_planner_*.py)

## make bench      the planner beside its peers: build/bench.json
bench: python
	@$(PYTHON) tools/setup_env.py bench $(SETUP_FLAGS)
	@mkdir -p build
	$(BIN)/python bench/planner.py --json build/bench.json $(ARGS)

## make campaign   the long seeded tests, then 200 random kitting jobs in simulation; ARGS="..." go to bench/campaign.py
campaign: setup
	$(BIN)/python -m pytest -m campaign
	$(BIN)/python bench/campaign.py $(ARGS)

## make clean      remove environments and everything that was built
clean:
	rm -rf .venv $(SANITIZE) build dist install log *.egg-info $(CSRC)/../_core*.so
	rm -rf .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find smart_cell test tools bench launch -name __pycache__ -prune -exec rm -rf {} + 2>/dev/null || true
