# SPDX-License-Identifier: Apache-2.0
# Two commands: `make demo` and `make test`. Each sets up .venv first, and skips that when nothing changed.
# PYTHON=... picks the interpreter (3.10 to 3.12) that .venv is made from.

SHELL := /bin/bash
VENV := .venv/bin
PYTEST_ARGS ?=
# Any Python 3.8 or newer can run the set-up, which then picks the one for .venv.
BOOTSTRAP = $(shell python3 -c '' 2>/dev/null && echo python3 || echo "$(or $(PYTHON),python3)")

.DEFAULT_GOAL := help
.PHONY: help setup demo real-sample bench-data bench-eval benchmark docs-results model-index test test-slow lint doctor clean

help:  ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup:  ## Make .venv with the tested packages (about 3 minutes; skipped when up to date)
	@"$(BOOTSTRAP)" tools/setup_env.py --python "$(PYTHON)"

demo: setup  ## Draw garments, train the small configuration, evaluate: work_dirs/demo
	$(VENV)/python tools/demo.py

real-sample:  ## Train and evaluate on real photos: make real-sample DATA=folder
	@test -d "$(DATA)" || { echo 'DATA="$(DATA)" is no folder; say where the photos are: make real-sample DATA=path/to/deepfashion2_sample'; exit 2; }
	@$(MAKE) --no-print-directory setup
	$(VENV)/python tools/real_sample.py --data "$(DATA)"

bench-data: setup  ## Measure reading annotations and the data loader: work_dirs/bench/data.json
	$(VENV)/python tools/bench_data.py

bench-eval: setup  ## Measure the evaluation beside pycocotools: work_dirs/bench/eval.json
	$(VENV)/python tools/bench_eval.py

model-index: setup  ## Make model-index.yml and the metafile.yml of every family of configs
	$(VENV)/python tools/make_model_index.py --overwrite

benchmark: setup  ## Run the garment benchmark of docs/results/benchmark.json: work_dirs/benchmark
	$(VENV)/python tools/run_benchmark.py

docs-results: setup  ## Make docs/results.md and its pictures from docs/results/*.json
	$(VENV)/python tools/make_results_page.py

test: setup  ## The default tests (CPU, no network)
	$(VENV)/python -m pytest $(PYTEST_ARGS)

test-slow: setup  ## The slow tests
	$(VENV)/python -m pytest -m slow $(PYTEST_ARGS)

lint: setup  ## ruff, mypy and codespell
	$(VENV)/ruff check .
	$(VENV)/ruff format --check .
	$(VENV)/mypy
	$(VENV)/codespell

doctor: setup  ## Versions, and what is wrong with the environment
	$(VENV)/python -m deepmark doctor

clean:  ## Remove outputs and caches; .venv stays
	rm -rf build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis projects/*.egg-info
	find configs projects tests tools -name __pycache__ -type d -prune -exec rm -rf {} +
