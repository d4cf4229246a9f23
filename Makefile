# Two commands: `make ungrokking` runs the main job, `make test` every check. Both set everything up.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: help install ungrokking test check bench bench-gpu calibration clean

help:
	@echo "make ungrokking   train, judge and report the main experiment (quick size)"
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

test: check
	$(BIN)/python -m pytest --numprocesses 2 --dist loadgroup

check: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(READY)
	$(BIN)/python -m benchmarks.step
	$(BIN)/python -m benchmarks.growth

bench-gpu: $(READY)
	$(BIN)/python -m benchmarks.gpu

calibration: $(READY)
	$(BIN)/python -m pytest tests/predictions/test_calibration.py --calibration full --capture no

clean:
	rm -rf $(VENV) build dist *.egg-info
