# Each target is one command; the first call installs what it needs into .venv.
PYTHON ?= python3
CORES ?= $(shell nproc)
# further options of Snakemake: make report FLAGS=--logger-rescalade-plain
FLAGS ?=
BIN := .venv/bin
INSTALLED := .venv/.installed
INSTALLED_SLURM := .venv/.installed-slurm

.PHONY: setup report test golden lint bench bench-gpu slurm-test wheel-test clean

setup: $(INSTALLED)

report: $(INSTALLED)
	$(BIN)/snakemake --cores $(CORES) $(FLAGS) -- report

test: $(INSTALLED)
	$(BIN)/python -m pytest -n $(CORES) --dist worksteal -m "not slurm and not wheel"

# writes the stored lists of outputs anew; read the difference before you commit it
golden: $(INSTALLED)
	$(BIN)/python -m pytest --remake-golden tests/pipeline/test_graph_jobs.py tests/pipeline/test_graph_paper.py -k "summary or stored"

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/snakefmt --check Snakefile workflow/rules
	$(BIN)/snakemake --lint
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

bench: $(INSTALLED)
	for file in $(filter-out %_gpu.py,$(wildcard bench/bench_*.py)); do $(BIN)/python $$file || exit 1; done

# needs a CUDA device
bench-gpu: $(INSTALLED)
	for file in bench/bench_*_gpu.py; do $(BIN)/python $$file || exit 1; done

# needs tools/slurm-one-node.sh install (root, once); starts a Slurm of its own and ends it
slurm-test: $(INSTALLED_SLURM)
	$(BIN)/python -m pytest -m slurm

# an empty environment, what a wheel brings to it, and the commands in it: 2 GB for a few minutes, from a package index
wheel-test: $(INSTALLED)
	RESCALADE_REQUIRE=wheel $(BIN)/python -m pytest -m wheel

# caches and the report; results/ holds hours of training and is yours to delete
clean:
	rm -rf report .mypy_cache .ruff_cache .pytest_cache .hypothesis build

$(INSTALLED): pyproject.toml envs/constraints.txt
	@echo "environment .venv"
	@$(PYTHON) -m venv .venv
	@$(call install,test$(comma)pipeline$(comma)mini$(comma)csplade)

$(INSTALLED_SLURM): $(INSTALLED)
	@$(call install,test$(comma)pipeline$(comma)mini$(comma)csplade$(comma)slurm)

comma := ,
PIP_LOG := .venv/pip.log
# what pip writes is kept; of its warnings the number is said, of its failure the last lines
define install
	echo "packages of envs/constraints.txt, a few minutes ($(PIP_LOG) grows meanwhile)"; \
	$(BIN)/pip install --constraint envs/constraints.txt --editable ".[$(1)]" > $(PIP_LOG) 2>&1 \
	|| { tail -n 4 $(PIP_LOG); echo "pip failed; $(PIP_LOG) has all it said"; exit 1; }; \
	warned=$$(grep -c '^WARNING' $(PIP_LOG)) && echo "warnings of pip: $$warned, in $(PIP_LOG)"; \
	touch $@ && echo "installed"
endef
