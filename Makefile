# What the README promises, and nothing more. Needs make and python3 3.11 or later with venv; everything else goes to .venv.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
ON_SQLITE := env -u TEST_DATABASE_URL -u TEST_REDIS_URL
ON_POSTGRESQL := $(BIN)/python -m tests.servers

.PHONY: run install test test-slow check bench lock messages

run: $(VENV)/.runtime
	@exec $(BIN)/python manage.py demo

install: $(VENV)/.dev

# The whole suite on SQLite with channels in memory; then what databases can tell apart on PostgreSQL with Redis (tests/servers.py starts
# what is not configured).
test: $(VENV)/.dev
	$(ON_SQLITE) $(BIN)/python -m pytest -n 2 --dist worksteal -m "not slow"
	$(ON_POSTGRESQL) $(BIN)/python -m pytest -n 2 --dist worksteal -m "not slow and not one_database"

test-slow: $(VENV)/.dev
	$(ON_POSTGRESQL) $(BIN)/python -m pytest -m slow

# Everything runs even where something has failed, so that one call shows the whole list.
check: $(VENV)/.dev
	@failed=""; \
	step() { printf '── %s\n' "$$*"; "$$@" || failed="$$failed\n  $$*"; }; \
	step $(BIN)/ruff check .; \
	step $(BIN)/ruff format --check .; \
	step $(BIN)/djlint --check --quiet templates; \
	step $(BIN)/djlint --lint --quiet templates; \
	step $(BIN)/mypy .; \
	step $(BIN)/lint-imports; \
	step $(BIN)/deptry .; \
	step $(BIN)/python manage.py makemigrations --check --dry-run; \
	step $(BIN)/python -m tests.messages --check; \
	if [ -n "$$failed" ]; then printf "\nFailed:$$failed\n"; exit 1; fi

bench: $(VENV)/.dev
	$(ON_POSTGRESQL) --durable $(BIN)/python -m tests.bench

# Translations: collects what is marked in the sources into locale/ and compiles it.
messages: $(VENV)/.dev
	$(BIN)/python -m tests.messages

# Locks: one for every Python from 3.11 on and every platform with wheels; versions and hashes, no address of any index.
LOCK := $(BIN)/uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --quiet \
	--no-header --no-annotate --no-emit-index-url --no-emit-find-links
HERE := platform_python_implementation == 'CPython' and sys_platform != 'win32'
NOISE := s/ and $(HERE)//; s/ ; $(HERE)//; s/ ; python_full_version < '3.15' and / ; /; s/ ; python_full_version < '3.15'//

lock: $(VENV)/.dev
	$(LOCK) --output-file requirements.lock
	$(LOCK) --group dev --constraint requirements.lock --output-file requirements-dev.lock
	sed -i.bak -e "$(NOISE)" requirements.lock requirements-dev.lock && rm -f requirements.lock.bak requirements-dev.lock.bak

# A stamp is as old as the lock it was installed from: a second `make run` installs nothing.
$(VENV)/.runtime: requirements.lock | $(BIN)/pip
	@echo "Installing what requirements.lock names…"
	@$(PIP) install --require-hashes -r requirements.lock
	@touch $@

$(VENV)/.dev: requirements-dev.lock requirements.lock | $(BIN)/pip
	@echo "Installing what requirements-dev.lock names…"
	@$(PIP) install --require-hashes -r requirements-dev.lock
	@touch $(VENV)/.runtime $@

$(BIN)/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "ChargeShare needs Python 3.11 or later; PYTHON=… names another one."; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { echo "Python cannot make a virtual environment here; on Debian install python3-venv."; rm -rf $(VENV); exit 1; }
