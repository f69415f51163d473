# Tasks of this project. `make` alone lists them.
PYTHON  ?= python3
VENV    ?= .venv
BIN     := $(VENV)/bin
CONFIG  ?= config.yaml
PYTEST  := $(BIN)/python -m pytest
SOURCES := $(wildcard mmfast/_core/*.pyx mmfast/_core/*.pxd mmfast/_core/*.h mmfast/_core/*.c) \
           $(wildcard mmfast/engine/*.py mmfast/engine/*.pxd mmfast/engine/*/*.py) \
           $(wildcard mmfast/engine/*/*.pxd) mmfast/ids.py mmfast/ids.pxd \
           $(wildcard mmfast/runtime/*.pxd) $(patsubst %.pxd,%.py,$(wildcard mmfast/runtime/*.pxd)) \
           setup.py pyproject.toml mmfast/__init__.py

# Every engine of the tests is a process of its own: none of them shall compile all sources anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help run test test-long kill-restart simtest simtest-bugs fuzz bench bench-loopback bench-tier bench-steady bench-peers bench-baseline lint sanitize docs ci clean

help: ## list the tasks
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 14

# The package is installed in place, so that an edit of Python code needs no new build; the
# stamp is older than the compiled sources exactly when they have to be built again.
$(VENV)/.built: $(SOURCES)
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "building mmfast into $(VENV) (once, about a minute)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e .
	@touch $@

# What the tests and the linters need beside the package; the package itself is built once.
EXTRA = $(BIN)/python -c 'import sys, tomllib; \
	extras = tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]; \
	print(*(need for name in sys.argv[1:] for need in extras[name]), sep="\n")'

$(VENV)/.test: $(VENV)/.built
	@$(EXTRA) test > $@.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r $@.txt
	@touch $@

$(VENV)/.lint: $(VENV)/.test
	@$(EXTRA) lint > $@.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r $@.txt
	@touch $@

run: $(VENV)/.built ## build, start the embedded venue and quote on it until Ctrl-C
	@exec $(BIN)/mmfast run -c $(CONFIG)

# What starts processes and waits for them, and beside it, with what it leaves of the processor, all
# the rest. The output of the rest comes whole, after the first.
FRONT := tests/integration tests/perf
test: $(VENV)/.test ## build what the tests need and pass them
	@rest=$$(mktemp); \
	nice -n 10 $(PYTEST) -m "not long" -q -p no:cacheprovider $(FRONT:%=--ignore=%) >$$rest 2>&1 & beside=$$!; \
	$(PYTEST) -m "not long" -q $(FRONT); front=$$?; \
	wait $$beside; back=$$?; cat $$rest; rm -f $$rest; exit $$((front + back))

test-long: $(VENV)/.test ## the tests that run for minutes (ten-minute run, outages)
	$(PYTEST) -m long -v

kill-restart: $(VENV)/.test ## 200 engines killed at random moments, a start after each
	$(PYTEST) tests/integration/test_kill_restart.py -m long -v

bench: $(VENV)/.test ## measure, as ratios against a yardstick in the same run
	@rm -f build/bench.json
	$(PYTEST) benchmarks -m "not long" -q --benchmark-columns=min,median,ops

bench-loopback: $(VENV)/.test ## a tick over loopback at 0, 20 and 50 ms, ours and others' ways
	$(PYTEST) benchmarks/path/test_bench_loopback.py -m long -q

bench-tier: $(VENV)/.test ## the default tier on virtual time: what each way of sending makes of it
	$(BIN)/python benchmarks/path/tier.py

bench-steady: $(VENV)/.test ## ten minutes at 500 book frames a second: is the loop ever late
	$(PYTEST) benchmarks/path/test_bench_steady.py -m long -q

bench-peers: $(VENV)/.test ## install other libraries and measure them beside ours
	@$(EXTRA) bench > $(VENV)/.bench.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r $(VENV)/.bench.txt
	$(PYTEST) benchmarks/micro/test_bench_peers.py benchmarks/path/test_bench_loopback.py -m "not long" -q

bench-baseline: $(VENV)/.test ## measure for minutes and write benchmarks/baseline.json anew
	$(PYTEST) benchmarks -m "not long" -q --refresh-baseline

simtest: $(VENV)/.test ## 200 seeds of six simulated minutes, 90 that draw limits too, 40 that trip breakers and 20 with a second writer, all promises
	$(BIN)/mmfast simtest --seeds 200 --minutes 6
	$(BIN)/mmfast simtest --seeds 90 --minutes 2 --from 100000
	$(BIN)/mmfast simtest --seeds 40 --minutes 2 --from 200000
	$(BIN)/mmfast simtest --seeds 20 --minutes 2 --from 300000

simtest-bugs: $(VENV)/.test ## every planted bug must be caught by 200 seeds (minutes)
	$(PYTEST) tests/sim/test_planted_bugs.py -v

fuzz: $(VENV)/.test ## 200,000 mutated inputs per fuzz target, 10^6 sequences of intents
	$(PYTEST) tests/fuzz -v --fuzz-count 200000 $(FUZZ)

lint: $(VENV)/.lint ## ruff, strict mypy, stub check, architecture tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python -m mypy
	$(BIN)/python -m mypy.stubtest mmfast._core --allowlist tests/arch/stubtest_allowlist.txt
	$(PYTEST) tests/arch -q

sanitize: $(VENV)/.test ## the tests of the compiled core under ASan and UBSan
	PYTHON=$(abspath $(BIN))/python bash tests/sanitize.sh

ci: ## everything that must hold before a change lands
	bash .ci/run

clean: ## remove what was built
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	rm -f mmfast/_core/*.so mmfast/engine/*.so mmfast/engine/*/*.so mmfast/runtime/*.so mmfast/*.so

docs: $(VENV)/.test ## print the order table from the code into docs/architecture.md
	PYTHONPATH=. $(BIN)/python tests/harness/order_table.py
