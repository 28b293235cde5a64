#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What one frame costs in oneadaptdnn, in a gst-launch-1.0 pipeline: CPU time, page faults, and the process's peak of
memory, of several builds or settings in turn in one run.

Each variant is NAME=BUILD[,PROPERTY=VALUE...]: a build directory, and properties of oneadaptdnn. Two runs, of few and of
many frames, tell what a frame costs from what the start costs. Prints medians over the rounds and ratios to the first
variant; with --gradient the same with a gradient on every frame, and what that adds to ten frames with one gradient.
With --agree it measures nothing, and compares what is found in --many frames with what the first variant finds.

Usage: frames.py MODEL [--clip FILE] [--size WxH] [--few N] [--many N] [--gradient] [--rounds N] VARIANT ...
       frames.py MODEL --agree [--clip FILE] [--size WxH] [--many N] VARIANT ...
Example: frames.py models/nanodet.pt --gradient plain=build,plan=plain,threads=1 auto=build,threads=1
"""
import argparse
import json
import os
import statistics
import sys
import tempfile


class Cost:
    """Of one process: CPU s, minor page faults, peak of resident memory in MB."""

    def __init__(self, command, env):
        process = os.spawnvpe(os.P_NOWAIT, command[0], command, env)
        _, status, usage = os.wait4(process, 0)
        if status:
            sys.exit(f"frames.py: it failed: {' '.join(command)}")
        self.cpu = usage.ru_utime + usage.ru_stime
        self.faults = usage.ru_minflt
        self.peak = usage.ru_maxrss / 1000


def run(a, variant, frames, gradient):
    build, *properties = variant.split(",")
    env = dict(os.environ, GST_PLUGIN_PATH=os.path.join(build, "elements"), OMP_WAIT_POLICY="passive",
               LD_LIBRARY_PATH=os.path.join(build, "gst") + ":" + os.environ.get("LD_LIBRARY_PATH", ""))
    env["GST_REGISTRY"] = os.path.join(build, "bench-registry.bin")
    scaled = ["videoscale", "!", "video/x-raw,width={},height={}".format(*a.size.split("x")), "!"] if a.size else []
    wanted = ["gradient=true", "gradient-every=1"] if gradient else ["gradient=false"]
    return Cost(["gst-launch-1.0", "-q", "filesrc", f"location={a.clip}", "!", "decodebin", "!", "videoconvert", "!", *scaled,
                 "identity", f"eos-after={frames}", "!", "oneadaptdnn", f"model={a.model}", *wanted, *properties, "!",
                 "fakesink"], env)


def found_by(a, variant):
    """[[(label, confidence)]] of frames. The last one is left out: which one that is, is chance (eos-after)."""
    with tempfile.NamedTemporaryFile(suffix=".jsonl") as file:
        run(a, f"{variant},results-location={file.name}", a.many, False)
        lines = [json.loads(line) for line in file]
    return [[(o["detection"]["label_id"], o["detection"]["confidence"]) for o in line["objects"]] for line in lines[:a.many - 2]]


def agree(a):
    names, variants = zip(*[item.split("=", 1) for item in a.variants])
    first = found_by(a, variants[0])
    for name, variant in zip(names[1:], variants[1:]):
        other = found_by(a, variant)
        same = [[label for label, _ in x] == [label for label, _ in y] for x, y in zip(first, other)]
        most = max((abs(p[1] - q[1]) for x, y in zip(first, other) for p, q in zip(x, y)), default=0)
        print(f"{name} and {names[0]}: {len(same)} frames, {sum(map(len, first))} objects, {same.count(False)} frames with "
              f"others, scores differ by {most:.1e} at most")


def measure(a, gradient):
    """{name: [(CPU ms and faults of a frame, peak MB, CPU s of the start)]}"""
    results = {}
    for _ in range(a.rounds):
        for item in a.variants:
            name, variant = item.split("=", 1)
            few, many = run(a, variant, a.few, gradient), run(a, variant, a.many, gradient)
            frames = a.many - a.few
            frame = (many.cpu - few.cpu) / frames
            results.setdefault(name, []).append((1e3 * frame, (many.faults - few.faults) / frames, many.peak,
                                                 few.cpu - a.few * frame))
    return {name: [statistics.median(column) for column in zip(*rounds)] for name, rounds in results.items()}


def show(title, results):
    base = next(iter(results.values()))
    print(f"{title:24} {'CPU ms':>8} {'ratio':>6} {'faults':>8} {'peak MB':>8} {'ratio':>6} {'start: CPU s':>13}")
    for name, (cpu, faults, peak, start) in results.items():
        print(f"{name:24} {cpu:8.1f} {cpu / base[0]:6.2f} {faults:8.0f} {peak:8.0f} {peak / base[2]:6.2f} {start:13.2f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("variants", nargs="+", metavar="VARIANT")
    parser.add_argument("--clip", default="clips/vtest.avi")
    parser.add_argument("--size", default="")
    parser.add_argument("--few", type=int, default=4)
    parser.add_argument("--many", type=int, default=44)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--gradient", action="store_true")
    parser.add_argument("--agree", action="store_true")
    a = parser.parse_args()
    if a.agree:
        agree(a)
        return
    plain = measure(a, False)
    show("a frame", plain)
    if not a.gradient:
        return
    with_gradient = measure(a, True)
    show("a frame with a gradient", with_gradient)
    first = None
    for name, (cpu, *_) in with_gradient.items():
        adds = cpu - plain[name][0]
        first = first or adds
        print(f"{name:24} a gradient adds {adds:.1f} ms ({adds / first:.2f}): {10 * adds / plain[name][0]:.1f} % of ten frames")


if __name__ == "__main__":
    main()
