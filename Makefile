# The project's commands; `make` alone lists them. Each installs what it needs first (see xtask/set-up.sh).
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
# `make test -j` must not interleave steps: cargo parallelises by itself.
.NOTPARALLEL:
.PHONY: help demo test bench build watch fmt lint set-up

# The environment that the scripts share: where tools and the build cache are.
run := source xtask/env.sh &&

help: ## this list
	@printf 'make …\n'
	@sed -nE 's/^([a-z-]+):.*## (.*)/  \1\t\2/p' $(MAKEFILE_LIST) | expand -t 12

demo: set-up ## build and start the app on the sandbox with sample data; needs no key
	@$(run) cargo leptos build "$${leptos_as_tests[@]}" && exec "$$target/debug/tain" demo $(ARGS)

test: ## everything that CI checks: formatting, clippy, all tests
	@exec bash xtask/test.sh

bench: ## measure against the budgets (release build); prints a table
	@bash xtask/set-up.sh release
	@$(run) cargo xtask bench $(ARGS)

build: ## the release build: target/release/tain and target/site
	@bash xtask/set-up.sh release
	@$(run) cargo leptos build --release --precompress && cargo xtask size

watch: set-up ## the dev server on the sandbox: rebuilds and reloads the page on every change
	@$(run) exec cargo leptos watch "$${leptos_as_tests[@]}" -- demo $(ARGS)

fmt: ## format the code
	@$(run) cargo fmt --all

lint: set-up ## formatting and clippy, for the server and for the browser
	@$(run) cargo fmt --all --check
	@$(run) cargo clippy "$${workspace[@]}" --all-targets -- -D warnings
	@$(run) cargo clippy --package frontend --target wasm32-unknown-unknown --target-dir "$$front_target" -- -D warnings

set-up: ## install what a build needs, only if absent
	@bash xtask/set-up.sh
