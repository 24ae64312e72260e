# You run the same targets as CI; `make` alone lists them.
#
# Requires git, a C compiler, cargo, and Python 3.11 or later with venv. Everything else is installed
# from the package registries into .venv and target, and nothing globally.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# A new database for every run, so that a run does not disturb one that is still open.
DEMO_DATABASE = target/demo/$(shell date +%Y%m%d-%H%M%S)-$$$$.db

export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_REQUIRE_VIRTUALENV := 1

# An environment contains its own path and that of its Python. If it was moved or its Python is gone,
# make a new one.
MADE_FOR := $(CURDIR) $(PYTHON)
ifneq ($(wildcard $(VENV)/made-for),)
ifneq ($(shell cat $(VENV)/made-for && $(BIN)/python -c ''),$(MADE_FOR))
$(info the environment was moved or is broken: making a new one)
$(shell rm -rf $(VENV))
endif
endif

RUST_SOURCES := Cargo.toml Cargo.lock $(shell find rust -name '*.rs' -o -name Cargo.toml)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: demo
demo: $(VENV)/built ## Run experiments from settings to report
	@mkdir -p target/demo
	@$(BIN)/sortition demo --db $(DEMO_DATABASE)

# This removes the stamp of the release build, so targets that test, measure or ship make that build
# again.
.PHONY: develop
develop: $(VENV)/installed ## Build the compiled module quickly, to try an edit of the Rust code
	@rm -f $(VENV)/built
	@$(BIN)/maturin develop $(DEVELOP) --skip-install >target/build.log 2>&1 \
		|| { cat target/build.log; exit 1; }

# One process per core; a process that is done early takes tests from the others.
PARALLEL := $(BIN)/python -m pytest --numprocesses auto --dist worksteal

.PHONY: test
test: test-rust test-python ## Run all tests that need no further packages

.PHONY: test-rust
test-rust:
	cargo test --workspace --locked

.PHONY: test-python
test-python: $(VENV)/built $(VENV)/test-tools
	$(PARALLEL) -m "not system"

# A service may have any of these versions. The tests of the proxy use `requests`, not the client.
URLLIB3 := 1.26.20 2.0.7

.PHONY: test-urllib3
test-urllib3: $(URLLIB3:%=test-urllib3-%) ## Run the tests of HTTP with older versions of urllib3

test-urllib3-%: target/urllib3/% $(VENV)/built $(VENV)/test-tools
	PYTHONPATH=target/urllib3/$* $(BIN)/python -m pytest tests/http --ignore tests/http/test_proxy.py -m "not system"

target/urllib3/%: $(VENV)/pip
	$(BIN)/pip install --quiet --no-deps --target $@ urllib3==$*

.PHONY: test-quick
test-quick: $(VENV)/built $(VENV)/test-tools ## Run the tests that take less than a second each
	$(PARALLEL) -m "not system and not slow"

# Not part of CI: with Python 3.11 it takes nearly three times the processor time of the tests alone.
.PHONY: coverage
coverage: $(VENV)/built $(VENV)/test-tools ## Measure the branch coverage of the quick tests
	$(PARALLEL) -m "not system and not slow" --cov --cov-report=term:skip-covered

.PHONY: mutants
mutants: $(VENV)/built $(VENV)/test-tools ## Change rules on purpose, and check that a test fails
	PYTHONPATH=tests $(BIN)/python -m mutants $(RULE)

.PHONY: test-system
test-system: $(VENV)/built $(VENV)/test-tools $(VENV)/server-tools $(VENV)/eventlet/made ## Run the tests that need the packages of apt.txt
	$(BIN)/python -m pytest -m system

.PHONY: test-engines
test-engines: $(VENV)/built $(VENV)/test-tools $(VENV)/engine-tools ## Compare the sums of ClickHouse and Spark with those of SQLite; needs Java
	$(BIN)/python -m pytest tests/results/engines.py

.PHONY: soak
soak: $(VENV)/built $(VENV)/test-tools $(VENV)/server-tools $(VENV)/eventlet/made ## Run long tests at their full size, and print their figures
	SORTITION_SOAK=1 $(BIN)/python -m pytest -s --timeout 1800 tests/sending/test_outages.py tests/sending/test_request_path.py \
		tests/engine/test_independence.py tests/spool/test_kills.py tests/spool/test_pagesense_spool.py \
		tests/settings/test_polling.py tests/settings/test_first_settings.py tests/processes/test_frozen.py \
		tests/processes/test_processes.py tests/processes/test_servers.py tests/processes/test_greenlets.py \
		tests/stats/test_coverage.py tests/storages/test_shared_storages.py
	$(MAKE) cross

# The flags of `cargo fuzz`, but on the stable toolchain; the engine has no unsafe code that would need
# a sanitizer.
FUZZ_FLAGS := --cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
	-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
	-Cllvm-args=-sanitizer-coverage-trace-compares -Cllvm-args=-simplifycfg-branch-fold-threshold=0
FUZZ_HOST := $(shell rustc -vV 2>/dev/null | sed -n 's/^host: //p')
FUZZ_SECONDS ?= 20
FUZZ := target/fuzz

.PHONY: fuzz
fuzz: fuzz-vwo_settings fuzz-pagesense_settings fuzz-pattern fuzz-text fuzz-spool ## Look for documents, patterns and files that break a parser

.PHONY: fuzz-spool
fuzz-spool: $(VENV)/built $(VENV)/fuzz-tools
	@mkdir -p $(FUZZ)/spool
	$(BIN)/python fuzz/fuzz_segments.py -max_total_time=$(FUZZ_SECONDS) -max_len=4000 \
		-artifact_prefix=$(FUZZ)/spool/

.PHONY: fuzz-seeds
fuzz-seeds:
	rm -rf $(FUZZ)/*/seeds
	$(PYTHON) fuzz/seeds.py $(FUZZ)

# No input may take longer than ten seconds or more than half a gigabyte.
.PHONY: fuzz-%
fuzz-%: fuzz-seeds
	RUSTFLAGS="$(FUZZ_FLAGS)" cargo build --quiet --release --locked \
		--manifest-path fuzz/Cargo.toml --target-dir $(FUZZ)/build --target $(FUZZ_HOST) --bin $*
	mkdir -p $(FUZZ)/$*/found
	$(FUZZ)/build/$(FUZZ_HOST)/release/$* -max_total_time=$(FUZZ_SECONDS) -timeout=10 \
		-rss_limit_mb=512 -max_len=32768 -dict=$(FUZZ)/$*/words.dict -print_final_stats=1 \
		-verbosity=0 -artifact_prefix=$(FUZZ)/$*/ $(FUZZ)/$*/found $(FUZZ)/$*/seeds

.PHONY: fmt
fmt: $(VENV)/lint-tools ## Format the code
	cargo fmt
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

.PHONY: lint
lint: $(VENV)/lint-tools ## Check formatting and lints
	cargo fmt --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/python .ci/third_party.py check
	$(BIN)/actionlint
	$(BIN)/zizmor --offline --quiet .github

# Checks the code for a Python without the GIL, without having one: PyO3 reads this file instead of asking
# the interpreter.
.PHONY: lint-free-threaded
lint-free-threaded: ## Check the Rust code that is for free-threaded Python only
	PYO3_CONFIG_FILE=$(CURDIR)/rust/bindings/free-threaded.txt cargo clippy --package sortition-bindings \
		--locked --target-dir target/free-threaded -- -D warnings

.PHONY: types
types: $(VENV)/built $(VENV)/test-tools $(VENV)/lint-tools ## Check types, and compare the stubs with the compiled module
	$(BIN)/mypy
	$(BIN)/stubtest sortition._core --mypy-config-file pyproject.toml

.PHONY: unicode
unicode: ## Generate the Unicode tables; requires Python 3.11
	$(PYTHON) rust/pythonic/unicode/generate.py
	cargo fmt

.PHONY: check-unicode
check-unicode: ## Check that the Unicode tables are those of Python 3.11
	$(PYTHON) rust/pythonic/unicode/generate.py --check

.PHONY: options
options: $(VENV)/built ## Generate the signatures and the page of the launch options
	PYTHONPATH=tests $(BIN)/python -m support.launch_options

.PHONY: schema
schema: $(VENV)/built ## Generate the JSON Schemas of settings documents
	PYTHONPATH=tests $(BIN)/python -m support.schema

PEERS := vwo-python-sdk eppo-server-sdk statsig-python-core growthbook optimizely-sdk \
	launchdarkly-server-sdk zohopagesense-python-sdk

.PHONY: bench
bench: $(VENV)/built peers ## Compare with the pure engine, the peers and the floor
	$(BIN)/python benches/compare.py --json target/bench/figures.json

.PHONY: bench-each
bench-each: $(VENV)/built $(VENV)/bench-tools ## Measure each benchmark alone, with pytest-benchmark
	$(BIN)/python -m pytest benches

.PHONY: bench-async
bench-async: $(VENV)/built ## Measure how long the async client holds its loop, and what its calls cost
	$(BIN)/python benches/async_client.py

.PHONY: bench-engine
bench-engine: ## Measure the engine alone, with criterion
	cargo bench --locked --package sortition-engine --bench engine

.PHONY: bench-once
bench-once: $(VENV)/built $(VENV)/bench-tools
	cargo test --quiet --locked --package sortition-engine --bench engine
	$(BIN)/python -m pytest benches --benchmark-disable
	$(BIN)/python benches/compare.py --once compiled pure floor 'pagesense, compiled' 'pagesense, pure'

.PHONY: instructions
instructions: $(VENV)/built ## Count the instructions of the hottest paths; requires valgrind
	$(BIN)/python benches/instructions.py $(if $(REASON),--write '$(REASON)')

# Each has its own environment, because their pins conflict.
.PHONY: peers
peers: $(PEERS:%=target/peers/%/installed)

target/peers/%/installed:
	$(PYTHON) -m venv target/peers/$*
	target/peers/$*/bin/pip install --quiet $*
	@touch $@

.PHONY: packages
packages: target/packaged ## Build the wheels and the source distribution into dist

# On Linux, zig's linker supports every glibc from 2.17 on.
FLOOR := $(if $(filter Linux,$(shell uname)),--zig --compatibility manylinux2014)
PACKAGED := LICENSE THIRD-PARTY-NOTICES.txt $(wildcard *.md) CITATION.cff deny.toml Makefile pyproject.toml \
	$(RUST_SOURCES) $(shell find .ci build_backend docs examples python tests -type f ! -name '*.pyc' ! -name '*.so')

target/packaged: $(PACKAGED) $(VENV)/package-tools
	rm -rf dist
	$(BIN)/python .ci/build_wheel.py dist $(FLOOR)
	$(BIN)/maturin sdist --out dist
	$(BIN)/hatchling build --target wheel --directory dist
	@touch $@

.PHONY: check-packages
check-packages: packages ## Install each package into its own environment, and use it
	$(BIN)/python .ci/check_packages.py dist

.PHONY: check-pythons
check-pythons: packages ## Test the compiled wheel with every other available CPython
	$(BIN)/python .ci/check_pythons.py dist

.PHONY: cross
cross: packages $(VENV)/cross-tools ## Build for aarch64 and musl, and test the builds; takes long
	nice $(BIN)/python .ci/cross.py target/cross/wheels

.PHONY: check-docs
check-docs: $(VENV)/built $(VENV)/test-tools ## Run the examples in the docs and check their links
	$(BIN)/python -m pytest tests/package/test_readme.py tests/package/test_links.py

.PHONY: audit
audit: $(VENV)/built $(VENV)/audit-tools ## Check the installed packages for known vulnerabilities; requires the network
	$(BIN)/pip-audit --local --skip-editable

.PHONY: notices
notices: ## Generate the third-party notices
	$(PYTHON) .ci/third_party.py write

.PHONY: deny
deny: ## Check the crates for known vulnerabilities, licences and sources; requires cargo-deny
	cargo deny --locked check

.PHONY: clean
clean: ## Remove everything that was built
	rm -rf $(VENV) dist target

# pip supports dependency groups from 25.1 on.
$(VENV)/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "sortition needs Python 3.11 or later; name one: make PYTHON=python3.13")'
	@echo 'making an environment for Python in $(VENV)'
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --upgrade 'pip>=25.1'
	@echo '$(MADE_FOR)' >$(VENV)/made-for
	@touch $@

$(VENV)/%-tools: pyproject.toml $(VENV)/pip
	@echo 'installing the packages of the group $*'
	@$(BIN)/pip install --quiet --group $*
	@touch $@

# Its gunicorn is older than that of the other servers.
$(VENV)/eventlet/made: pyproject.toml $(VENV)/pip
	$(PYTHON) -m venv --without-pip $(VENV)/eventlet
	$(BIN)/pip --python $(VENV)/eventlet/bin/python install --quiet --group eventlet
	@touch $@

DEVELOP := --profile develop --locked --quiet

$(VENV)/installed: pyproject.toml $(VENV)/build-tools
	@echo 'installing sortition from this folder, with a quick build of the compiled engine'
	@mkdir -p target
	@rm -f $(VENV)/built
	@$(BIN)/maturin develop $(DEVELOP) --extras demo >target/build.log 2>&1 \
		|| { cat target/build.log; exit 1; }
	@touch $@

$(VENV)/built: pyproject.toml $(VENV)/build-tools $(RUST_SOURCES)
	@echo 'building the compiled engine: about a minute of two processors'
	@$(BIN)/python .ci/watch_build.py $(BIN)/maturin develop --release --locked --extras demo
	@touch $@ $(VENV)/installed
