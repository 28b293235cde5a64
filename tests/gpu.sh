#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What has to hold on a CUDA machine, with lib/ and LibTorch alone (no GStreamer, no Meson): NanoDet and Faster R-CNN on
# the GPU, their elements and DNNGrad within 1e-3 of the CPU's; the frame goes there once, of the gradient the block map
# alone comes back; throughput and DNNGrad's share. Exit status 77, and a line that says why, where it cannot be run.
set -euo pipefail
usage() {
  cat <<'TEXT'
usage: tests/gpu.sh [--device NAME] [--torch DIR] [--model FILE] [--program FILE] [--quick] [--build-only]

  --device NAME   cuda (default), cuda:N; cpu runs the same program anywhere: it compares the CPU with itself
  --torch DIR     LibTorch (holds include/ and lib/); default: python3's torch if that is a CUDA build, else the system's
  --model FILE    NanoDet (default: models/nanodet.pt, which tools/setup.sh makes)
  --program FILE  device-check, built already
  --quick         a smaller Faster R-CNN, few repetitions
  --build-only    only build the program with a LibTorch for CUDA; that needs no device

Needs a compiler of C++17 (C++20 for LibTorch 2.13 and later), nlohmann-json (Debian: nlohmann-json3-dev), and, for
Faster R-CNN, python3 with torchvision.
TEXT
}
root=$(cd "$(dirname "$0")/.." && pwd)
device=cuda torch='' model=$root/models/nanodet.pt program='' quick=no build_only=no
while (($#)); do
  case $1 in
    --device) device=${2:?--device needs a name}; shift ;;
    --torch) torch=${2:?--torch needs a directory}; shift ;;
    --model) model=${2:?--model needs a file}; shift ;;
    --program) program=${2:?--program needs a file}; shift ;;
    --quick) quick=yes ;;
    --build-only) build_only=yes ;;
    -h | --help) usage; exit 0 ;;
    *) usage >&2; exit 2 ;;
  esac
  shift
done
skip() { echo "tests/gpu.sh: skipped: $1"; exit 77; }
fail() { echo "tests/gpu.sh: FAILED: $1" >&2; exit 1; }

if [[ $device != cpu && $build_only == no ]]; then
  command -v nvidia-smi >/dev/null || skip 'no CUDA device here (there is no nvidia-smi)'
  nvidia-smi -L 2>/dev/null | grep -q '^GPU' || skip 'no CUDA device here (nvidia-smi lists none)'
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

python=python3
[[ -x /usr/bin/python3 ]] && /usr/bin/python3 -c 'import torchvision' 2>/dev/null && python=/usr/bin/python3

build() {
  local cxx=${CXX:-c++} new_abi='' libraries=(-ltorch -ltorch_cpu -lc10) include=() flags=() with_cuda=no
  if [[ -z $torch ]]; then
    # Where pip put it, and the ABI that it was built with.
    read -r torch new_abi < <(python3 -c 'import torch, os
if torch.version.cuda: print(os.path.dirname(torch.__file__), int(torch._C._GLIBCXX_USE_CXX11_ABI))' 2>/dev/null) || true
  fi
  if [[ -n $torch ]]; then
    [[ -e $torch/include/torch ]] || fail "$torch holds no include/torch; name LibTorch's folder with --torch"
    include=(-isystem "$torch/include" -isystem "$torch/include/torch/csrc/api/include")
    flags=("-L$torch/lib" "-Wl,-rpath,$torch/lib")
    [[ ! -e $torch/lib/libtorch_cuda.so ]] || with_cuda=yes
  elif [[ -e /usr/include/torch/csrc/api/include ]]; then
    include=(-isystem /usr/include/torch/csrc/api/include)
    # The compiler answers with a whole path where it finds the library (Debian: libtorch-cuda-dev).
    [[ $($cxx -print-file-name=libtorch_cuda.so) != /* ]] || with_cuda=yes
  else
    skip 'no LibTorch here (unpack one and name it with --torch)'
  fi
  if [[ $with_cuda == yes ]]; then
    # shellcheck disable=SC2054  # one option, not two
    libraries=(-Wl,--no-as-needed -ltorch_cuda -lc10_cuda "${libraries[@]}")
  elif [[ $device != cpu ]]; then
    skip 'this LibTorch was built without CUDA (name one that has it with --torch; Debian 13: libtorch-cuda-dev)'
  fi
  [[ -n $new_abi ]] && include+=("-D_GLIBCXX_USE_CXX11_ABI=$new_abi")
  # The headers are C++20 from LibTorch 2.13 on.
  local major minor standard=c++17
  read -r major minor < <($cxx "${include[@]}" -E -P -x c++ - <<'TEXT' | tail -n 1
#include <torch/csrc/api/include/torch/version.h>
TORCH_VERSION_MAJOR TORCH_VERSION_MINOR
TEXT
  )
  ((major < 2 || (major == 2 && minor < 13))) || standard=c++20
  local source sources object objects=() jobs=0
  mapfile -t sources < <(find "$root/lib/core" "$root/lib/model" -name '*.cpp' ! -name onnx_engine.cpp | sort)
  echo "tests/gpu.sh: compiling lib/ with LibTorch $major.$minor, $standard (some minutes)"
  for source in "${sources[@]}" "$root"/tests/models/device_check.cpp; do
    object=$work/$(basename "$(dirname "$source")")-$(basename "$source" .cpp).o
    objects+=("$object")
    $cxx -std=$standard -O2 -I"$root/lib" "${include[@]}" -c "$source" -o "$object" &
    ((++jobs % $(nproc))) || wait
  done
  wait
  $cxx "${objects[@]}" "${flags[@]+"${flags[@]}"}" "${libraries[@]}" -ldl -lpthread -o "$work/device-check" ||
    fail 'lib/ could not be built with this LibTorch (see above)'
  program=$work/device-check
}
[[ -n $program ]] || build
if [[ $build_only == yes ]]; then
  echo "tests/gpu.sh: the program builds; it has not been run"
  exit 0
fi

repeat=20
[[ $quick == yes ]] && repeat=2
[[ -f $model ]] || fail "no NanoDet at $model; make it with tools/setup.sh, on any machine, or name it with --model"
rc=0
"$program" --device "$device" --repeat "$repeat" "$model" || rc=1

# In double precision, as random weights make scores that are nearly equal, and rounding would choose other ones.
name=fasterrcnn_resnet50_fpn
[[ $quick == yes ]] && name=fasterrcnn_mobilenet_v3_large_320_fpn
if $python "$root/tests/models/torchvision_models.py" --export "$name" "$work/$name.pt"; then
  library=$($python -c 'import glob, os, torchvision
print((glob.glob(os.path.join(os.path.dirname(torchvision.__file__), "_C*.so")) + [""])[0])')
  "$program" --device "$device" --size 160x128 --repeat "$repeat" ${library:+--library "$library"} "$work/$name.pt" || rc=1
else
  echo "tests/gpu.sh: Faster R-CNN is left out: python3 has no torchvision (Debian: python3-torchvision)"
fi
((rc == 0)) || fail 'see WRONG above'
echo "tests/gpu.sh: all of it holds on $device"
