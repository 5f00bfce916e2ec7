# make setup | demo [ARGS=--exit|--by-hand] | test [ARGS=…] | lint | bench | screenshots | lock | clean
PYTHON ?= python3
PY := .venv/bin/python
export UV_PYTHON_DOWNLOADS := never
ENVIRONMENTS := requirements/training.txt examples/mortgage-decisions/requirements.lock

.PHONY: setup demo test lint bench screenshots lock clean dev prepared

setup:
	@$(PYTHON) tools/bootstrap.py runtime
	@$(MAKE) --no-print-directory prepared

dev:
	@$(PYTHON) tools/bootstrap.py dev
	@$(MAKE) --no-print-directory prepared

# What services need later without the network: their locked environments.
prepared:
	@$(PY) -m stellwerk.infra.environments prepare $(ENVIRONMENTS)

demo: setup
	@$(PY) -m tools.demo $(ARGS)

test: dev
	@$(PY) -m pytest -n 2 $(ARGS)

lint: dev
	@$(PY) -m tools.lint

bench: dev
	@$(PY) -m bench $(ARGS)

screenshots: dev
	@$(PY) -m tools.screenshots $(ARGS)

# Hashed locks, one per profile, for Python 3.11 to 3.13; a later one is constrained by the earlier ones.
COMPILE = .tools/bin/uv pip compile -q --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-header
lock: dev
	$(COMPILE) requirements/bootstrap.in -o requirements/bootstrap.txt
	$(COMPILE) requirements/runtime.in -o requirements/runtime.txt
	$(COMPILE) -c requirements/runtime.txt requirements/training.in -o requirements/training.txt
	$(COMPILE) requirements/assets.in -o requirements/assets.txt
	$(COMPILE) -c requirements/runtime.txt -c requirements/training.txt -c requirements/assets.txt \
		requirements/dev.in -o requirements/dev.txt
	$(COMPILE) requirements/peers.in -o requirements/peers.txt
	$(COMPILE) -c requirements/training.txt examples/mortgage-decisions/requirements.in \
		-o examples/mortgage-decisions/requirements.lock

clean:
	rm -rf .venv .tools demo-home dist build .mypy_cache .ruff_cache .import_linter_cache .hypothesis test-results
