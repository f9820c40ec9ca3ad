# make demo: the practice fleet, configured. make test: everything CI runs. Both install what they need.
PY = .venv/bin/python
SUDO = $(if $(filter-out 0,$(shell id -u)),sudo env "HOME=$(HOME)")

.PHONY: demo test lint setup bench compat clean

demo: setup
	@scripts/demo.sh

test: setup lint
	@scripts/test.sh

lint: setup
	.venv/bin/ruff check .
	.venv/bin/mypy

setup:
	@scripts/setup.sh

bench: setup
	$(PY) benchmarks/compare.py

compat: setup
	$(PY) scripts/compat.py --write

clean:
	-$(SUDO) .venv/bin/fleet lab down
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache
