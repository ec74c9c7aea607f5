#!/usr/bin/env bash
# From folders of photos to a model file, on a machine with a GPU: prepare, caption, pseudo-triplets, train, export, eval.
# Every part goes on where an earlier call stopped; checkpoints lie in OUT as pieces that any transport takes.
#
# usage: examples/train_gpu.sh OUT NAME=DIR...
#
#   LICENCE    licence of the photos, in words; with several sets one line "NAME=TEXT" each
#   CONFIG     what to train               (default examples/train/guided-128.toml)
#   DEVICE     what to train on            (default vulkan; cuda where it was built in, flex is the CPU)
#   STEPS      last step of this call      (default: the config's)
#   HELD_OUT   patterns of people that training never sees, for the check and for eval (default: the config's)
#   TRAIN      the alphaswap-train binary  (default: built here)
#   QUICK=1    the smallest of everything on the CPU, to see that the script itself works; needs no photos
set -euo pipefail
out=${1:?usage: examples/train_gpu.sh OUT NAME=DIR...}
shift
mkdir -p "$out"
out=$(realpath "$out")
for path in TRAIN CONFIG; do
    [ -z "${!path:-}" ] || export "$path=$(realpath "${!path}")"
done
cd "$(dirname "$0")/.."

if [ -z "${TRAIN:-}" ]; then
    cargo build --release --locked --no-default-features --features train --bin alphaswap-train
    TRAIN=target/release/alphaswap-train
fi
config=${CONFIG:-examples/train/guided-128.toml} device=${DEVICE:-vulkan} crop=128 labels=10 swaps=3
[ "$(basename "$config")" != guided-256.toml ] || crop=256
settings=() licences=() held_out=()
read -r -a held_out <<<"${HELD_OUT:-openpeople/P009 openpeople/P010 faker/*_00? faker/*_01? congress/[A-B]*}"

if [ -n "${QUICK:-}" ]; then
    set -- demo=examples/media
    LICENCE="CC0 and MIT, see examples/media/README.md" device=flex crop=64 labels=2 swaps=1 STEPS=2 held_out=()
    settings=(data.held_out='[]' data.triplets=1 data.swaps=1 output.validate_every=0 identity.side=64
        generator.crop=64 'generator.window={x=4,y=4,width=56,height=56}' generator.blocks.count=1
        losses.adversarial_from=0 discriminator.width=4 discriminator.max=8)
fi
while IFS= read -r line; do
    licences+=(--licence "$line")
done <<<"${LICENCE:?say the licence of the photos in LICENCE}"

data=$out/data pseudo=$out/pseudo run=$out/run
settings+=("data.set='$data'" "data.pseudo='$pseudo'")

"$TRAIN" prepare "$@" -o "$data" "${licences[@]}"
"$TRAIN" caption "$data" measured
"$TRAIN" pseudo mesh "$data" -o "$pseudo" --crop "$crop" --labels "$labels" --swaps "$swaps" \
    ${held_out[0]:+--without "${held_out[@]}"}
if [ -n "${held_out[*]:-}" ]; then
    "$TRAIN" pseudo mesh "$data" -o "$pseudo-held-out" --crop "$crop" --labels 2 --trips 1 --swaps 1 \
        --people "${held_out[@]}"
    patterns=$(printf "'%s'," "${held_out[@]}")
    settings+=("data.held_out=[${patterns%,}]" "data.held_out_pseudo='$pseudo-held-out'")
fi

start=()
if [ ! -e "$run/checkpoints/latest" ] && [ -e "$out/pieces/pieces.toml" ]; then
    "$TRAIN" unpack "$out/pieces" -o "$run"
fi
[ ! -e "$run/checkpoints/latest" ] || start=(--resume)
if [ -z "${start[*]:-}" ] && [ "$(basename "$config")" = guided-128.toml ] && [ -z "${QUICK:-}" ]; then
    start=(--init generator)
fi
set_args=()
for setting in "${settings[@]}"; do
    set_args+=(--set "$setting")
done
"$TRAIN" train "$config" -o "$run" --device "$device" ${STEPS:+--steps "$STEPS"} "${start[@]}" "${set_args[@]}"
"$TRAIN" pack "$run" -o "$out/pieces"

model=$out/$(basename "$config" .toml).safetensors
"$TRAIN" export "$run" -o "$model" --f16 --overwrite
if [ -n "${QUICK:-}" ]; then
    "$TRAIN" eval --model mesh "$model" --sources examples/media/kai.jpg --targets examples/media/ada.jpg -o "$out/eval"
else
    "$TRAIN" eval --model mesh "$model" --data "$data" --people "${held_out[@]}" --pairs 400 -o "$out/eval"
fi
"$TRAIN" export "$run" -o "$model" --f16 --overwrite --eval "$out/eval/eval.json"
echo "see $run/report.html, $out/eval and $model"
