# Everything a person runs. On a fresh machine it needs Python 3.11 (or 3.12), make and the package index.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

export ATTRIBUTION_HOME := $(if $(filter /%,$(ATTRIBUTION_HOME)),$(ATTRIBUTION_HOME),$(CURDIR)/$(or $(ATTRIBUTION_HOME),.local))
export PYTHONPATH := $(CURDIR)
export PATH := $(CURDIR)/.venv/bin:$(PATH)
# Images often set it; every process would compile Airflow and dbt anew, which takes as long as three tasks.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help
help: ## List the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

# --- Use ---------------------------------------------------------------------------------------------------------------

.PHONY: run
run: .venv/.run ## One whole run, ending with the attribution table [GA4=folder EVENTS=n SEED=n DEMO=1]
	@python -m include.run $(if $(GA4),--ga4 "$(GA4)") $(if $(EVENTS),--events "$(EVENTS)") \
		$(if $(SEED),--seed "$(SEED)") $(if $(DEMO),--demo)

.PHONY: backfill
backfill: .venv/.run ## Everything, or some dates, from the source again [FULL=1 | START=YYYY-MM-DD END=YYYY-MM-DD]
	python -m include.run_backfill $(if $(FULL),--full) $(if $(START),--start "$(START)") $(if $(END),--end "$(END)")

.PHONY: upkeep
upkeep: .venv/.run ## The nightly work now: deletions, retention, the proof, the dbt docs
	python -m include.run_upkeep

.PHONY: fit
fit: .venv/.run ## Fit the data-driven models (markov, shapley) now; the next run's credit follows
	python -m include.data_driven

.PHONY: check-bigquery
check-bigquery: .venv/.run ## Before the first run on BigQuery: login, rights, cost [START=YYYY-MM-DD END=... PRICE=dollars a TiB]
	python -m include.check_bigquery $(if $(START),--start "$(START)") $(if $(END),--end "$(END)") $(if $(PRICE),--price "$(PRICE)")

.PHONY: up
up: .venv/.run ## Airflow's UI and schedule on this machine [DEMO=1]
	python -m include.up $(if $(DEMO),--demo)

.PHONY: clean-demo
clean-demo: .venv/.run ## Remove the demo data of ATTRIBUTION_HOME and all that was derived from it
	python -m include.clean_demo

.PHONY: explain
explain: .venv/.run ## One conversion's whole story: events, sessions, touches, credit [ID=conversion or order]
	python -m include.explain "$(ID)"

.PHONY: report
report: .venv/.run ## The dashboard as one HTML file [REPORT=file START=YYYY-MM-DD END=... MODEL=... OTHER=... CHANNEL=...]
	python -m include.dashboard.report $(if $(REPORT),"$(REPORT)") $(if $(START),--start "$(START)") \
		$(if $(END),--end "$(END)") $(if $(MODEL),--model "$(MODEL)") $(if $(OTHER),--other "$(OTHER)") \
		$(if $(CHANNEL),--channel "$(CHANNEL)")

.PHONY: bench
bench: .venv/.dev ## The benchmarks [ARGS="--scale 10"]
	python -m benchmarks $(ARGS)

.PHONY: truth
truth: .venv/.dev ## How far each model lands from the truth, the tables of docs/models.md [ARGS="--people 20000 --seeds 5"]
	python -m benchmarks.truth $(ARGS)

# --- Work on it --------------------------------------------------------------------------------------------------------

# The quick unit tests come last and fill the gaps.
.PHONY: test
test: lint ## Lint, then every test that needs no Google Cloud, but for the rehearsal
	pytest -n 3 --dist loadfile --no-loadscope-reorder --durations=10

.PHONY: prove
prove: .venv/.dev ## Incremental = full refresh on 500 random stories, killed after every statement [SEED=n]
	pytest -m proof --hypothesis-profile=proof --hypothesis-seed=$(or $(SEED),$(shell echo $$RANDOM))

.PHONY: rehearsal
rehearsal: .venv/.dev ## What takes many minutes: a late run, more DAGs on the stand-in for BigQuery, more random worlds
	pytest -m rehearsal -n 2 --dist loadfile

.PHONY: screenshots
screenshots: .venv/.dev ## The pictures of the dashboard in docs/, on generated data; needs chromium
	python -m tests.dashboard.screenshots

.PHONY: lint
lint: .venv/.dev ## Style and types: Python, YAML, SQL for both engines
	ruff check
	ruff format --check
	yamllint --strict .
	@$(MAKE) --no-print-directory -j 3 lint-types lint-sql

.PHONY: lint-types
lint-types: .venv/.dev
	mypy

.PHONY: lint-sql
lint-sql:
	@find dbt -name '*.sql' -not -path '*/target/*' -exec awk \
		'length > 120 { print FILENAME ":" FNR ": longer than 120 characters"; status = 1 } END { exit status }' {} +
	@$(MAKE) --no-print-directory -j 2 lint-sql-bigquery lint-sql-local

.PHONY: lint-sql-bigquery lint-sql-local
lint-sql-bigquery lint-sql-local: lint-sql-%: .venv/.dev
	@python .ci/lint_sql.py $*

.PHONY: manifest
manifest: .venv/.run ## Have dbt parse the project and write its manifest
	cd dbt && dbt parse

.PHONY: requirements
requirements: .venv/bin/uv ## Compile the requirement files again [UPGRADE=1 takes the newest versions]
	uv pip compile --quiet --universal --python-version 3.11 --custom-compile-command "make requirements" \
		$(if $(UPGRADE),--upgrade) requirements.in -o requirements.txt
	uv pip compile --quiet --universal --python-version 3.11 --custom-compile-command "make requirements" \
		$(if $(UPGRADE),--upgrade) requirements-dev.in -o requirements-dev.txt

.PHONY: clean
clean: ## Remove the virtual environment and the caches; the data in ATTRIBUTION_HOME stays
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# --- The virtual environment -------------------------------------------------------------------------------------------

.venv/bin/uv:
	@for candidate in python3.11 python3 python3.12; do \
		if "$$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 13))' 2>/dev/null; then \
			"$$candidate" -m venv .venv && .venv/bin/python -m pip install --quiet uv && exit 0; \
			echo "Making .venv with $$candidate failed; the message is above." >&2; exit 1; \
		fi; \
	done; \
	echo "No Python 3.11 or 3.12 found as python3.11, python3 or python3.12. Install Python 3.11 and run make again." >&2; \
	exit 1

.venv/.run: requirements.txt | .venv/bin/uv
	uv pip install --quiet --python .venv -r requirements.txt
	@# dbt imports its plugin, include.duckdb_plugin, from whatever folder it is started in
	@for packages in .venv/lib/python3*/site-packages; do echo "$(CURDIR)" > "$$packages/attribution.pth"; done
	@touch $@

.venv/.dev: requirements.txt requirements-dev.txt .venv/.run
	uv pip install --quiet --python .venv -r requirements.txt -r requirements-dev.txt
	@touch $@
