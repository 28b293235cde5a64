#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Sets everything up, then lets a real detector steer a real H.264 encoder and shows what that saves.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)

usage() {
  cat <<TXT
usage: examples/quickstart.sh [options]
  --seconds N      seconds of the clip to use (default 20)
  --output DIR     where to write report.html, intervals.jsonl, results.jsonl, adaptive.mp4, summary.json (default out/quickstart)
  --clip FILE      your own clip (default: vtest.avi, pedestrians)
  --model FILE     your own self-describing TorchScript model (default: NanoDet)
  --classes LIST   labels of interest, separated by commas (default: person)
  --min-accuracy A accuracy to keep, 0 to 1, as cheaply as possible (default 0.9)
  --lambda L       instead: what resource is worth against accuracy
  --knobs LIST     knobs to adapt, separated by commas (default qp-map, a QP a macroblock; with --lambda
                   scale,framerate,qp)
  --no-packages    do not install Debian packages; they are there
  -h, --help       this text
TXT
}
die() { echo "quickstart: $*" >&2; exit 2; }

seconds=20 output="$root/out/quickstart" clip="" model="" classes=person knobs="" how=() setup=()
while [ $# -gt 0 ]; do
  case $1 in
    --seconds|--output|--clip|--model|--classes|--lambda|--min-accuracy|--knobs) [ $# -ge 2 ] || die "$1 wants a value" ;;
  esac
  case $1 in
    --seconds) seconds=$2; shift ;;
    --output) output=$2; shift ;;
    --clip) clip=$2; shift ;;
    --model) model=$2; shift ;;
    --classes) classes=$2; shift ;;
    --lambda|--min-accuracy) how+=("$1" "$2"); shift ;;
    --knobs) knobs=$2; shift ;;
    --no-packages) setup+=(--no-packages) ;;
    -h|--help) usage; exit 0 ;;
    *) usage >&2; die "unknown option \"$1\"" ;;
  esac
  shift
done
[[ $seconds =~ ^[0-9]+([.][0-9]+)?$ ]] || die "--seconds wants a number, got \"$seconds\""
[ -z "$clip" ] || [ -r "$clip" ] || die "--clip: cannot read \"$clip\""
[ -z "$model" ] || [ -r "$model" ] || die "--model: cannot read \"$model\""

"$root/tools/setup.sh" --for quickstart ${setup[@]+"${setup[@]}"}

clip=${clip:-$root/clips/vtest.avi}
model=${model:-$root/models/nanodet.pt}
# The plugins as they were built; `meson install` makes this unnecessary.
export GST_PLUGIN_PATH="$root/build/elements/oneadapt:$root/build/elements/oneadapttorch:$root/build/elements/oneadaptoverlay${GST_PLUGIN_PATH:+:$GST_PLUGIN_PATH}"
export OMP_WAIT_POLICY=${OMP_WAIT_POLICY:-passive}
export LD_LIBRARY_PATH="$root/build/gst${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
echo
echo "Adapting on $(basename "$clip"): a row is one second, decided by one backpropagation."
exec "$root/build/tools/run/oneadapt-run" --clip "$clip" --model "$model" --classes "$classes" --seconds "$seconds" \
  ${how[@]+"${how[@]}"} ${knobs:+--knobs "$knobs"} --output "$output"
