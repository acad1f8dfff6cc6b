PYTHON ?= .venv/bin/python

.DEFAULT_GOAL := help
.PHONY: help install test slow faults mutations bench lint wheel ci clean

help:     ## list the targets
	@sed -n 's/^\([a-z]*\): .*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 10

install: .venv/bin/pytest  ## make .venv with the tested versions, for work on the code

.venv/bin/pytest:
	python3 -m venv .venv
	.venv/bin/pip install -c constraints.txt -e '.[dev]'

test:     ## the tests, without the slow ones
	$(PYTHON) -m pytest -n 2

slow:     ## the tests that take minutes of training, or a browser
	$(PYTHON) -m pytest -m slow

faults:   ## kill and resume a hundred runs at random and at every moment, and damage their checkpoints
	$(PYTHON) -m pytest -m faults -s

mutations: ## break the code that saves and resumes, line by line, and see the tests of kills go red
	$(PYTHON) tests/faults/mutations.py

bench:    ## the speed beside a tutorial-style loop and the floor, a quarter of an hour; `python -m bench` lists more
	$(PYTHON) -m bench peers --quick

lint:     ## style and types
	$(PYTHON) -m ruff check
	$(PYTHON) -m mypy

wheel:    ## build dist/*.whl
	$(PYTHON) -m hatchling build -t wheel

ci:       ## what a pull request has to pass: lint and test in a fresh environment
	.ci/run

clean:    ## remove what tools left behind; outputs/, datasets/ and .venv/ stay
	rm -rf dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -path ./.venv -prune -o -name __pycache__ -type d -exec rm -rf {} +
