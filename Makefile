# Two commands do everything: `make demo` and `make test`. VENV may point at an environment of your own.
VENV ?= .venv
PY := $(VENV)/bin/python
UV := $(shell command -v uv 2>/dev/null)
READY := $(VENV)/.ready
JOBS ?= 2

.PHONY: demo test lint wheel-check bench soak soak-serve clean check

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
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
