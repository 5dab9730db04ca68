# Everything a person does here. `make demo` and `make test` need nothing but python3, make and git.
PYTHON ?= python3
RUNTIME := .venv-runtime
ALL := .venv
DATA ?= $(or $(EDGE_CLASSIFY_DATA),../shared/data)
RUN ?= runs/default
BUNDLE := edge_runtime/models/default.tflite
# Predictions that `python -m train crossval` wrote with the default settings; where there are such, they set the decision.
OUT_OF_FOLD := $(wildcard train/out_of_fold/c-nmc.csv)
RUNTIME_FILES := $(shell find edge_runtime -name '*.py' -o -name '*.tflite') setup.cfg pyproject.toml

.PHONY: demo test test-arm64 check format bench model report wheel clean

demo: $(RUNTIME)/.ready ## classify the sample pictures with the shipped model
	$(RUNTIME)/bin/edge-classify samples

test: $(ALL)/.ready ## all tests but those of test-arm64
	$(ALL)/bin/python -m pytest tests --ignore=tests/test_arm64.py

test-arm64: $(ALL)/.ready | arm64-system ## the wheel in the Debians of a Raspberry Pi, under QEMU
	$(ALL)/bin/python -m pytest tests/test_arm64.py

check: $(ALL)/.ready ## format, lint, types, imports
	$(ALL)/bin/ruff format --check .
	$(ALL)/bin/ruff check .
	$(ALL)/bin/mypy
	$(ALL)/bin/lint-imports

format: $(ALL)/.ready ## put the code into its form
	$(ALL)/bin/ruff format .
	$(ALL)/bin/ruff check --fix .

bench: $(ALL)/.ready ## latency, start-up and memory on this machine, and the table
	mkdir -p benchmarks/results
	$(ALL)/bin/python -m pytest benchmarks -q --benchmark-json=benchmarks/results/latest.json
	$(ALL)/bin/python -m benchmarks report benchmarks/results/latest.json
	$(ALL)/bin/python -m benchmarks latency --out benchmarks/results

model: $(ALL)/.ready ## train -> compress -> verify -> the default model
	$(ALL)/bin/python -m train fit --data $(DATA)/c-nmc --run $(RUN) $(if $(OUT_OF_FOLD),--out-of-fold $(OUT_OF_FOLD))
	$(ALL)/bin/python -m compress run --data $(DATA)/c-nmc --run $(RUN) --out $(RUN)/default.tflite
	$(ALL)/bin/python -m compress verify $(RUN)/default.tflite --data $(DATA)/c-nmc --run $(RUN)
	cp $(RUN)/default.tflite $(BUNDLE)
	mkdir -p benchmarks/reference
	cp $(RUN)/float32.tflite benchmarks/reference/float32.tflite

report: $(ALL)/.ready ## judge the default model on its report subjects
	$(ALL)/bin/python -m train evaluate --data $(DATA)/c-nmc --out runs/report

wheel: $(ALL)/.ready ## dist/*.whl, the runtime with the default model
	$(ALL)/bin/python -m build --wheel --outdir dist .

clean: ## remove environments and results, keep training runs
	rm -rf $(RUNTIME) $(ALL) build dist *.egg-info benchmarks/results

# What a Pi gets: the wheel and nothing else.
$(RUNTIME)/.ready: $(RUNTIME_FILES) | system
	$(PYTHON) -m venv --clear $(RUNTIME)
	$(RUNTIME)/bin/pip install --quiet .
	touch $@

# Everything, editable.
$(ALL)/.ready: setup.cfg pyproject.toml | system
	$(PYTHON) -m venv --clear $(ALL)
	$(ALL)/bin/pip install --quiet --editable '.[train,bench,dev]'
	touch $@

# Debian keeps venv apart from python3; nothing else is needed from the system.
.PHONY: system
system:
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  sudo=; [ "$$(id -u)" = 0 ] || sudo=sudo; \
	  $$sudo apt-get update && $$sudo apt-get install --yes $$(cat system-packages.txt); }

# Without root, or where these cannot be had, the tests say so and skip.
.PHONY: arm64-system
arm64-system:
	@dpkg-query --show $$(cat system-packages-arm64.txt) >/dev/null 2>&1 || [ "$$(id -u)" != 0 ] || { \
	  apt-get update && apt-get install --yes --no-install-recommends $$(cat system-packages-arm64.txt); } || true
