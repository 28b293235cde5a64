#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What was asked for, what was got, and what was measured meanwhile (docs/results/accuracy.md).

Reads evaluations that hold the curves `uniform` and `min-accuracy`:
  oneadapt-eval --policies uniform,min-accuracy --knobs qp-map ... --output FOLDER
and prints, for each clip and each accuracy asked for: the accuracy got from the sixth second on (of clips of up to
eight seconds: from the third), the kbit/s, and what a fixed QP takes for the same accuracy there (log-linear between the
two points around it; nan where no QP is as bad, or none as good). Then the accuracy in the first second of what comes
into an empty scene, beside that of the fixed QPs that take about as many bytes. Then how far the measured accuracy is
from the true one, in windows of ten seconds in which the true one is 0.8 or more. --plot FILE draws it (python3-matplotlib).
"""
import argparse
import json
import math
import os
import sys


def weighted(intervals, begin, end, key="accuracy"):
    rows = [i for i in intervals[begin:end] if i.get(key) is not None]
    weight = sum(i["weight"] for i in rows)
    return sum(i[key] * i["weight"] for i in rows) / weight if weight else None


def settled_from(intervals):
    return 5 if len(intervals) > 8 else 2


def settled(point):
    """Accuracy and kbit/s once the beginning is over."""
    intervals = point["intervals"]
    begin = settled_from(intervals)
    rest = intervals[begin:]
    return weighted(intervals, begin, len(intervals)), sum(i["kbps"] for i in rest) / max(1, len(rest))


def fixed_for(points, accuracy):
    """kbit/s of a fixed setting with this accuracy: the cheapest pair of neighbours around it."""
    curve = sorted((kbps, a) for a, kbps in map(settled, points) if a is not None)
    for (k0, a0), (k1, a1) in zip(curve, curve[1:]):
        if min(a0, a1) <= accuracy <= max(a0, a1) and a0 != a1:
            share = (accuracy - a0) / (a1 - a0)
            return math.exp(math.log(k0) + share * (math.log(k1) - math.log(k0)))
    return None


def windows(intervals, seconds=10):
    """Pairs of true and measured accuracy over windows; the second of measured frames only."""
    for begin in range(0, len(intervals), seconds):
        part = intervals[begin:begin + seconds]
        measured = [i["measured_accuracy"] for i in part if i.get("measured_accuracy") is not None]
        true = [i["accuracy"] for i in part if i.get("accuracy") is not None and i.get("measured_accuracy") is not None]
        if len(measured) >= 5:
            yield sum(true) / len(true), sum(measured) / len(measured)


def arrivals(uniform):
    """Seconds in which something is found although nothing was in the second before, by the most expensive setting."""
    finest = max(uniform, key=lambda p: p["bandwidth"])["intervals"]
    return [i for i in range(1, len(finest)) if finest[i]["objects"] > 0 and finest[i - 1]["objects"] == 0]


def of_seconds(point, seconds):
    """Mean accuracy in these seconds."""
    rows = [point["intervals"][i]["accuracy"] for i in seconds if i < len(point["intervals"])]
    return sum(rows) / len(rows)


def like_priced(points, kbps):
    """The two fixed settings whose mean kbit/s are nearest, one on either side where there are both."""
    mean = [(sum(i["kbps"] for i in p["intervals"]) / len(p["intervals"]), p) for p in points]
    below = [p for k, p in sorted(mean, key=lambda m: m[0]) if k <= kbps]
    above = [p for k, p in sorted(mean, key=lambda m: m[0]) if k > kbps]
    return below[-1:] + above[:1]


def read(folder):
    with open(os.path.join(folder, "results.json")) as file:
        return json.load(file)["clips"]


def plot(pairs, path):
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(5, 5))
    axes.plot([0.5, 1], [0.5, 1], color="#888", linewidth=1)
    for name in sorted({p[0] for p in pairs}):
        own = [p[1:] for p in pairs if p[0] == name]
        axes.scatter([p[0] for p in own], [p[1] for p in own], s=14, label=name)
    axes.set_xlabel("true accuracy (F1 against the camera's pictures)")
    axes.set_ylabel("measured accuracy")
    axes.legend(fontsize=7)
    figure.tight_layout()
    figure.savefig(path)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="+", help="--output of an evaluation")
    parser.add_argument("--plot", metavar="FILE", help="PNG or SVG of measured over true accuracy")
    arguments = parser.parse_args()
    pairs, within, reachable = [], 0, 0
    print(f"{'clip':24}{'asked':>6}{'got':>7}{'kbit/s':>9}{'fixed QP':>10}{'ratio':>7}")
    for clip in (clip for folder in arguments.folder for clip in read(folder)):
        curves = {curve["policy"]: curve["points"] for curve in clip["curves"]}
        if not {"uniform", "min-accuracy"} <= set(curves):
            sys.exit(f"{clip['clip']}: wants the curves uniform and min-accuracy")
        fixed = [settled(point)[0] for point in curves["uniform"]]
        for point in curves["min-accuracy"]:
            accuracy, kbps = settled(point)
            asked, like = point["asked"], fixed_for(curves["uniform"], accuracy)
            can = min(fixed) <= asked + 0.05 and max(fixed) >= asked - 0.02
            good = asked - 0.02 <= accuracy <= asked + 0.05
            reachable += can
            within += can and good
            print(f"{clip['clip'][:23]:24}{asked:6.2f}{accuracy:7.3f}{kbps:9.1f}{like if like else float('nan'):10.1f}"
                  f"{kbps / like if like else float('nan'):7.2f}{'' if good else '  (no QP does)' if not can else '  *'}")
            pairs += [(clip["clip"], *pair) for pair in windows(point["intervals"])]
    print(f"within -0.02 and +0.05 of what was asked, where a fixed QP can be: {within} of {reachable}")
    for clip in (clip for folder in arguments.folder for clip in read(folder)):
        curves = {curve["policy"]: curve["points"] for curve in clip["curves"]}
        seconds = arrivals(curves["uniform"])
        if not seconds:
            continue
        print(f"{clip['clip']}: in the {len(seconds)} seconds that follow an empty one")
        for point in curves["min-accuracy"]:
            kbps = sum(i["kbps"] for i in point["intervals"]) / len(point["intervals"])
            others = ", ".join(f"{of_seconds(p, seconds):.3f} with {p['setting']}"
                               for p in like_priced(curves["uniform"], kbps))
            print(f"  {point['setting']}: {of_seconds(point, seconds):.3f}; of the same mean bytes {others}")
    errors = [measured - true for _, true, measured in pairs if true >= 0.8]
    if errors:
        print(f"measured - true over {len(errors)} windows of 10 s: mean {sum(errors) / len(errors):+.3f}, "
              f"rms {math.sqrt(sum(e * e for e in errors) / len(errors)):.3f}")
    for clip in sorted({name for name, true, _ in pairs if true >= 0.8}):
        own = [measured - true for name, true, measured in pairs if name == clip and true >= 0.8]
        print(f"  {clip}: {sum(own) / len(own):+.3f} over {len(own)}")
    if arguments.plot:
        plot(pairs, arguments.plot)


if __name__ == "__main__":
    main()
