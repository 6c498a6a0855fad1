# `make demo` and `make test` set everything up by themselves; the rest is for working on Pronk.
PYTHON ?= $(shell for p in python3.11 python3.12 python3.10 python3; do \
	if $$p -c 'import sys, ensurepip; sys.exit(not (3, 10) <= sys.version_info < (3, 13))' >/dev/null 2>&1; then echo $$p; break; fi; done)
VENV ?= .venv
BIN := $(VENV)/bin
export OMP_NUM_THREADS := 1
export OPENBLAS_NUM_THREADS := 1
export MKL_NUM_THREADS := 1

.PHONY: help setup demo demo-planner test coverage lint type docs bench eval clean

help: ## Show the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

setup: $(VENV)/.ready ## Make the environment, install, build the messages, compile the kernels

$(VENV)/.ready: pyproject.toml $(wildcard ros2_ws/src/pronk_msgs/*/* ros2_ws/src/unitree_*/*/*) ros2_ws/build_messages.py
	@test -n "$(PYTHON)" || { echo "error: no Python 3.10, 3.11 or 3.12 with venv found; on Debian and Ubuntu: apt-get install python3-venv python3-dev"; exit 1; }
	@echo "== environment ($(PYTHON)) =="
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "== packages (a few minutes the first time) =="
	@# MetaWorld declares an older MuJoCo than the rest needs, so no extra can name it; sim/manipulation.py bridges the two.
	@{ $(BIN)/python -m pip install --upgrade pip && $(BIN)/python -m pip install -e '.[ros,dev]' && \
		$(BIN)/python -m pip install --no-deps 'metaworld==3.1.1'; } \
		> $(VENV)/setup.log 2>&1 || { tail -n 40 $(VENV)/setup.log; echo "error: installation failed; see $(VENV)/setup.log"; exit 1; }
	@echo "== ROS interfaces =="
	@$(BIN)/python ros2_ws/build_messages.py
	@echo "== kernels =="
	@$(BIN)/python -m pronk.warmup
	@touch $@

demo: setup ## Run the main job: a Go2 trots, finds an unknown payload and leaves a bag, plots and a video
	@$(BIN)/pronk demo

$(VENV)/.learn: $(VENV)/.ready
	@echo "== packages for learning (torch) =="
	@$(BIN)/python -m pip install -e '.[learn]' >> $(VENV)/setup.log 2>&1 || \
		{ tail -n 40 $(VENV)/setup.log; echo "error: installation failed; see $(VENV)/setup.log"; exit 1; }
	@touch $@

demo-planner: setup $(VENV)/.learn ## Imagine how to slide a plate into a cabinet, do it, and leave a video of both
	@$(BIN)/pronk demo-planner

# Tests of running nodes have the machine to themselves; the others share its cores.
test: setup $(VENV)/.learn ## Run all tests
	@status=0; \
	$(BIN)/python -m pytest -q -n logical --maxprocesses 8 --dist loadfile -m "not alone" || status=1; \
	$(BIN)/python -m pytest -q -m alone tests/ros || status=1; \
	exit $$status

coverage: setup ## Measure how much of the cores the unit tests reach (kernels run uncompiled: some minutes)
	@NUMBA_DISABLE_JIT=1 $(BIN)/coverage run --branch --include='controllers/*' -m pytest -q -m "not compiled" \
		tests/unit/quadruped tests/unit/robot tests/unit/residual tests/unit/test_*.py
	@$(BIN)/coverage report --fail-under=90

lint: setup ## Check style
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .

type: setup ## Check the types of the cores
	@$(BIN)/mypy

$(VENV)/.docs: $(VENV)/.ready
	@$(BIN)/python -m pip install -q -e '.[docs]'
	@touch $@

docs: $(VENV)/.docs ## Build the documentation into site/; warnings are errors
	@$(BIN)/python -m pronk.reference
	@$(BIN)/python -m sphinx -W -q -b html docs site
	@echo "documentation: site/index.html"

bench: setup ## Time every hot path
	@$(BIN)/pronk bench

eval: setup ## Measure walking, adaptation and pushes (about half an hour on two cores)
	@for suite in walk payload push; do $(BIN)/pronk eval locomotion --suite $$suite --jobs 2 --out results/$$suite || exit 1; done

clean: ## Remove what was built
	rm -rf $(VENV) build site ros2_ws/build ros2_ws/install ros2_ws/log *.egg-info
