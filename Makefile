# Two commands: `make ungrokking` runs the main job, `make test` every check. Both set everything up.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: help install ungrokking predictions first-study controls variants figures findings test check bench bench-gpu calibration clean

help:
	@echo "make ungrokking   train, judge and report the main experiment (quick size)"
	@echo "make predictions  the same for all seven predictions"
	@echo "make first-study  the findings of the first study of grokking (quick size)"
	@echo "make controls     what must not happen if the theory is right, on fresh seeds, until decided"
	@echo "make variants     ungrokking on the other operations and the network of figure 8"
	@echo "make figures      draw the figures of both papers from what was trained"
	@echo "make findings     judge both, write the tables of the README and draw its figure"
	@echo "make test         all checks and all tests"
	@echo "make check        format, lint, types and imports only"
	@echo "make bench        time training against a textbook step; check time and memory estimates"
	@echo "make bench-gpu    the same on an NVIDIA GPU, with tf32 and a paper-size run"
	@echo "make calibration  coverage of intervals and error rates of rules, at full length"

install: $(READY)

# Made again when the dependencies change, or when an install was cut off.
$(READY): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; give make PYTHON=...")'
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $(READY)

ungrokking: $(READY)
	$(BIN)/predictions run ungrokking

predictions: $(READY)
	$(BIN)/predictions run all

first-study: $(READY)
	$(BIN)/predictions run first-study

controls: $(READY)
	$(BIN)/predictions run controls --until-decided --first-seed 6000

variants: $(READY)
	$(BIN)/predictions run ungrokking --operation multiplication
	$(BIN)/predictions run ungrokking --operation subtraction
	$(BIN)/predictions run ungrokking --operation sum-of-squares
	$(BIN)/predictions run ungrokking --network mlp

figures: $(READY)
	$(BIN)/paper_figures build

findings: predictions first-study controls
	$(BIN)/predictions judge all --json > docs/found/quick.json.part
	mv docs/found/quick.json.part docs/found/quick.json
	$(BIN)/predictions judge first-study --json > docs/found/first-study-quick.json.part
	mv docs/found/first-study-quick.json.part docs/found/first-study-quick.json
	$(BIN)/predictions judge controls --first-seed 6000 --json > docs/found/controls-quick.json.part
	mv docs/found/controls-quick.json.part docs/found/controls-quick.json
	$(BIN)/python -m predictions.findings README.md docs/found/*.json
	$(BIN)/paper_figures build figure-01 --out docs/figures

# One thread of BLAS to each process: two would spin against each other for every small matrix.
test: check
	OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses 2 --dist loadgroup

check: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(READY)
	$(BIN)/python -m benchmarks.step
	$(BIN)/python -m benchmarks.settled
	$(BIN)/python -m benchmarks.whole
	$(BIN)/python -m benchmarks.networks
	$(BIN)/python -m benchmarks.growth

bench-gpu: $(READY)
	$(BIN)/python -m benchmarks.gpu

calibration: $(READY)
	OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest tests/predictions/test_calibration.py tests/predictions/test_calibration_family.py --numprocesses 2 --calibration full -rP

clean:
	rm -rf $(VENV) build dist *.egg-info
