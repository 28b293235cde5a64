#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""oneadaptfilter beside x264enc at the same QP and key-int-max, without adaptation: bytes, and CPU time of encoding (that
of reading and decoding the clip, measured in the same rounds, is taken off).

For each clip and QP it prints bytes and CPU time of oneadaptfilter as a ratio to x264enc with a constant QP, and, for
its CPU time, to x264enc's constant quality, which has adaptive quantisation. x264enc runs with tune=zerolatency, the same
preset and one thread. Medians over the rounds, the variants in turn.

Usage: encode.py [--build DIR] [--qp A,B,...] [--fps N] [--seconds S] [--rounds N] [--key-int-max N] CLIP ...
Example: encode.py --fps 10 clips/vtest.avi
"""
import argparse
import os
import statistics
import sys
import tempfile


def run(a, clip, element):
    """(bytes, CPU seconds) of a pipeline."""
    env = dict(os.environ, GST_PLUGIN_PATH=os.path.join(a.build, "elements", "oneadapt"),
               LD_LIBRARY_PATH=os.path.join(a.build, "gst") + ":" + os.environ.get("LD_LIBRARY_PATH", ""),
               GST_REGISTRY=os.path.join(a.build, "bench-encode-registry.bin"))
    with tempfile.NamedTemporaryFile() as out:
        command = ["gst-launch-1.0", "-q", "filesrc", f"location={clip}", "!", "decodebin", "!", "videoconvert", "!",
                   "videorate", "!", f"video/x-raw,format=I420,framerate={a.fps}/1", "!", "identity",
                   f"eos-after={int(a.seconds * a.fps) + 1}", "!", *element.split()]
        if element != "fakesink":
            command += ["!", "filesink", f"location={out.name}"]
        process = os.spawnvpe(os.P_NOWAIT, command[0], command, env)
        _, status, usage = os.wait4(process, 0)
        if status:
            sys.exit(f"encode.py: it failed: {' '.join(command)}")
        return os.path.getsize(out.name), usage.ru_utime + usage.ru_stime


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build", help="a build directory")
    parser.add_argument("--qp", default="24,32,40")
    parser.add_argument("--fps", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=20, help="of each clip, from its beginning")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--key-int-max", type=int, default=250)
    parser.add_argument("--preset", default="veryfast")
    parser.add_argument("clips", nargs="+")
    a = parser.parse_args()
    x264 = f"x264enc tune=zerolatency speed-preset={a.preset} threads=1 key-int-max={a.key_int_max} byte-stream=true"
    ratios = []
    print(f"{'clip':28} QP  bytes/x264enc  CPU/x264enc  CPU/x264enc with AQ")
    for clip in a.clips:
        for qp in a.qp.split(","):
            variants = {
                "none": "fakesink",
                "ours": f"oneadaptfilter qp={qp} speed-preset={a.preset} key-int-max={a.key_int_max} interval-marks=off",
                "quant": f"{x264} pass=quant quantizer={qp}", "qual": f"{x264} pass=qual quantizer={qp}"}
            taken = {name: [] for name in variants}
            for _ in range(a.rounds):
                for name, element in variants.items():
                    taken[name].append(run(a, clip, element))
            size = {name: statistics.median(b for b, _ in all) for name, all in taken.items()}
            base = statistics.median(c for _, c in taken["none"])
            cpu = {name: statistics.median(c for _, c in all) - base for name, all in taken.items()}
            row = (size["ours"] / size["quant"], cpu["ours"] / cpu["quant"], cpu["ours"] / cpu["qual"])
            ratios.append(row)
            print(f"{os.path.basename(clip):28} {qp:>2}  {row[0]:13.3f}  {row[1]:11.2f}  {row[2]:18.2f}", flush=True)
    print("greatest                        " + "  ".join(f"{max(column):12.3f}" for column in zip(*ratios)))


if __name__ == "__main__":
    main()
