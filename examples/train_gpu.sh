#!/usr/bin/env bash
# From folders of photos to a model file, on a machine with a GPU: prepare, caption, pseudo-triplets, train, export, eval.
# Every part goes on where an earlier call stopped; the run lies in few small pieces that any transport takes.
#
# usage: examples/train_gpu.sh OUT NAME=DIR...
#
#   LICENCE    licence of the photos, in words; with several sets one line "NAME=TEXT" each
#   CONFIG     what to train               (default examples/train/guided-128.toml)
#   SET        more settings "KEY=VALUE KEY=VALUE"; schedule.steps=N steps=N for a run of N steps in all, however many
#              calls it takes
#   DEVICE     what to train on            (default vulkan; cuda where it was built in, flex is the CPU)
#   STEPS      last step of this call      (default: the config's)
#   SECONDS_TO_TRAIN  after so many seconds training stops and saves (default: never)
#   HELD_OUT   patterns of people that training never sees, for the check and for eval; may be empty
#   CLIP       folder of a CLIP for losses that ask one (default: the config's if it is there, else a small one is trained)
#   INIT       model that a new run begins with (default: generator for the guided configs, else random weights)
#   ENCODER    model files of encoders that the config needs beside FaceRes, for `prepare`
#   CAPTION=1  caption the photos, 0 not   (default: if the config's losses read captions)
#   EVAL=1     export and judge, 0 not     (default: if training ran to its end without STEPS and SECONDS_TO_TRAIN)
#   PIECES     where the pieces go         (default OUT/pieces); they are read from there or OUT/pieces if OUT has no run
#   TRAIN      the alphaswap-train binary  (default: built here)
#   QUICK=1    the smallest of everything, on the CPU unless DEVICE is set, to see that all of it works; needs no photos
set -euo pipefail
out=${1:?usage: examples/train_gpu.sh OUT NAME=DIR...}
shift
mkdir -p "$out"
out=$(realpath "$out") script=$(realpath "$0") pieces=$(realpath -m "${PIECES:-$out/pieces}")
[ -z "${TRAIN:-}" ] || TRAIN=$(realpath -e "$TRAIN")
[ -z "${CONFIG:-}" ] || CONFIG=$(realpath -e "$CONFIG")
[ -z "${CLIP:-}" ] || CLIP=$(realpath -e "$CLIP/model.safetensors") CLIP=${CLIP%/*}
[[ ${INIT:-generator} =~ ^generator(-256)?$ ]] || INIT=$(realpath -e "$INIT")
sets=() names=() licences=() held_out=() settings=() more=() encoders=()
for encoder in ${ENCODER:-}; do
    encoders+=(--encoder "$(realpath -e "$encoder")")
done
for set in "$@"; do
    folder=$(realpath -e "${set#*=}")
    name=$(basename "${set%%=*}")
    sets+=("$name=$folder") names+=("$name")
done
cd "$(dirname "$script")/.."
if [ -z "${TRAIN:-}" ]; then
    cargo build --release --locked --no-default-features --features train --bin alphaswap-train
    TRAIN=$(realpath target/release/alphaswap-train)
fi
config=${CONFIG:-examples/train/guided-128.toml} device=${DEVICE:-vulkan} labels=10 swaps=3
crop=$(sed -n 's/^crop = \([0-9]*\)$/\1/p' "$config")

if [ -n "${QUICK:-}" ]; then
    sets=(demo="$PWD/examples/media") LICENCE="CC0 and MIT, see examples/media/README.md" HELD_OUT='' STEPS=2
    device=${DEVICE:-flex} crop=64 labels=2 swaps=1 CAPTION=${CAPTION:-1}
    # Generators without a guide train on pairs, and paint no face after two steps.
    if grep -q '^pairs = ' "$config"; then samples=pairs judge=0; else samples=swaps judge=1; fi
    EVAL=${EVAL:-$judge}
    settings=(data.triplets=1 "data.$samples=1" identity.side=64 generator.crop=64
        'generator.window={x=4,y=4,width=56,height=56}' generator.blocks.count=1
        losses.clip_identity=0 losses.clip_text=0 losses.adversarial_from=0 discriminator.width=4 discriminator.max=8)
fi
while IFS= read -r line; do
    licences+=(--licence "$line")
done <<<"${LICENCE:?say the licence of the photos in LICENCE}"

# Whether a pattern is of a set that is here; one without a slash may be of any.
here() {
    local name
    for name in "${names[@]}"; do
        # shellcheck disable=SC2053  # a pattern
        if [[ $1 != */* || $name == ${1%%/*} ]]; then return 0; fi
    done
    return 1
}
usual="openpeople/P009 openpeople/P010 faker/*_00? faker/*_01? congress/[A-B]*"
read -r -a patterns <<<"${HELD_OUT-$usual}"
for pattern in "${patterns[@]}"; do
    if here "$pattern"; then
        held_out+=("$pattern")
    elif [ -n "${HELD_OUT:-}" ]; then
        echo "HELD_OUT: $pattern names nobody, there are the sets ${names[*]}" >&2
        exit 2
    fi
done

data=$out/data pseudo=$out/pseudo run=$out/run
if [ "$device" != flex ] && [ -z "${QUICK:-}" ] && [ ! -e "$pseudo" ]; then
    echo "does $device train? two small steps before the long work on the CPU:" >&2
    rm -rf "$out/probe"
    if ! env -u CONFIG -u SET -u SECONDS_TO_TRAIN -u CAPTION -u PIECES -u INIT -u CLIP -u ENCODER \
        QUICK=1 EVAL=0 DEVICE="$device" TRAIN="$TRAIN" bash "$script" "$out/probe" >"$out/probe.log" 2>&1; then
        tail "$out/probe.log" >&2
        exit 1
    fi
    rm -rf "$out/probe" "$out/probe.log"
fi

# Whether the config's losses have this term: it has a weight unless the config says 0.
asks() { ! grep -Eq "^$1 = 0(\.0*)?\$" "$config"; }
caption=0 clip=''
if asks clip_text; then caption=1; fi
# Two people are too few to train a CLIP on.
if [ -z "${QUICK:-}" ] && { asks clip_identity || asks clip_text; }; then
    clip=${CLIP:-$(sed -n '/^\[clip\]/,/^\[/s/^folder = "\(.*\)"$/\1/p' "$config")}
    # One that was named must be there; `train` says if it is no CLIP.
    [ -n "${CLIP:-}" ] || [ -e "$clip/model.safetensors" ] || clip=$out/clip caption=1
fi

settings+=("data.set='$data'" "data.pseudo='$pseudo'")
"$TRAIN" prepare "${sets[@]}" -o "$data" "${licences[@]}" "${encoders[@]}"
[ "${CAPTION:-$caption}" = 0 ] || "$TRAIN" caption "$data" measured
if [ -n "$clip" ]; then
    if [ -e "$clip/model.safetensors" ]; then
        :
    elif [ -e "$clip/clip.toml" ]; then
        "$TRAIN" train-clip "$data" -o "$clip" --resume --device "$device"
    else
        "$TRAIN" train-clip "$data" -o "$clip" --steps 1500 --device "$device" \
            ${held_out[0]:+--held-out "${held_out[@]}"}
    fi
    settings+=("clip.folder='$clip'")
fi
"$TRAIN" pseudo mesh "$data" -o "$pseudo" --crop "${crop:=128}" --labels "$labels" --swaps "$swaps" \
    ${held_out[0]:+--without "${held_out[@]}"}
if [ "${#held_out[@]}" -gt 0 ]; then
    "$TRAIN" pseudo mesh "$data" -o "$pseudo-held-out" --crop "$crop" --labels 2 --trips 1 --swaps 1 \
        --people "${held_out[@]}"
    quoted=$(printf "'%s'," "${held_out[@]}")
    settings+=("data.held_out=[${quoted%,}]" "data.held_out_pseudo='$pseudo-held-out'" output.validate_every=250)
else
    settings+=('data.held_out=[]' output.validate_every=0)
fi

for from in "$pieces" "$out/pieces"; do
    if [ ! -e "$run/checkpoints/latest" ] && [ -e "$from/pieces.toml" ]; then "$TRAIN" unpack "$from" -o "$run"; fi
done
start=() limit=() set_args=() status=0
if [ -e "$run/checkpoints/latest" ]; then
    start=(--resume)
elif [ -n "${INIT:-}" ]; then
    start=(--init "$INIT")
elif [[ $(basename "$config") =~ ^guided-(128|256)\.toml$ && -z ${QUICK:-} ]]; then
    start=(--init generator)
fi
read -r -a more <<<"${SET:-}"
for setting in "${settings[@]}" "${more[@]}"; do
    set_args+=(--set "$setting")
done
[ -z "${SECONDS_TO_TRAIN:-}" ] || limit=(timeout --signal=INT --preserve-status "$SECONDS_TO_TRAIN")
"${limit[@]}" "$TRAIN" train "$config" -o "$run" --device "$device" ${STEPS:+--steps "$STEPS"} \
    "${start[@]}" "${set_args[@]}" || status=$?
# Whatever stopped it, the newest checkpoint is good. Some transports take only files below 16 MiB.
[ ! -e "$run/checkpoints/latest" ] || "$TRAIN" pack "$run" -o "$pieces" --piece-size 15
# 130: it was interrupted, by the time limit or by hand.
[ "$status" = 0 ] || [ "$status" = 130 ] || exit "$status"

judge=0
[ "$status${STEPS:-}${SECONDS_TO_TRAIN:-}" != 0 ] || judge=1
if [ "${EVAL:-$judge}" = 0 ]; then
    echo "the run is in $run and, packed, in $pieces; the same command goes on with it" >&2
    exit
fi
model=$out/$(basename "$config" .toml).safetensors
judged=(--sources examples/media/kai.jpg --targets examples/media/ada.jpg)
[ "${#held_out[@]}" = 0 ] || judged=(--data "$data" --people "${held_out[@]}" --pairs 400)
"$TRAIN" export "$run" -o "$model" --f16 --overwrite
"$TRAIN" eval --model mesh "$model" "${judged[@]}" -o "$out/eval"
"$TRAIN" export "$run" -o "$model" --f16 --overwrite --eval "$out/eval/eval.json"
echo "see $run/report.html, $out/eval and $model"
