#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Runs both commands of the README in a minimal Debian of its own, as somebody who has just installed it would.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)

usage() {
  cat <<'TEXT'
usage: tests/chroot.sh bookworm|trixie [options]

Makes a minimal system of that suite with debootstrap, clones the present HEAD into it, runs examples/quickstart.sh and
tests/run.sh there, and prints what passed, failed and was skipped, with the reasons, and how long it took. It needs
root, a network, and about 8 GB of disk. The exit status is 0 if both commands succeeded.

  --folder DIR     where to work (default: .cache/chroot/SUITE). "base", the system as debootstrap leaves it, and
                   "packages", what apt-get downloaded, are kept for the next run. "system" is a copy of the base, made
                   anew for each run, and left there to be looked at. "log" has what was printed
  --working-tree   take files that are changed or new in the working tree, too
  --anew           make the base system again, and download all packages again
  --ccache DIR     keep compiled files in DIR, so that the next run is quick; by default everything is compiled
  --mirror URL     where debootstrap takes packages from (default: its own)
TEXT
}
die() { printf 'tests/chroot.sh: %s\n' "$*" >&2; exit 2; }
say() { printf 'chroot: %s\n' "$*"; }

suite='' folder='' ccache='' mirror='' working_tree=no anew=no in_namespaces=no
arguments=("$@")
while (($#)); do
  case $1 in
    --folder | --ccache | --mirror) (($# > 1)) || die "$1 wants a value" ;;
  esac
  case $1 in
    --folder) folder=$2; shift ;;
    --working-tree) working_tree=yes ;;
    --anew) anew=yes ;;
    --ccache) ccache=$2; shift ;;
    --mirror) mirror=$2; shift ;;
    --in-namespaces) in_namespaces=yes ;;  # for this script itself
    -h | --help) usage; exit 0 ;;
    bookworm | trixie) suite=$1 ;;
    *) usage >&2; die "unknown argument \"$1\"" ;;
  esac
  shift
done
[[ -n $suite ]] || { usage >&2; die 'name a suite: bookworm (Debian 12) or trixie (Debian 13)'; }
((EUID == 0)) || die 'debootstrap, mounts and chroot need root: run it with sudo'
command -v debootstrap >/dev/null ||
  die 'debootstrap is not installed: apt-get install debootstrap debian-archive-keyring'
for tool in git unshare setpriv flock; do
  command -v "$tool" >/dev/null || die "$tool is not installed: apt-get install git util-linux"
done

# Mounts and processes of this run are in namespaces of their own. They end with it, however it ends, and no other
# process ever sees the mounts.
if [[ $in_namespaces == no ]]; then
  set -m  # a process group of its own, in which SIGINT is not ignored: some tests send it
  setpriv --pdeathsig KILL unshare --mount --propagation private --pid --fork --kill-child \
    "$0" --in-namespaces "${arguments[@]}" </dev/null &
  trap 'kill -KILL -- "-$!"; exit 130' INT TERM HUP
  wait $!
  exit $?
fi

folder=$(realpath -m "${folder:-$root/.cache/chroot/$suite}")
[[ ! $folder =~ [[:space:]\\] ]] || die "--folder: no spaces or backslashes, please: \"$folder\""
# Only a folder that this script has made is ever removed from.
mark=$folder/made-by-tests-chroot-sh
[[ -e $mark || ! -e $folder || -z $(ls -A "$folder") ]] ||
  die "--folder: $folder is not empty, and is none that this script has made"
base=$folder/base packages=$folder/packages system=$folder/system log=$folder/log
mkdir -p "$packages" "$log"
exec 9>"$mark"
flock -n 9 || die "another run is using $folder"

# Removes one of our own folders, unless something is mounted in it.
remove() {
  local mounted
  mounted=$(awk -v top="$1" '$5 == top || index($5, top "/") == 1 { print $5 }' /proc/self/mountinfo)
  [[ -z $mounted ]] || die "something is mounted at ${mounted//$'\n'/, }: unmount it first"
  rm -rf --one-file-system "$1"
}

make_base() {
  if [[ $anew == yes ]]; then
    remove "$base"
    remove "$packages"
    mkdir "$packages"
  fi
  if [[ -d $base ]]; then
    say 'base system: kept from an earlier run'
    return
  fi
  remove "$base.part"
  say "base system: debootstrap --variant=minbase $suite"
  debootstrap --variant=minbase --force-check-gpg "$suite" "$base.part" ${mirror:+"$mirror"} \
    >"$log/debootstrap" 2>&1 || {
    tail -n 15 "$log/debootstrap" >&2
    die "debootstrap failed (see above): check the network, and that debian-archive-keyring is installed"
  }
  mv "$base.part" "$base"
}

take_working_tree() {
  local file
  git -C "$system/root/oneadapt" rm -rq .
  (
    cd "$root"
    git ls-files -z --cached --others --exclude-standard | while IFS= read -rd '' file; do
      if [[ -e $file || -L $file ]]; then printf '%s\0' "$file"; fi
    done | tar -c --null --no-recursion -T -
  ) | tar -x -C "$system/root/oneadapt"
}

# The system of this run is the base, the way to the network, and the clone.
make_system() {
  remove "$system"
  cp -a "$base" "$system"
  cp -L /etc/resolv.conf "$system/etc/resolv.conf"
  echo "127.0.0.1 localhost $HOSTNAME" >"$system/etc/hosts"
  # Certificates that this machine trusts besides Debian's. The package ca-certificates takes them from here.
  local own=/usr/local/share/ca-certificates
  if [[ -d $own ]]; then cp -r "$own" "$system/usr/local/share/"; fi
  # A crash of the machine may lose packages of this system, so dpkg need not wait for the disk after each file.
  echo force-unsafe-io >"$system/etc/dpkg/dpkg.cfg.d/unsafe-io"
  git clone -q --no-hardlinks "$root" "$system/root/oneadapt"
  [[ $working_tree == no ]] || take_working_tree
}

# What programs expect of a running system: processes, devices, shared memory. `ip netns exec` wants / to be a mount.
mount_system() {
  local name
  mount --bind "$system" "$system"
  mount -t proc proc "$system/proc"
  mount -t sysfs sysfs "$system/sys"
  mount -t tmpfs -o mode=755 tmpfs "$system/dev"
  for name in null zero full random urandom tty; do
    : >"$system/dev/$name"
    mount --bind "/dev/$name" "$system/dev/$name"
  done
  mkdir "$system/dev/pts" "$system/dev/shm"
  mount -t devpts -o newinstance,ptmxmode=0666 devpts "$system/dev/pts"
  mount -t tmpfs -o mode=1777 tmpfs "$system/dev/shm"
  ln -s pts/ptmx "$system/dev/ptmx"
  ln -s /proc/self/fd "$system/dev/fd"
  ln -s fd/0 "$system/dev/stdin"
  ln -s fd/1 "$system/dev/stdout"
  ln -s fd/2 "$system/dev/stderr"
  mount --bind "$packages" "$system/var/cache/apt/archives"
  if [[ -n $ccache ]]; then
    mkdir -p "$ccache" "$system/ccache"
    mount --bind "$ccache" "$system/ccache"
  fi
}

# A command in the clone. Of this machine's environment it sees the proxy alone.
inside() {
  local pass=() name
  for name in http_proxy https_proxy no_proxy; do
    [[ -z ${!name:-} ]] || pass+=("$name=${!name}")
  done
  [[ -z $ccache ]] || pass+=(CCACHE_DIR=/ccache)
  chroot "$system" env -i HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin TERM=dumb \
    "${pass[@]+"${pass[@]}"}" bash -c 'cd /root/oneadapt && exec "$@"' - "$@"
}

failed=0 report=()
# Runs a command of the README, shows and keeps what it prints, and remembers how it went.
try() {
  local began=$SECONDS verdict=OK
  say "$1"
  inside "$1" 2>&1 | tee "$log/$(basename "$1")" || { verdict=FAILED; failed=1; }
  report+=("$(printf '%-24s %-6s %5d s' "$1" $verdict $((SECONDS - began)))")
}

began=$SECONDS
make_base
make_system
mount_system
say "system: made in $((SECONDS - began)) s"
try examples/quickstart.sh
try tests/run.sh
echo
# shellcheck disable=SC2016  # for dpkg-query, not for the shell
versions=$(inside dpkg-query -W -f '${Package} ${Version}, ' g++ meson libgstreamer1.0-dev libtorch-dev 2>&1) || true
say "$suite, $(git -C "$system/root/oneadapt" log -1 --format=%h), ${versions%, }"
for line in "${report[@]}"; do say "$line"; done
sed -n '/^skipped: /p; /^ *[0-9]*\/[0-9]* .*\(FAIL\|TIMEOUT\|ERROR\)/p; $p' "$log/run.sh" |
  while IFS= read -r line; do say "tests: $line"; done
say "logs: $log; system: $system"
exit $failed
