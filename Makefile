# make demo            an environment with what running needs, and the main job on a real image
# make test            an environment with what testing needs, and every check that needs neither root nor a service
#                      then the same tests, with fewer examples, on the newest Python and packages, and unit tests on the lowest
# make test-services   checks that need root, a service or a browser: file systems; Ceph's radosgw, SLURM, Chromium and Firefox,
#                      brought by apt; Azurite and axe, by npm; and other readers: libvips and Java by apt, Bio-Formats by pip
# make dist            dist/: the wheel and the sdist, checked as they would be published
# make docs            the site of docs/, in build/site, which needs no network
# make notebooks       build/notebooks/: the notebooks with output, which make docs then shows (a minute)
# make format          the types of the options, the reference, and what the formatter and the fixable rules can mend
# make clean           the environments and what tools left behind

SHELL := /bin/sh
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
VENV := .venv
LOWEST := .venv-lowest
NEWEST := .venv-newest
RELEASE := .venv-release
# The newest Python that is found of those that constraints-newest.txt is for; pyenv keeps its own off the PATH.
NEWEST_PYTHON = $(shell for v in 3.14 3.13 3.12; do for p in python$$v "$$HOME"/.pyenv/versions/$$v.*/bin/python; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 12))' 2>/dev/null && echo $$p && exit; done; done)
BIN := $(VENV)/bin
PIP := -m pip install --quiet --disable-pip-version-check --prefer-binary
AZURITE := build/azurite
BIOFORMATS := build/bioformats
AXE := build/axe
PACKAGES := radosgw ceph-mon ceph-osd ceph-base slurm-wlm munge default-jre-headless libvips-tools chromium firefox-esr xvfb \
	$(shell command -v npm > /dev/null || echo npm)
INSTALL := DEBIAN_FRONTEND=noninteractive apt-get install --quiet --quiet --yes --no-install-recommends
TESTS := tests/support/servers tests/unit tests/property tests/contract tests/integration

# Folders of tests in which the version of no other package has a part: they run once, as do tests with that mark.
ONCE := -m "not once" $(addprefix --ignore=tests/integration/,batch cli downloading editing feedback inventory labels \
	options packing previewing validating verifying viewing)

.PHONY: demo test test-services root packages lint unit lowest newest dist docs notebooks format clean

demo: $(VENV)/core.stamp
	$(BIN)/pyramid demo

test: lint docs unit lowest newest

lint: $(VENV)/dev.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python .ci/wording.py
	$(BIN)/python .ci/structure.py
	$(BIN)/lint-imports
	$(BIN)/mypy
	$(BIN)/hadolint Dockerfile

# The site of docs/, in build/site: every warning and every link of its own that leads nowhere is an error.
docs: $(VENV)/dev.stamp
	$(BIN)/python -m sphinx --quiet --fail-on-warning --keep-going --jobs auto -d build/doctrees -b html docs build/site
	$(BIN)/python .ci/site.py build/site

notebooks: $(VENV)/dev.stamp
	$(BIN)/python .ci/notebooks.py build/notebooks

unit: $(VENV)/dev.stamp
	$(BIN)/python -m pytest -n 3 --quiet --doctest-modules pyramid .ci/lowest.py $(TESTS)

lowest: $(LOWEST)/stamp
	$(LOWEST)/bin/python -m pytest -n 2 --quiet -W default tests/unit  # old packages warn of what new ones mended

test-services: root $(VENV)/dev.stamp packages $(AZURITE)/stamp $(AXE)/stamp $(BIOFORMATS)/stamp
	$(BIN)/python -m pytest --quiet tests/services

newest: $(if $(NEWEST_PYTHON),$(NEWEST)/stamp)
	$(if $(NEWEST_PYTHON),HYPOTHESIS_PROFILE=brief $(NEWEST)/bin/python -m pytest -n 3 $(ONCE) --quiet --doctest-modules pyramid $(TESTS), \
		@echo "no Python 3.12 to 3.14 was found: the tests did not run on the newest packages")

root:
	@test "$$(id -u)" = 0 || { echo "make test-services mounts file systems and installs: run it as root" >&2; exit 1; }

# No service of the system is needed: each test session starts a cluster of its own, in a folder of its own.
packages: root
	$(INSTALL) $(PACKAGES) > /dev/null 2>&1 || { apt-get update --quiet --quiet && $(INSTALL) $(PACKAGES); }

format: $(VENV)/dev.stamp
	$(BIN)/python .ci/option_types.py
	$(BIN)/python .ci/reference.py
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

dist: $(RELEASE)/stamp
	rm -rf dist
	$(RELEASE)/bin/python -m build
	$(RELEASE)/bin/twine check --strict dist/*

clean:
	rm -rf $(VENV) $(LOWEST) $(NEWEST) $(RELEASE) build dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis

$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo "no Python 3.11 or newer was found: install one, or give PYTHON=/path/to/it" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

# A stamp is older than its list of packages when that list has changed; without that, nothing is installed twice.
$(VENV)/core.stamp: $(VENV)/bin/python constraints.txt pyproject.toml
	$(BIN)/python $(PIP) --constraint constraints.txt --editable .
	touch $@

$(VENV)/dev.stamp: $(VENV)/bin/python constraints.txt pyproject.toml
	$(BIN)/python $(PIP) --constraint constraints.txt --editable '.[dev]'
	touch $@ $(VENV)/core.stamp

$(AZURITE)/stamp: tests/support/servers/azurite.json | packages
	mkdir -p $(AZURITE)
	cp tests/support/servers/azurite.json $(AZURITE)/package.json
	npm install --prefix $(AZURITE) --no-audit --no-fund --loglevel=error
	touch $@

# Only the wheel's Java archive is used, which the tests run as it is.
$(BIOFORMATS)/stamp: tests/support/bioformats.txt | $(VENV)/bin/python
	mkdir -p $(BIOFORMATS)
	$(BIN)/python -m pip download --quiet --disable-pip-version-check --no-deps --dest $(BIOFORMATS) --requirement $<
	for wheel in $(BIOFORMATS)/*.whl; do $(BIN)/python -m zipfile -e $$wheel $(BIOFORMATS); done
	touch $@

$(AXE)/stamp: tests/support/axe.json | packages
	mkdir -p $(AXE)
	cp tests/support/axe.json $(AXE)/package.json
	npm install --prefix $(AXE) --no-audit --no-fund --loglevel=error
	touch $@

$(LOWEST)/stamp: $(VENV)/bin/python constraints.txt pyproject.toml .ci/lowest.py
	$(PYTHON) -m venv $(LOWEST)
	$(PYTHON) .ci/lowest.py > $(LOWEST)/lowest.txt
	$(LOWEST)/bin/python $(PIP) --constraint $(LOWEST)/lowest.txt --editable . pytest pytest-xdist hypothesis jsonschema
	touch $@

$(NEWEST)/stamp: constraints-newest.txt pyproject.toml
	$(NEWEST_PYTHON) -m venv $(NEWEST)
	$(NEWEST)/bin/python $(PIP) --constraint constraints-newest.txt --editable '.[test]'
	touch $@

$(RELEASE)/stamp: .ci/release.txt
	$(PYTHON) -m venv $(RELEASE)
	$(RELEASE)/bin/python $(PIP) --requirement $<
	touch $@
