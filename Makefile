# Everything from a bare clone, with Python 3.11 or newer and make: `make` alone lists the targets.
# Needs nothing newer than GNU make 3.81 and a POSIX shell.

PYTHON ?=
# Half of a test's time is waiting: four keep two cores busy.
JOBS ?= 4
PY := .venv/bin/python
PIP := $(PY) -m pip --disable-pip-version-check --no-input -qq

# The scripts of an environment hold its absolute path: in a clone that was moved or copied it is made anew.
HERE := $(shell pwd | cksum | cut -d' ' -f1)
INSTALLED := .venv/installed-$(HERE)
TOOLS := .venv/tools-$(HERE)
ifneq ($(filter-out $(INSTALLED),$(wildcard .venv/installed-*)),)
.PHONY: .venv/bin/python
endif

unexport PYTHONPATH PYTHONHOME PYTHONSTARTUP VIRTUAL_ENV PIP_USER PIP_TARGET PIP_PREFIX PIP_REQUIRE_VIRTUALENV
# Without what was compiled before, each of the tests' workers takes five seconds for it.
unexport PYTHONDONTWRITEBYTECODE
export PIP_ROOT_USER_ACTION := ignore

# The migration files that run outside one transaction, as far as a linter must know.
OUTSIDE := -iE '^ *(create|drop|reindex) [a-z ]*concurrently|^-- chatops: '

.DEFAULT_GOAL := help
.PHONY: help demo test test-one test-long lint docs screens store-screens help-file catalog new-check bench bench-migrate bench-reads bench-assign bench-bulk bench-takeover bench-growth bench-start bench-readme clean
.PHONY: named

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z][a-z-]*:.*## / { printf "make %-13s %s\n", $$1, $$2 }' Makefile

demo: $(INSTALLED) ## a working system with trouble in it, on a Postgres of its own (ARGS="--size 500")
	@.venv/bin/chatops demo $(ARGS)

test: $(TOOLS) ## all tests, on real Postgres servers (JOBS=4 at a time)
	@$(PY) -m pytest -n $(JOBS) --dist worksteal

test-one: named $(TOOLS) ## the tests whose name matches: make test-one K=expression
	@$(PY) -m pytest -n 0 -k "$$K"

named:
	@test -n "$$K" || { echo 'say which: make test-one K=expression, as in K="wire and counts"' >&2; exit 2; }

test-long: $(TOOLS) ## the races and soaks at full length
	@CHATOPS_TEST_LONG=1 $(PY) -m pytest -m long -n $(JOBS)

lint: $(TOOLS) ## style, types, import contracts, and the safety of the SQL
	@failed=; \
	say() { echo "-- $$1"; "$$@" || failed="$$failed $${1##*/}"; }; \
	say .venv/bin/ruff check . ; \
	say .venv/bin/ruff format --check . ; \
	say .venv/bin/mypy ; \
	say .venv/bin/lint-imports --no-logo ; \
	say .venv/bin/squawk sql/bookkeeping.sql $$(grep -L $(OUTSIDE) sql/migrations/*.sql) sql/views/*.sql ; \
	outside=$$(grep -l $(OUTSIDE) sql/migrations/*.sql); \
	test -z "$$outside" || say .venv/bin/squawk --no-assume-in-transaction $$outside ; \
	test -z "$$failed" || { echo "not clean:$$failed" >&2; exit 1; }

docs: $(INSTALLED) ## write findings and reference of docs/ anew, from checks and commands
	@$(PY) -c 'from pathlib import Path; from chatops.screens.explain import document; Path("docs").mkdir(exist_ok=True); Path("docs/findings.md").write_text(document(), encoding="utf-8")'
	@$(PY) -m chatops.cli.help_file >/dev/null
	@$(PY) -m chatops.cli.reference_file

screens: $(INSTALLED) ## draw the pictures of docs/ from the demo
	@$(PY) -m benchmarks.screens

store-screens: $(TOOLS) ## store anew what every command shows of the demo; read what changed
	@CHATOPS_STORE_SCREENS=1 $(PY) -m pytest -n 0 tests/test_screens.py
	@git diff --stat tests/screens

help-file: $(INSTALLED) ## write chatops/cli/help.json anew from the commands
	@$(PY) -m chatops.cli.help_file

catalog: $(TOOLS) ## write sql/catalog anew: what each file of sql/migrations and sql/views makes
	@$(PY) -m tests.make_catalog

new-check: $(INSTALLED) ## the files of a new check: make new-check CODE=SHOP001 (REPAIR=1: and its repair)
	@$(PY) -m chatops.checks.new_check "$(CODE)" $(REPAIR)

bench: $(INSTALLED) ## all benchmarks in turn, and the README's figures (ROUNDS=5)
	@failed=; \
	for kind in migrate reads assign bulk takeover growth start; do \
	  $(MAKE) --no-print-directory bench-$$kind || failed="$$failed $$kind"; \
	done; \
	$(MAKE) --no-print-directory bench-readme || failed="$$failed readme"; \
	test -z "$$failed" || { echo "not measured:$$failed; what was measured before stands in benchmarks/results" >&2; exit 1; }

bench-migrate: $(INSTALLED) ## migrate against dbmate, yoyo, Alembic and others
	@$(PY) -m benchmarks migrate

bench-reads: $(INSTALLED) ## summary, queue, stuck, diagnose against psql
	@$(PY) -m benchmarks reads

bench-assign: $(INSTALLED) ## chats a second, against job queues and a bare UPDATE
	@$(PY) -m benchmarks assign

bench-bulk: $(INSTALLED) ## release and reassign of many, against one bare UPDATE
	@$(PY) -m benchmarks bulk

bench-takeover: $(INSTALLED) ## a large deployed system to the newest migration, against the bare statements
	@$(PY) -m benchmarks takeover

bench-growth: $(INSTALLED) ## what files, tenants and findings by the thousand cost
	@$(PY) -m benchmarks growth

bench-start: $(INSTALLED) ## how long it takes until something is there
	@$(PY) -m benchmarks start

bench-readme: $(INSTALLED) ## write the figures of both READMEs anew from benchmarks/results
	@$(PY) -m benchmarks readme

clean: ## remove the environment and everything that was built
	@rm -rf .venv build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# -- the environment ---------------------------------------------------------------------------------------------------

export PYTHON
define find_python
older= bare=
if test -n "$$PYTHON"; then set -- "$$PYTHON"; else set -- python3.13 python3.12 python3.11 python3.14 python3 python; fi
for name; do
  # A name may be there and not run (version switchers), run and be too old, or lack what makes environments (Debian).
  version=$$("$$name" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null </dev/null) || continue
  if ! "$$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then older="$$name is $$version"
  elif ! "$$name" -c 'import venv, ensurepip' 2>/dev/null; then bare="$${bare:-$$name}"
  else echo "$$name"; exit 0; fi
done
if test -n "$$bare"; then
  echo "$$bare cannot make virtual environments: its modules venv and ensurepip are missing (Debian, Ubuntu: apt-get install python3-venv)" >&2
elif test -n "$$PYTHON"; then
  echo "PYTHON=$$PYTHON does not run as Python 3.11 or newer$${older:+ ($$older)}" >&2
else
  echo "Python 3.11 or newer is missing$${older:+ ($$older)}: install it, or say where it is: make PYTHON=/path/to/python3 $${goal:-demo}" >&2
fi
exit 1
endef
export find_python

.venv/bin/python:
	@goal="$(MAKECMDGOALS)"; export goal; python=$$(sh -c "$$find_python") || exit 1; \
	rm -rf .venv; \
	"$$python" -m venv .venv || { rm -rf .venv; echo "$$python could not make a virtual environment in .venv" >&2; exit 1; }

$(INSTALLED): pyproject.toml .venv/bin/python
	@$(PY) -m pip --version >/dev/null 2>&1 || $(PY) -m ensurepip >/dev/null || exit 1; \
	echo "installing into .venv" >&2; \
	$(PIP) install -e '.[local,lint]' || { echo "the installation failed; the lines above say why" >&2; exit 1; }; \
	touch $@

# Read from pyproject.toml by Python itself: the pip of older systems does not know dependency groups.
$(TOOLS): $(INSTALLED)
	@$(PY) -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["dependency-groups"]["dev"], sep="\n")' >.venv/tools.txt
	@echo "installing the test tools into .venv" >&2
	@$(PIP) install -r .venv/tools.txt || { echo "the installation failed; the lines above say why" >&2; exit 1; }
	@touch $@
