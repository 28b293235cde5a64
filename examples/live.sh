#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Shows adaptation live: a camera (or a clip, at its own pace), adapted, detected, and drawn over. tools/setup.sh comes first.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)

usage() {
  cat <<TXT
usage: examples/live.sh [options]
  --device DEV     camera (default /dev/video0)
  --clip FILE      a clip instead of a camera
  --model FILE     self-describing TorchScript model (default: NanoDet)
  --classes LIST   labels of interest, separated by commas (default: all)
  --lambda L       what resource is worth against accuracy (default 1)
  --sink ELEMENT   where to show it (default autovideosink)
  -h, --help       this text
TXT
}
die() { echo "live: $*" >&2; exit 2; }

device=/dev/video0 clip="" model="$root/models/nanodet.pt" classes="" lambda=1 sink=autovideosink
while [ $# -gt 0 ]; do
  case $1 in
    -h|--help) usage; exit 0 ;;
    --device|--clip|--model|--classes|--lambda|--sink) [ $# -ge 2 ] || die "$1 wants a value" ;;
    *) usage >&2; die "unknown option \"$1\"" ;;
  esac
  case $1 in
    --device) device=$2 ;;
    --clip) clip=$2 ;;
    --model) model=$2 ;;
    --classes) classes=$2 ;;
    --lambda) lambda=$2 ;;
    --sink) sink=$2 ;;
  esac
  shift 2
done
[ -r "$model" ] || die "--model: cannot read \"$model\"; tools/setup.sh makes the default one"
if [ -n "$clip" ]; then
  [ -r "$clip" ] || die "--clip: cannot read \"$clip\""
  # A clip comes as fast as it can be read; a camera does not.
  source=(filesrc "location=$clip" ! decodebin ! identity sync=true)
else
  [ -r "$device" ] || die "--device: there is no camera at \"$device\"; name another, or a clip with --clip"
  source=(v4l2src "device=$device")
fi

# The plugins as they were built; `meson install` makes this unnecessary.
for plugin in oneadapt oneadapttorch oneadaptoverlay; do
  GST_PLUGIN_PATH="$root/build/elements/$plugin${GST_PLUGIN_PATH:+:$GST_PLUGIN_PATH}"
done
export GST_PLUGIN_PATH
export OMP_WAIT_POLICY=${OMP_WAIT_POLICY:-passive}
export LD_LIBRARY_PATH="$root/build/gst${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
# Where the DNN is slower than the camera, the newest frame counts: the queue lets older ones go. It stands in front of
# the controller, so that nothing is lost on the way from encoder to decoder. Frames are shown as they come (sync=false):
# a sink that waits for their time would throw them all away, because inference has made them late.
gst-launch-1.0 "${source[@]}" ! videoconvert ! queue leaky=downstream max-size-buffers=1 ! \
  oneadaptctl "lambda=$lambda" ! oneadaptfilter ! h264parse ! avdec_h264 max-threads=1 ! videoconvert ! \
  oneadaptdnn "model=$model" "classes=$classes" ! oneadaptoverlay gradient=true gradient-opacity=0.3 ! \
  queue ! videoconvert ! "$sink" sync=false &
pipeline=$! interrupted="" status=0
trap 'interrupted=yes; kill -INT "$pipeline" || true' INT TERM HUP
while kill -0 "$pipeline" 2>/dev/null; do
  status=0
  wait "$pipeline" || status=$?
done
[ -z "$interrupted" ] || { echo "live: interrupted" >&2; exit 130; }
exit "$status"
