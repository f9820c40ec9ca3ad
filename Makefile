# `make` tells what there is. Every target installs what it needs.
PY = .venv/bin/python
SUDO = $(if $(filter-out 0,$(shell id -u)),sudo env "HOME=$(HOME)")

.PHONY: help demo test lint setup docs site bench compat clean

help: ## what there is
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: setup ## the practice fleet on this machine, configured by playbooks/site.yml; again it changes nothing
	@scripts/demo.sh

test: setup lint ## all tests, as CI runs them
	@scripts/test.sh

lint: setup ## ruff, and mypy (strict for fleet/)
	.venv/bin/ruff check .
	.venv/bin/mypy

setup: ## Debian packages, and fleet in .venv
	@scripts/setup.sh

docs: setup ## the pages that are made from code
	@$(PY) -m fleet.cli.pages

site: docs ## the documentation as a site, in build/site
	@.venv/bin/pip install -q --disable-pip-version-check -c constraints.txt -e '.[docs]'
	@NO_MKDOCS_2_WARNING=1 .venv/bin/mkdocs build --strict -q
	@echo build/site/index.html

bench: setup ## fleet beside the floor, Ansible and others
	.venv/bin/pip install -q --disable-pip-version-check -c constraints.txt -e ".[bench]"
	$(PY) -m benchmarks.run
	$(PY) -m benchmarks.report

compat: setup ## ansible-core's own tests, with the figure written into docs/compatibility.md
	$(PY) scripts/compat.py --write

clean: ## the lab, .venv and caches away
	-$(SUDO) .venv/bin/fleet lab down
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache
