#!/usr/bin/env bash
# Lets the official Python clients judge the sandbox. Each lives in a virtual environment of its own under
# ${TAIN_CACHE:-~/.cache/tain}/py, which is made only if it is not there. Prints `N passed, N failed`.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../../../.." && pwd)
cache=${TAIN_CACHE:-$HOME/.cache/tain}/py
key=conformance-key

# Prints the Python of the environment of one package and version.
environment() {
    local package=$1 version=$2 place="$cache/$1-$2"
    if [ ! -e "$place/complete" ]; then
        echo "installing $package $version into $place (once, under a minute)" >&2
        rm -rf "$place"
        python3 -m venv "$place"
        "$place/bin/pip" install --quiet --disable-pip-version-check "$package==$version" >&2
        touch "$place/complete"
    fi
    echo "$place/bin/python"
}

pinecone8=$(environment pinecone 8.1.2)
pinecone10=$(environment pinecone 10.2.0)
genai=$(environment google-genai 3.4.0)

cargo build --quiet --manifest-path "$root/Cargo.toml" -p sandbox --example serve
target=${CARGO_TARGET_DIR:-$root/target}

# The sandbox ends when its standard input does, which is when this script ends.
coproc SANDBOX { "$target/debug/examples/serve" --api-key "$key"; }
read -r address <&"${SANDBOX[0]}"

export PYTHONDONTWRITEBYTECODE=1 SANDBOX_ADDRESS=$address SANDBOX_KEY=$key
passed=0 failed=0
for run in "$pinecone8 pinecone8.py" "$pinecone10 pinecone10.py" "$genai genai.py"; do
    read -r python script <<<"$run"
    echo "== $script ($("$python" --version))"
    output=$("$python" "$here/$script") || true
    echo "$output"
    read -r good bad <<<"$(tail -n 1 <<<"$output" | awk '$2 == "passed," { print $1, $3 }')" || true
    # A script that broke off says nothing at its end: that is a failure as well.
    passed=$((passed + ${good:-0})) failed=$((failed + ${bad:-1}))
    good='' bad=''
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
