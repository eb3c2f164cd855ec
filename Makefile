.PHONY: demo test setup lint types clean
python := .venv/bin/python

demo: setup  ## sentences through GNU Radio, with a table and a report
	.venv/bin/semcom demo

test: setup  ## every test
	$(python) -m pytest -n 2 --dist loadfile --no-loadscope-reorder tests/end_to_end tests/blocks tests/unit  # long ones first

setup:
	@scripts/setup.sh

lint: setup  ## style, and who may import whom
	$(python) -m ruff check .
	$(python) -m ruff format --check .
	.venv/bin/lint-imports

types: setup
	$(python) -m mypy

clean:  ## all that was made here but .venv and runs/
	rm -rf build dist *.egg-info .pytest_cache .ruff_cache .mypy_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +
