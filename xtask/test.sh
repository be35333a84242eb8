#!/usr/bin/env bash
# Every test of the project, in the order in which a mistake is found soonest; stops at the first step that fails.
# The last line is the sum over all runners, read from what they printed: `N passed, N failed, N skipped`.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/env.sh"
cd "$root"

started=$SECONDS
passed=0 failed=0 skipped=0
output=$(mktemp)
trap 'rm -f "$output"' EXIT

# Prints the closing lines; the name of the failed step may be given.
close() {
  if [ -n "${1:-}" ]; then
    # A step that tests nothing (a formatter, a compiler) fails as one.
    [ "$failed" -gt 0 ] || failed=1
    printf '\nmake test: FAILED at: %s (after %s s)\n' "$1" "$((SECONDS - started))"
  else
    printf '\nmake test: all steps passed in %s s\n' "$((SECONDS - started))"
  fi
  printf '%s passed, %s failed, %s skipped\n' "$passed" "$failed" "$skipped"
}

# Adds to the counts what one runner printed.
count_cargo() {
  local p f i
  read -r p f i < <(awk '/^test result: /{p += $4; f += $6; i += $8} END {print p + 0, f + 0, i + 0}' "$output")
  passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + i))
}
# The closing line of run.sh and of our Playwright reporter, perhaps with a name before it: `N passed, N failed`.
count_plain() {
  local p f s
  read -r p f s < <(sed -nE 's/^([a-z]+: )?([0-9]+) passed, ([0-9]+) failed(, ([0-9]+) skipped)?$/\2 \3 \5/p' "$output" |
    tail -n 1 | awk '{print $1 + 0, $2 + 0, $3 + 0} END {if (NR == 0) print 0, 0, 0}')
  passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
}

step() { # name, counter, command…
  local name=$1 counter=$2 begun=$SECONDS status=0
  shift 2
  printf '\n=== %s\n' "$name"
  "$@" 2>&1 | tee "$output" || status=$?
  "$counter"
  if [ "$status" -ne 0 ]; then
    close "$name"
    exit 1
  fi
  printf '=== %s: done in %s s\n' "$name" "$((SECONDS - begun))"
}
counted() { # name, counter, command…: a step whose runner must have run at least one test
  local before=$passed
  step "$@"
  if [ "$passed" -eq "$before" ]; then
    close "$1: it ran no test"
    exit 1
  fi
}

step 'set-up' : bash xtask/set-up.sh test
step 'formatting' : cargo fmt --all --check
step 'clippy: server and crates' : cargo clippy --locked "${workspace[@]}" --all-targets -- -D warnings
step 'clippy: browser' : cargo clippy --locked --package frontend --target wasm32-unknown-unknown \
  --target-dir "$front_target" -- -D warnings
counted 'cargo test' count_cargo cargo test --locked "${workspace[@]}" --no-fail-fast
counted 'search servers' count_cargo bash xtask/elasticsearch.sh test
counted 'conformance: official clients' count_plain bash crates/sandbox/tests/conformance/run.sh
step 'site' : cargo leptos build --cargo-locked "${leptos_as_tests[@]}"
counted 'browser' count_plain npm --prefix end2end test --silent
close
