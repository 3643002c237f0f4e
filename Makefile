# One command per chore; `make help` lists them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
.DEFAULT_GOAL := help

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(VENV)/ready: requirements.txt requirements-dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Lockstep needs Python 3.11 or newer; name one with: make PYTHON=python3.12 ..."; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	touch $@

.PHONY: venv
venv: $(VENV)/ready ## make the virtual environment

# What is given on make's command line becomes a setting: make run PORT=9000 is LOCKSTEP_PORT=9000.
# CALENDAR=google names no calendar but a real account (docs/own-account.md).
GIVEN = $(addprefix LOCKSTEP_,$(patsubst CALENDAR=google,CALENDAR_API=google,$(filter-out PYTHON=%,$(MAKEOVERRIDES))))

.PHONY: run
run: $(VENV)/ready ## run everything on this machine; PORT=…, STATE=… and the rest of docs/settings.md; CALENDAR=google for your own account
	@exec env $(GIVEN) $(BIN)/python -m infra.local.run

.PHONY: demo
demo: $(VENV)/ready ## watch the acceptance story: what a person does in the calendar, what the provider shows; STORE=…, QUEUE=…
	@exec env $(GIVEN) $(BIN)/python -m infra.local.demo

.PHONY: bench
bench: $(VENV)/ready ## measure: a notice's cold start, how late a meeting is, what a change costs, how long a start takes
	@$(BIN)/python -m benchmarks.latency
	@$(BIN)/python -m benchmarks.cold_start

.PHONY: manifest
manifest: $(VENV)/ready ## print the Workspace add-on's deployment manifest; PUBLIC_URL=https://… ADDON_LOGO=https://…
	@exec env $(GIVEN) $(BIN)/python -m infra.google.manifest

.PHONY: deploy
deploy: $(VENV)/ready ## lay it out in a Google Cloud project; PROJECT=… REGION=…, INCLUDE=… for your script; docs/deploy.md
	@$(BIN)/python -m infra.google.deploy "$(PROJECT)" "$(REGION)" $(if $(INCLUDE),--include $(INCLUDE))

# It has a virtual environment of its own: what it depends on contradicts our own pins.
CHECKOV = .deploy/checkov-3.3.8
.PHONY: checkov
checkov: ## judge the Terraform files by checkov's rules; each exception stands in them with its reason
	@[ -x $(CHECKOV)/bin/checkov ] || { $(PYTHON) -m venv $(CHECKOV) && $(CHECKOV)/bin/python -m pip install --quiet --disable-pip-version-check checkov==3.3.8; }
	@$(CHECKOV)/bin/python $(CHECKOV)/bin/checkov -d infra/google/terraform --framework terraform --compact --quiet --skip-download

.PHONY: lock
lock: ## pin the newest dependencies, with hashes
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -q --upgrade pyproject.toml -o requirements.txt
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -q --upgrade --extra dev -c requirements.txt pyproject.toml -o requirements-dev.txt

.PHONY: test
test: $(VENV)/ready ## run the whole suite: format, lint, types, tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/pytest -n auto

.PHONY: simulate
simulate: $(VENV)/ready ## live through many simulated worlds; SEEDS=…, FROM=…; a failing story is kept in regressions/
	@exec $(BIN)/python -m tests.simulation seeds $(if $(SEEDS),--seeds $(SEEDS)) $(if $(FROM),--from $(FROM))

.PHONY: canaries
canaries: $(VENV)/ready ## take each protection out of the product and see that the simulation notices; SEEDS=…
	@exec $(BIN)/python -m tests.simulation.canaries $(if $(SEEDS),--seeds $(SEEDS))

MUTANTS = .mutants
.PHONY: mutants
mutants: $(VENV)/ready ## change conference/ in a thousand small ways, and list what no test notices (half an hour)
	mkdir -p $(MUTANTS)
	rm -rf $(MUTANTS)/conference $(MUTANTS)/tests
	cp -pR conference tests pyproject.toml $(MUTANTS)
	cd $(MUTANTS) && HYPOTHESIS_PROFILE=quick ../$(BIN)/mutmut run && ../$(BIN)/mutmut results

.PHONY: format
format: $(VENV)/ready ## format the code and mend what the linter can
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

.PHONY: clean
clean: ## remove the virtual environment and the local stack's state
	rm -rf $(VENV) .lockstep
