#!/usr/bin/env bash
# Runs everything that only a GPU can show, and prints the tables: self-tests, parity, kernels beside the adapter's
# ceiling, starts with and without the pipeline cache, whole frames, and PyTorch on the same networks.
#
# usage: examples/gpu_check.sh [FOLDER]      FOLDER gets every table as text and JSON (default gpu-check-out)
#
#   ADAPTER   part of an adapter's name as `alphaswap doctor` lists it (default: the best hardware GPU)
#   BIN       the alphaswap binary         (default: built here)
#   TESTS     the integration test binary  (default: built here; "-" leaves the tests out)
#   PYTHON    a Python with torch and CUDA (default python3; left out where it has none)
#   QUICK=1   the smallest of everything, to see that the script itself works
set -euo pipefail
cd "$(dirname "$0")/.."
out=${1:-gpu-check-out}
mkdir -p "$out"
out=$(cd "$out" && pwd)

if [ -z "${BIN:-}" ]; then
    cargo build --release --locked
    BIN=target/release/alphaswap
fi
if [ -z "${TESTS:-}" ]; then
    TESTS=$(cargo test --locked --features train --test all --no-run --message-format=json \
        | sed -n 's/.*"executable":"\([^"]*\/all-[^"]*\)".*/\1/p' | tail -n 1)
fi

# Kernels of an earlier run must not count as a cold start.
XDG_CACHE_HOME=$(mktemp -d)
export XDG_CACHE_HOME
trap 'rm -rf "$XDG_CACHE_HOME"' EXIT

if [ -n "${QUICK:-}" ]; then
    kernels=(guided-xs) models=(mesh) sizes=320x240 faces=(1) formats=(NV12) frames=2
else
    kernels=(alphaface-256 inswapper-128 guided-xs)
    models=(mesh guided inswapper-128 alphaface-256)
    sizes=640x480,1280x720,1920x1080,3840x2160 faces=(1 4) formats=(NV12 RGBA) frames=200
fi
device=${ADAPTER:-gpu}
failed=()

# Prints a heading, runs the command, keeps what it prints, goes on when it fails.
step() {
    local name=$1
    shift
    printf '\n== %s\n' "$name"
    if ! "$@" 2>&1 | tee "$out/${name// /_}.txt"; then
        failed+=("$name")
    fi
}

step doctor "$BIN" doctor --device "$device"
[ ${#failed[@]} -eq 0 ] || { echo "no such GPU: see above" >&2; exit 1; }
if [ "$TESTS" != - ]; then
    step tests env ALPHASWAP_TEST_ADAPTER="$device" "$TESTS" --test-threads 4 engine_gpu gpu_path gpu_guide
fi

for network in "${kernels[@]}"; do
    step "kernels $network" "$BIN" bench --kernels --random "$network" --device "$device"
    step "kernels $network f32" "$BIN" bench --kernels --f32 --random "$network" --device "$device"
done

"$BIN" enroll examples/media/kai.jpg -o "$out/kai.alphaface" --name Kai \
    --consent "AI-generated portrait, nobody's face; free for every use (CC0)" --overwrite >/dev/null
bench=("$BIN" bench --source "$out/kai.alphaface" --device "$device" --frames "$frames" --sizes "$sizes")
for model in "${models[@]}"; do
    case $model in
        mesh | guided) which=(--model "$model") ;;
        *) which=(--random "$model") ;;
    esac
    for n in "${faces[@]}"; do
        for format in "${formats[@]}"; do
            step "frames $model $n face $format" "${bench[@]}" "${which[@]}" --faces "$n" --format "$format"
        done
    done
done

# NVIDIA's driver has a cache of its own.
start=(env __GL_SHADER_DISK_CACHE=0 MESA_SHADER_CACHE_DISABLE=true
    "$BIN" bench --source "$out/kai.alphaface" --device "$device" --model guided --frames 1 --sizes 320x240)
rm -rf "$XDG_CACHE_HOME"/*
step "start cold" "${start[@]}"
step "start warm" "${start[@]}"

python=${PYTHON:-python3}
if "$python" -c 'import sys, torch; sys.exit(not torch.cuda.is_available())' 2>/dev/null; then
    step pytorch "$python" tests/fixtures/networks/torch_speed.py
else
    printf '\n== pytorch\nleft out: %s has no torch with CUDA\n' "$python"
fi

printf '\n'
(cd "$out" && grep -H 'ms in its dispatches\|ready after' ./*.txt) || true
if [ ${#failed[@]} -gt 0 ]; then
    printf 'FAILED: %s\n' "${failed[@]}"
    exit 1
fi
echo "all steps done; the tables are in $out"
