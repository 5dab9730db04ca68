# Everything a person does here. `make demo` and `make test` need nothing but python3, make and git.
PYTHON ?= python3
RUNTIME := .venv-runtime
ALL := .venv
DATA ?= $(or $(EDGE_CLASSIFY_DATA),../shared/data)
RUN ?= runs/default
BUNDLE := edge_runtime/models/default.tflite
# What `make measure` found out of fold with the default settings: it sets the decision, and gives the scores.
MEASURED := train/measured/c-nmc.csv
RUNTIME_FILES := $(shell find edge_runtime -name '*.py' -o -name '*.tflite') setup.cfg pyproject.toml

# uv leaves compiling to the first import; kept from writing it down, every start of TensorFlow takes 11 s longer.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test test-arm64 check format bench model measure report wheel clean

demo: $(RUNTIME)/.ready ## classify the sample pictures and the sample field with the shipped model
	$(RUNTIME)/bin/edge-classify samples
	$(RUNTIME)/bin/edge-classify sample_fields --input fields --um-per-pixel 0.08

test: $(ALL)/.ready test-system ## all tests but those of test-arm64, a file at a time on each core
	$(ALL)/bin/python -m pytest tests --ignore=tests/test_arm64.py \
	  --numprocesses auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder --durations 15

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
	$(ALL)/bin/python -m benchmarks latency --install --out benchmarks/results

model: $(ALL)/.ready ## train on everyone -> compress -> verify -> the default model
	$(ALL)/bin/python -m train fit --everyone --data $(DATA)/c-nmc --run $(RUN) --out-of-fold $(MEASURED)
	$(ALL)/bin/python -m compress run --data $(DATA)/c-nmc --run $(RUN) --out $(RUN)/default.tflite
	$(ALL)/bin/python -m compress verify $(RUN)/default.tflite --data $(DATA)/c-nmc --run $(RUN)
	cp $(RUN)/default.tflite $(BUNDLE)
	mkdir -p benchmarks/reference
	cp $(RUN)/float32.tflite benchmarks/reference/float32.tflite

measure: $(ALL)/.ready ## what the default recipe reaches on people it never saw, float and compressed
	$(ALL)/bin/python -m train crossval --data $(DATA)/c-nmc --out runs/crossval
	$(ALL)/bin/python -m compress crossval --data $(DATA)/c-nmc --crossval runs/crossval --out $(MEASURED)

report: $(ALL)/.ready ## judge the default model
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

# Everything, editable. The tests drive the real picamera2; the libcamera that it needs is only on a Raspberry Pi.
# uv chooses in seconds the versions that pip seeks for minutes; where it cannot (pip's own settings name a mirror), pip does.
EVERYTHING := --editable '.[live,watch,cluster,parquet,train,bench,peers,dev]'
CAMERA := --no-deps 'picamera2>=0.3.21'
UV := $(ALL)/bin/uv pip install --quiet --python $(ALL)/bin/python
PIP := $(ALL)/bin/pip install --quiet
$(ALL)/.ready: setup.cfg pyproject.toml | system
	$(PYTHON) -m venv --clear $(ALL)
	$(PIP) uv
	$(UV) $(EVERYTHING) || $(PIP) $(EVERYTHING)
	$(UV) $(CAMERA) || $(PIP) $(CAMERA)
	touch $@

# Debian keeps venv apart from python3; nothing else is needed from the system.
.PHONY: system
system:
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  sudo=; [ "$$(id -u)" = 0 ] || sudo=sudo; \
	  $$sudo apt-get update && $$sudo apt-get install --yes $$(cat system-packages.txt); }

# Network cameras and a browser for the tests. Where they cannot be had, those tests skip, and in CI they fail.
.PHONY: test-system
test-system:
	@command -v apt-get >/dev/null || exit 0; \
	missing=$$(for name in $$(cat test-packages.txt); do \
	  dpkg-query --show --showformat='$${db:Status-Status}\n' $$name 2>/dev/null | grep -qx installed || echo $$name; done); \
	[ -z "$$missing" ] || { \
	  sudo=; [ "$$(id -u)" = 0 ] || sudo=sudo; \
	  $$sudo apt-get update && $$sudo apt-get install --yes --no-install-recommends $$missing; } || \
	  echo "cannot install $$missing: the tests that need it will skip"

# Without root, or where these cannot be had, the tests say so and skip.
.PHONY: arm64-system
arm64-system:
	@dpkg-query --show $$(cat system-packages-arm64.txt) >/dev/null 2>&1 || [ "$$(id -u)" != 0 ] || { \
	  apt-get update && apt-get install --yes --no-install-recommends $$(cat system-packages-arm64.txt); } || true
