#!/usr/bin/env bash
# Runs everything that only a GPU can show, and prints the tables: self-tests, parity, kernels beside the adapter's
# ceiling, starts with and without the pipeline cache, whole frames, and PyTorch on the same networks.
#
# usage: examples/gpu_check.sh [FOLDER]      FOLDER gets every table (default gpu-check-out)
#
#   ADAPTER   part of an adapter's name as `alphaswap doctor` lists it (default: the best hardware GPU)
#   BIN       the alphaswap binary         (default: built here)
#   TESTS     the integration test binary  (default: built here; "-" leaves the tests out)
#   PYTHON    a Python with torch and CUDA (default python3; left out where it has none)
#   ALPHASWAP_FULL_REFERENCE   folder that tests/fixtures/networks/official.py --full wrote, for parity at full size
#   QUICK=1   the smallest of everything, to see that the script itself works
set -euo pipefail
out=${1:-gpu-check-out}
mkdir -p "$out"
out=$(realpath "$out")
for path in BIN TESTS ALPHASWAP_FULL_REFERENCE; do
    [ -z "${!path:-}" ] || [ "${!path}" = - ] || export "$path=$(realpath "${!path}")"
done
cd "$(dirname "$0")/.."

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
    kernels=(alphaface-256 inswapper-128 guided-xs guided-256)
    models=(mesh guided guided-256 inswapper-128 alphaface-256)
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
# A missing codec does not matter here.
adapter=$(sed -n 's/^  used: \(.*\) (\(vulkan\|metal\|dx12\), .*/\1/p' "$out/doctor.txt")
[ -n "$adapter" ] || { echo "no such GPU: see above" >&2; exit 1; }
if [ "$TESTS" != - ]; then
    export ALPHASWAP_TEST_ADAPTER="$adapter"
    step tests "$TESTS" --test-threads 4 engine_gpu gpu_path gpu_guide official arcface simplify device \
        enroll overlap element::latency
    [ -z "${ALPHASWAP_FULL_REFERENCE:-}" ] || step "tests full size" "$TESTS" --ignored --nocapture full_size
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
        mesh | guided | guided-256) which=(--model "$model") ;;
        *) which=(--random "$model") ;;
    esac
    for n in "${faces[@]}"; do
        for format in "${formats[@]}"; do
            step "frames $model $n face $format" "${bench[@]}" "${which[@]}" --faces "$n" --format "$format"
        done
    done
    step "frames $model in flight" "${bench[@]}" "${which[@]}" --latency-frames 1 --format NV12
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
(cd "$out" && grep -H 'the whole network\|ready after' ./*.txt) || true
# Ours in 16-bit storage beside the fastest of PyTorch's ways.
for network in "${kernels[@]}"; do
    ours=$(sed -n 's/.*storage: \([0-9.]*\) ms the whole network.*/\1/p' "$out/kernels_$network.txt")
    theirs=$(sed -n "s/^$network .* \([0-9.]*\) ms$/\1/p" "$out/pytorch.txt" 2>/dev/null | sort -g | head -n 1) || true
    [ -z "$ours" ] || [ -z "$theirs" ] || awk -v n="$network" -v o="$ours" -v t="$theirs" \
        'BEGIN { printf "%s: ours %.3f ms, PyTorch %.3f ms, speed ratio %.2f\n", n, o, t, t / o }'
done
if [ ${#failed[@]} -gt 0 ]; then
    printf 'FAILED: %s\n' "${failed[@]}"
    exit 1
fi
echo "all steps done; the tables are in $out"
