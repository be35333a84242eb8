# What every chore of the project shares; to be sourced, not run. It changes no file.
# Variables that a person may set: TAIN_CACHE, TAIN_TARGET, CHROMIUM, CARGO_HOME, CARGO_TARGET_DIR.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# What outlives a checkout: tools that are not in ~/.cargo/bin, and in CI the build itself.
cache=${TAIN_CACHE:-$HOME/.cache/tain}

# CI builds in a fresh clone every time. Its build cache is kept outside the clone, so that only our own crates are
# compiled again (cargo recognises the dependencies wherever they are used).
if [ "${CI:-}" = true ] && [ -z "${CARGO_TARGET_DIR:-}" ]; then
  export CARGO_TARGET_DIR=${TAIN_TARGET:-$cache/target}
  # Incremental state is keyed by the clone's path: it would only pile up.
  export CARGO_INCREMENTAL=0
fi
target=${CARGO_TARGET_DIR:-$root/target}

export PATH="${CARGO_HOME:-$HOME/.cargo}/bin:$cache/npm/node_modules/.bin:$PATH"
# One compiler for the whole project, whatever a caller's shell has selected.
unset RUSTUP_TOOLCHAIN
# Coloured output belongs to a terminal; a log is read as plain text.
[ -t 1 ] || export CARGO_TERM_COLOR=never NO_COLOR=1

# Everything that is not the browser's. `frontend` stays out, because it would turn the app's `hydrate` on beside the
# server's `ssr`; `app` gets its `ssr` from the server, so that no build differs by its default features.
workspace=(--workspace --exclude frontend --no-default-features)
# Cargo chooses features for exactly what it builds. Left alone, cargo-leptos builds the server without what the tests
# of other members need (`tokio/test-util`, …), and half of the dependencies are compiled a second time. Building for the
# same members, with the examples for their dev-dependencies, makes the dev profile one build for tests, demo and watch.
leptos_as_tests=(--bin-cargo-args=--workspace --bin-cargo-args=--exclude=frontend --bin-cargo-args=--examples)
# Where cargo-leptos compiles the browser's part.
front_target=$target/front
