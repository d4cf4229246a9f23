# Two commands: `make ungrokking` runs the main job, `make test` every check. Both set everything up.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
COMPILED := torch, scipy.stats, pandas, statsmodels.stats.api, matplotlib.pyplot, hypothesis, xdist, predictions.cli.app, predictions.trainer, paper_figures.cli

.PHONY: help install ungrokking predictions confirm at-rest critical-size first-study controls substitutes representation double-descent numerical-stability phase-changes facts replication variants figures findings test test-gpu test-cluster test-ray test-release dist check bench bench-gpu calibration endurance docs clean

help:
	@echo "make ungrokking     train, judge and report the main experiment (quick size)"
	@echo "make predictions    the same for all six predictions"
	@echo "make confirm        these, and both circuits inside one network, on fresh seeds"
	@echo "make critical-size  the critical size of each network, foretold and then observed, on fresh seeds"
	@echo "make first-study    the findings of the first study of grokking (quick size)"
	@echo "make controls       what must not happen if the theory is right, on fresh seeds, until decided"
	@echo "make at-rest        training without end: what comes to rest, and where"
	@echo "make substitutes    ungrokking with something else in place of weight decay, on fresh seeds"
	@echo "make representation an effective theory of representations and circuit efficiency, on one toy"
	@echo "make double-descent double descent over features, width, examples and time, and norms beside it"
	@echo "make numerical-stability training from scratch without weight decay, and the arithmetic of the loss"
	@echo "make phase-changes  phase changes with and without limited data and decay, induction, digits"
	@echo "make facts          whether sequences are unlearned below a number of facts or of sequences"
	@echo "make replication    ungrokking and weight decay at the paper's size, a night on two cores"
	@echo "make variants       ungrokking on the other operations and the network of figure 8"
	@echo "make figures        draw the figures of both papers from what was trained"
	@echo "make findings       judge all groups, write the tables of the documents, draw the figure of the README"
	@echo "make docs           the documentation as pages, in build/docs"
	@echo "make test           all checks and all tests"
	@echo "make check          format, lint, types and imports only"
	@echo "make bench          time training against a textbook step; check time and memory estimates"
	@echo "make bench-gpu      the same on an NVIDIA GPU, with tf32 and a paper-size run"
	@echo "make test-gpu       the tests that need an NVIDIA GPU: same bits each time, and a CPU's numbers"
	@echo "make test-cluster   the tests on a real Slurm of this machine, which needs root and a quarter of an hour"
	@echo "make test-ray       the tests on a Ray of two nodes on this machine, a quarter of an hour; installs Ray"
	@echo "make dist           wheel and source archive, in build/dist"
	@echo "make test-release   both of them, installed on Python 3.11, 3.12 and 3.13, as far as they are here"
	@echo "make endurance      a store under processes that are killed a hundred times, compiled code under sanitizers"
	@echo "make calibration    coverage of intervals and error rates of rules, at full length"

install: $(READY)

# Made again when the dependencies change, or when an install was cut off. Of 20,000 files pip would
# compile, which takes longer than all else, only those are compiled that are imported.
$(READY): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; give make PYTHON=...")'
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --constraint constraints.txt --editable '.[dev]'
	env -u PYTHONDONTWRITEBYTECODE $(BIN)/python -c 'import $(COMPILED)'
	@touch $(READY)

ungrokking: $(READY)
	$(BIN)/predictions run ungrokking

predictions: $(READY)
	$(BIN)/predictions run all

confirm: $(READY)
	$(BIN)/predictions run all circuits --until-decided --seeds 24 --first-seed 12000

at-rest: $(READY)
	$(BIN)/predictions run at-rest --until-decided --seeds 12 --first-seed 11000

critical-size: $(READY)
	$(BIN)/predictions run critical-size --until-decided --first-seed 8000

first-study: $(READY)
	$(BIN)/predictions run first-study

controls: $(READY)
	$(BIN)/predictions run controls --until-decided --seeds 24 --first-seed 10000

replication: $(READY)
	$(BIN)/predictions run ungrokking weight-decay --size replication

substitutes: $(READY)
	$(BIN)/predictions run substitutes --until-decided --seeds 24 --first-seed 9000

representation: $(READY)
	$(BIN)/predictions run representation --until-decided --seeds 12 --max-seeds 48 --first-seed 20000

double-descent: $(READY)
	$(BIN)/predictions run double-descent --until-decided --seeds 12 --max-seeds 48 --first-seed 21000

numerical-stability: $(READY)
	$(BIN)/predictions run numerical-stability --until-decided --seeds 12 --max-seeds 48 --first-seed 22000

phase-changes: $(READY)
	$(BIN)/predictions run phase-changes --until-decided --seeds 12 --max-seeds 48 --first-seed 23000

facts: $(READY)
	$(BIN)/predictions run facts --until-decided --seeds 12 --max-seeds 24 --first-seed 27000

variants: $(READY)
	$(BIN)/predictions run ungrokking --operation multiplication
	$(BIN)/predictions run ungrokking --operation subtraction
	$(BIN)/predictions run ungrokking --operation sum-of-squares
	$(BIN)/predictions run ungrokking --network mlp

figures: $(READY)
	$(BIN)/paper_figures build

findings: predictions confirm at-rest critical-size first-study controls substitutes representation double-descent numerical-stability phase-changes facts
	$(BIN)/predictions judge all --first-seed 12000 --json > docs/found/quick.json.part
	mv docs/found/quick.json.part docs/found/quick.json
	$(BIN)/predictions judge circuits --first-seed 12000 --json > docs/found/circuits-quick.json.part
	mv docs/found/circuits-quick.json.part docs/found/circuits-quick.json
	$(BIN)/predictions judge first-study --json > docs/found/first-study-quick.json.part
	mv docs/found/first-study-quick.json.part docs/found/first-study-quick.json
	$(BIN)/predictions judge controls --first-seed 10000 --json > docs/found/controls-quick.json.part
	mv docs/found/controls-quick.json.part docs/found/controls-quick.json
	$(BIN)/predictions judge substitutes --first-seed 9000 --seeds 24 --json > docs/found/substitutes-quick.json.part
	mv docs/found/substitutes-quick.json.part docs/found/substitutes-quick.json
	$(BIN)/predictions judge representation --first-seed 20000 --json > docs/found/representation-quick.json.part
	mv docs/found/representation-quick.json.part docs/found/representation-quick.json
	$(BIN)/predictions judge double-descent --first-seed 21000 --json > docs/found/double-descent-quick.json.part
	mv docs/found/double-descent-quick.json.part docs/found/double-descent-quick.json
	$(BIN)/predictions judge numerical-stability --first-seed 22000 --json > docs/found/numerical-stability-quick.json.part
	mv docs/found/numerical-stability-quick.json.part docs/found/numerical-stability-quick.json
	$(BIN)/predictions judge at-rest --first-seed 11000 --json > docs/found/at-rest-quick.json.part
	mv docs/found/at-rest-quick.json.part docs/found/at-rest-quick.json
	$(BIN)/predictions judge phase-changes --first-seed 23000 --json > docs/found/phase-changes-quick.json.part
	mv docs/found/phase-changes-quick.json.part docs/found/phase-changes-quick.json
	$(BIN)/predictions judge facts --first-seed 27000 --json > docs/found/facts-quick.json.part
	mv docs/found/facts-quick.json.part docs/found/facts-quick.json
	$(BIN)/predictions judge critical-size --first-seed 8000 --json > docs/found/critical-size-quick.json.part
	mv docs/found/critical-size-quick.json.part docs/found/critical-size-quick.json
	$(BIN)/predictions foretold --json > docs/found/foretold/critical-size-quick.json.part
	mv docs/found/foretold/critical-size-quick.json.part docs/found/foretold/critical-size-quick.json
	$(BIN)/python -m predictions.findings docs/evidence.md docs/found/*.json
	$(BIN)/python -m predictions.summary README.md docs/found/*.json docs/found/replication/six-seeds.json
	$(BIN)/python -m predictions.field docs/claims.md docs/found/*.json
	$(BIN)/python -m predictions.questions docs/questions.md docs/found/*.json
	$(BIN)/python -m predictions.theories docs/theories.md docs/found/*.json
	$(BIN)/python docs/demo/write_demo.py docs/demo.html
	$(BIN)/paper_figures build figure-01 --out docs/figures

# One thread of BLAS to each process: two would spin against each other for every small matrix.
test: check
	OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses 2 --dist loadgroup

docs: $(READY)
	$(BIN)/python docs/assemble.py build/docs-source
	$(BIN)/sphinx-build --fail-on-warning --keep-going --quiet -c docs build/docs-source build/docs
	@echo "open build/docs/index.html"

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
	OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest tests/predictions -m calibration --numprocesses 2 --calibration full -rP

test-gpu: $(READY)
	$(BIN)/python -c 'import sys, torch; sys.exit(not torch.cuda.is_available() and "torch sees no GPU here")'
	TEST_GPU=1 $(BIN)/python -m pytest tests/gpu --numprocesses 0

# A real Slurm of this machine; as root, and it stays installed.
test-cluster: $(READY)
	command -v slurmctld || apt-get install --yes --no-install-recommends slurm-wlm munge
	tests/cluster/slurm.sh start build/slurm
	TEST_CLUSTER=1 SLURM_CONF=$(CURDIR)/build/slurm/slurm.conf OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest tests/cluster/test_slurm.py --numprocesses 0 -rP; \
	  ended=$$?; tests/cluster/slurm.sh stop build/slurm; exit $$ended

dist: $(READY)
	rm -rf build/dist
	$(BIN)/python -m build --outdir build/dist

test-release: dist
	TEST_RELEASE=$(CURDIR)/build/dist OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest tests/release --numprocesses 0 -rP

test-ray: $(READY)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[ray]'
	TEST_CLUSTER=1 OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest tests/cluster/test_ray.py --numprocesses 0 -rP

endurance: $(READY)
	$(BIN)/python -m pytest tests/runs/test_kill.py tests/efficiency/test_compiling.py --numprocesses 0 --calibration full -rP

clean:
	rm -rf $(VENV) build dist *.egg-info
