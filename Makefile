# Two commands do everything: `make demo` and `make test`. VENV may point at an environment of your own.
VENV ?= .venv
PY := $(VENV)/bin/python
UV := $(shell command -v uv 2>/dev/null)
READY := $(VENV)/.ready
SENDERS ?= .venv-senders
SENDERS_READY := $(SENDERS)/.ready
JOBS ?= 2

.PHONY: demo test senders lint wheel-check bench soak soak-serve clean check

$(READY): pyproject.toml
ifdef UV
	test -x $(PY) || uv venv --quiet $(VENV)
	uv pip install --quiet --python $(PY) -e '.[all]' --group dev
else
	test -x $(PY) || python3 -m venv $(VENV)
	$(PY) -m pip install --quiet --upgrade pip
	$(PY) -m pip install --quiet -e '.[all]' --group dev
endif
	touch $@

demo: $(READY)
	$(VENV)/bin/reckon demo

test: $(READY)
	$(PY) -m pytest -n $(JOBS) --dist loadfile -q

# Real libraries that send to `reckon serve`, in an environment of their own; those of Node.js where npm is.
$(SENDERS_READY): tests/senders/requirements.txt tests/senders/package.json
ifdef UV
	test -x $(SENDERS)/bin/python || uv venv --quiet $(SENDERS)
	uv pip install --quiet --python $(SENDERS)/bin/python -r tests/senders/requirements.txt
else
	test -x $(SENDERS)/bin/python || python3 -m venv $(SENDERS)
	$(SENDERS)/bin/python -m pip install --quiet --disable-pip-version-check -r tests/senders/requirements.txt
endif
	cp tests/senders/package.json $(SENDERS)/
	! command -v npm >/dev/null || npm install --prefix $(SENDERS) --no-package-lock --no-audit --no-fund --ignore-scripts --loglevel=error
	touch $@

senders: $(READY) $(SENDERS_READY)
	SENDERS=$(SENDERS) $(PY) -m pytest -n 0 -q -rs tests/senders

lint: $(READY)
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

wheel-check: $(READY)
	$(PY) tests/packaging/check_wheel.py

check: lint wheel-check test

bench: $(READY)
	$(PY) -m benchmarks

soak: $(READY)
	$(PY) -m tests.soak

soak-serve: $(READY)
	$(PY) -m tests.soak.serve

clean:
	rm -rf $(VENV) $(SENDERS) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
