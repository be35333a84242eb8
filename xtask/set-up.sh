#!/usr/bin/env bash
# Installs what building tain needs and this machine does not have. Where all is there it takes a second or two.
#
#   set-up.sh           what a build and the demo need
#   set-up.sh release   and what a release build needs
#   set-up.sh test      and what the tests need
#
# Every line says what is looked at; a step that installs something says first how long that takes.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/env.sh"
cd "$root"

# The versions. The wasm-bindgen CLI's is read from Cargo.lock, because the two must agree to the digit; Rust's stands
# in rust-toolchain.toml.
cargo_leptos_version=0.3.11
binaryen_version=132

for_release=false for_tests=false
for what in "$@"; do
  case $what in
    release) for_release=true ;;
    test) for_tests=true ;;
    *) echo "set-up: unknown word '$what'; it is one of: release, test" >&2; exit 2 ;;
  esac
done

logs=$cache/logs
mkdir -p "$logs"

have() { command -v "$1" >/dev/null 2>&1; }
there() { printf 'set-up: %-24s %s\n' "$1" "${2:-there}"; }
fail() { # what failed, what to do
  printf 'set-up: FAILED: %s\n        remedy: %s\n' "$1" "$2" >&2
  exit 1
}
# Runs a command with its output in a log, which is shown when it fails.
install_step() { # name, how long, remedy, command…
  local name=$1 about=$2 remedy=$3 log started=$SECONDS
  shift 3
  log=$logs/${name//[^a-zA-Z0-9]/-}.log
  printf 'set-up: %-24s installing (about %s) …\n' "$name" "$about"
  if ! "$@" >"$log" 2>&1; then
    tail -n 25 "$log" >&2
    fail "$name could not be installed (whole log: $log)" "$remedy"
  fi
  printf 'set-up: %-24s installed in %s s\n' "$name" "$((SECONDS - started))"
}

# --- Rust -----------------------------------------------------------------------------------------------------------

have rustup || fail 'rustup is not on the PATH' \
  'install rustup (Debian: apt-get install rustup; elsewhere: see rustup.rs), open a new shell and run this again'

toml_value() { sed -n "s/^$1 *= *//p" rust-toolchain.toml | tr -d '[]" ' | tr ',' ' '; }
channel=$(toml_value channel)
read -r -a components <<<"$(toml_value components)"
read -r -a targets <<<"$(toml_value targets)"

rust_complete() {
  local installed name
  rustup toolchain list | grep -q "^$channel-" || return 1
  installed=$(rustup component list --toolchain "$channel" --installed)
  for name in "${components[@]}"; do grep -q "^$name" <<<"$installed" || return 1; done
  for name in "${targets[@]}"; do grep -qx "rust-std-$name" <<<"$installed" || return 1; done
}
if rust_complete; then
  there "Rust $channel"
else
  arguments=(--profile minimal)
  for name in "${components[@]}"; do arguments+=(--component "$name"); done
  for name in "${targets[@]}"; do arguments+=(--target "$name"); done
  install_step "Rust $channel" '20 s' \
    'see that the network reaches the Rust distribution server, or set RUSTUP_DIST_SERVER to a mirror' \
    rustup toolchain install "$channel" "${arguments[@]}"
fi

have cc || fail 'no C compiler and linker is on the PATH as cc' \
  'install one (Debian: apt-get install build-essential; macOS: xcode-select --install)'

# --- Tools from crates.io -------------------------------------------------------------------------------------------

# They are built beside the cache and not in the project's target folder, so that an installation that was cut off goes
# on where it was; afterwards the build folder is of no use.
tools_build=$cache/tools-build
cargo_tool() { # name, how long, arguments of cargo install…
  local name=$1 about=$2
  shift 2
  install_step "$name" "$about" \
    'run this again (it goes on where it was); on a network error see that crates.io can be reached' \
    env CARGO_PROFILE_DEV_DEBUG=0 cargo install --debug --force --target-dir "$tools_build" "$@"
}
version_of() { # command…: the first x.y.z it prints, or nothing
  "$@" 2>/dev/null | grep -oE '[0-9]+\.[0-9]+\.[0-9]+' | head -n 1 || true
}

# cargo-leptos only orchestrates: a debug build of it is as good and takes a third of the time. `no_downloads` makes a
# missing tool an error instead of a download of a binary from somewhere.
if [ "$(have cargo-leptos && version_of cargo-leptos --version)" = "$cargo_leptos_version" ]; then
  there "cargo-leptos $cargo_leptos_version"
else
  cargo_tool "cargo-leptos $cargo_leptos_version" '5 minutes' \
    cargo-leptos --version "$cargo_leptos_version" --locked --features no_downloads
fi

bindgen_version=$(sed -n '/^name = "wasm-bindgen"$/{n;s/version = "\(.*\)"/\1/p}' Cargo.lock)
[ -n "$bindgen_version" ] || fail 'Cargo.lock names no wasm-bindgen' 'restore Cargo.lock from git'
if [ "$(have wasm-bindgen && version_of wasm-bindgen --version)" = "$bindgen_version" ]; then
  there "wasm-bindgen $bindgen_version"
else
  # Without --locked: the lock file that it ships names a version that is no longer in the registry. Slightly optimised,
  # because it rewrites the whole WebAssembly module at every build.
  CARGO_PROFILE_DEV_OPT_LEVEL=1 cargo_tool "wasm-bindgen $bindgen_version" '3 minutes' \
    wasm-bindgen-cli --version "$bindgen_version"
fi
rm -rf "$tools_build"

# --- Tools from npm -------------------------------------------------------------------------------------------------

need_npm() { # what for
  have npm || fail "npm is not on the PATH, and $1 comes from there" \
    'install Node.js 20.19 or newer with npm (Debian: apt-get install nodejs npm)'
}
if $for_release; then
  if [[ "$(have wasm-opt && wasm-opt --version)" == *"version $binaryen_version"* ]]; then
    there "wasm-opt $binaryen_version"
  else
    need_npm "wasm-opt (binaryen)"
    install_step "wasm-opt $binaryen_version" '20 s' 'see that the npm registry can be reached' \
      npm install --prefix "$cache/npm" --no-audit --no-fund --no-save "binaryen@$binaryen_version.0.0"
  fi
fi

# --- What the tests need --------------------------------------------------------------------------------------------

if $for_tests; then
  chromium=${CHROMIUM:-/usr/bin/chromium}
  if [ -x "$chromium" ]; then
    there "Chromium" "there ($chromium)"
  else
    have apt-get || fail "no Chromium at $chromium, and no apt-get to install one" \
      'install Chromium or Chrome and set CHROMIUM to the path of its program'
    as_root=()
    if [ "$(id -u)" != 0 ]; then
      have sudo || fail 'Chromium must be installed, and this is neither root nor is there sudo' \
        'as root: apt-get update && apt-get install chromium'
      as_root=(sudo)
    fi
    install_step "package lists" '15 s' 'see that the Debian mirror can be reached' \
      "${as_root[@]}" apt-get update
    install_step "Chromium" '1 minute' 'run apt-get install chromium by hand and read what it says' \
      "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends chromium fonts-dejavu-core
    [ -x "$chromium" ] || fail "chromium was installed, yet there is none at $chromium" \
      'set CHROMIUM to the path of its program'
  fi

  # npm writes this file last, so it is a faithful mark of a finished installation of exactly this lock file.
  if [ end2end/node_modules/.package-lock.json -nt end2end/package-lock.json ]; then
    there "Playwright"
  else
    need_npm 'Playwright'
    install_step "Playwright" '15 s' 'see that the npm registry can be reached' \
      npm ci --prefix end2end --no-audit --no-fund
    touch end2end/node_modules/.package-lock.json
  fi
  have python3 || fail 'python3 is not on the PATH, and the official clients that test the sandbox are Python' \
    'install Python 3.10 or newer with venv (Debian: apt-get install python3 python3-venv)'
  there "Python" "there ($(python3 --version))"
  missing=$(bash xtask/elasticsearch.sh needs)
  if [ -z "$missing" ]; then
    there "search servers"
  else
    printf 'set-up: %-24s missing, and downloaded now:\n%s\n' 'search servers' "$(sed 's/^/          /' <<<"$missing")"
    install_step 'search servers' '3 minutes' \
      'see what it says above; without them: cargo test checks the emulator alone, and make test stops here' \
      bash xtask/elasticsearch.sh install
  fi
fi
