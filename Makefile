# run: install and start on embedded defaults. test: install and pass every test. The rest is for those who change the code.
.PHONY: run test check unit e2e bench fuzz format lock clean

PYTEST = .venv/bin/python -m pytest

run:
	@scripts/install run
	@.venv/bin/telephonist serve

test: check unit e2e

check:
	@scripts/install test
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports

unit:
	@scripts/install test
	PYTHONASYNCIODEBUG=1 $(PYTEST) -q -n 2 --ignore tests/e2e

e2e:
	@scripts/install test
	$(PYTEST) -q -n 2 --dist loadfile tests/e2e

bench:
	@scripts/install bench
	.venv/bin/telephonist-bench short --write bench/RESULTS.md

# Each fuzz target under coverage guidance for SECONDS.
SECONDS = 60
fuzz:
	@scripts/install test
	@for target in $(basename $(notdir $(wildcard tests/fuzz/fuzz_*.py))); do \
		echo "== $$target"; .venv/bin/python -m tests.fuzz.$$target -max_total_time=$(SECONDS) || exit 1; \
	done

format:
	@scripts/install test
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .

lock:
	scripts/lock

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist *.egg-info
	find . -name __pycache__ -type d -exec rm -rf {} +
