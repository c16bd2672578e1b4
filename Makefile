# Needs GNU make (3.81 will do) and Python 3.11 or newer; everything else goes into .venv.
#
#   make app     install what is missing and open the app
#   make test    the same, and run the tests (one file: make test ARGS=tests/spec/test_run.py)
#   make test-all  run those that take long too
#   make torture run the tests of faults as often as docs/reliability.md says, for an hour or more
#   make lint    style, types, imports between packages, and declared dependencies
#   make docs    build the documentation into site/
#   make lock    renew requirements.lock; needs uv
#   make hooks   run the linters before each commit
#   make clean   remove the environment and the caches; runs and data stay
#
# PYTHON=/path/to/python3.12 chooses the Python, VENV=folder the environment.

# The first of these that is new enough makes the environment.
PYTHON ?= python3 python3.13 python3.12 python3.11
VENV ?= .venv
ARGS ?=
UV ?= uv
UPGRADE ?=

BIN := $(VENV)/bin
APP_READY := $(VENV)/.app-ready
DEV_READY := $(VENV)/.dev-ready

.PHONY: app test test-all torture lint docs lock hooks clean

app: $(APP_READY)
	$(BIN)/python -m streamlit run app.py

test: $(DEV_READY)
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder -m "not slow" $(ARGS)

test-all: $(DEV_READY)
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder $(ARGS)

torture: $(DEV_READY)
	SBP_TORTURE=1 $(BIN)/python -m pytest -s tests/faults $(ARGS)

lint: $(DEV_READY)
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .
	$(BIN)/python -m mypy
	$(BIN)/lint-imports
	$(BIN)/deptry .

docs: $(DEV_READY)
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict

# One lock for Linux and macOS and every Python that is accepted. UPGRADE=--upgrade takes what has come out since.
lock:
	$(UV) pip compile requirements.txt --universal --python-version 3.11 --generate-hashes --no-annotate \
	  --no-emit-index-url --custom-compile-command "make lock" $(UPGRADE) --quiet --output-file requirements.lock

hooks: $(DEV_READY)
	$(BIN)/python -m pre_commit install

clean:
	rm -rf "$(VENV)" .pytest_cache .ruff_cache .mypy_cache .hypothesis .import_linter_cache build dist site *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The ready files are touched last: an install that was cut is taken up again, one that went through is instant.
$(APP_READY): requirements.txt | $(BIN)/python
	$(BIN)/python -m pip install --disable-pip-version-check -r requirements.txt
	@touch $@

$(DEV_READY): requirements-dev.txt requirements-zoo.txt $(APP_READY)
	$(BIN)/python -m pip install --disable-pip-version-check -r requirements-dev.txt
	$(BIN)/python -m pip install --disable-pip-version-check --no-deps -r requirements-zoo.txt
	@touch $@

$(BIN)/python:
	@tried=""; \
	for python in $(PYTHON); do \
	  if "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	    echo "Making $(VENV) with $$("$$python" --version)"; \
	    "$$python" -m venv --clear "$(VENV)" && exit 0; \
	    rm -rf "$(VENV)"; \
	    echo "$$python cannot make an environment. On Debian and Ubuntu: apt install python3-venv." >&2; \
	    exit 1; \
	  fi; \
	  tried="$$tried $$python ($$("$$python" --version 2>/dev/null || echo missing))"; \
	done; \
	echo "Python 3.11 or newer is needed; tried:$$tried." >&2; \
	echo "Install one, then name it: make PYTHON=/path/to/python3.12 app" >&2; \
	exit 1
