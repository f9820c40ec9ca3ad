# make demo: the practice fleet, configured. make test: everything CI runs. Both install what they need.
PY = .venv/bin/python

.PHONY: demo test lint setup bench clean

demo: setup
	@scripts/demo.sh

test: setup lint
	$(PY) -m pytest -q -m "not lab and not virt"
	$(PY) -m pytest -q -m "lab or virt"

lint: setup
	.venv/bin/ruff check .
	.venv/bin/mypy

setup:
	@scripts/setup.sh

bench: setup
	$(PY) benchmarks/compare.py

clean:
	-.venv/bin/fleet lab down
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache
