# run: install and start on embedded defaults. test: install and pass every test. The rest is for those who change the code.
.PHONY: run test check unit e2e bench fuzz fuzz-sip format lock clean

PYTEST = .venv/bin/python -m pytest
# What is compiled of the tests is kept, also where little else is: several processes import it.
unexport PYTHONDONTWRITEBYTECODE

run:
	@scripts/install run
	@.venv/bin/telephonist serve

# The tests wait most of their time, so more of them run than there are processors, and the checks beside them. The
# fuzzing takes what those leave that listen to real calls in real time.
test:
	@scripts/install test
	@$(MAKE) --no-print-directory -j 2 check unit
	@scripts/beside '$(MAKE) --no-print-directory fuzz-sip' $(MAKE) --no-print-directory e2e

check:
	@scripts/install test
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports

unit:
	@scripts/install test
	@$(PYTEST) -q --collect-only >/dev/null || true # compiles the tests once, and not in each process
	$(PYTEST) -q --asyncio-debug -n 6 --dist worksteal --ignore tests/e2e

e2e:
	@scripts/install test
	$(PYTEST) -q -n 2 --dist loadfile tests/e2e

bench:
	@scripts/install bench
	.venv/bin/telephonist-bench short --write bench/RESULTS.md

# Fuzz targets under coverage guidance, each for SECONDS: make fuzz SECONDS=600 TARGETS='rtp rtcp'
SECONDS = 60
TARGETS = $(patsubst fuzz_%,%,$(basename $(notdir $(wildcard tests/fuzz/fuzz_*.py))))
fuzz:
	@scripts/install test
	@.venv/bin/python -m tests.fuzz --seconds $(SECONDS) $(TARGETS)

# What SIP brings, each target for 20 s.
fuzz-sip:
	@scripts/install test
	@.venv/bin/python -m tests.fuzz

format:
	@scripts/install test
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .

lock:
	scripts/lock

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist *.egg-info
	find . -name __pycache__ -type d -exec rm -rf {} +
