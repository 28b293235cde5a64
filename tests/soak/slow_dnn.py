#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A live camera in front of a DNN that is several times too slow: how late results and gradients are.

The model costs next to nothing; behind it each frame takes --slowness times as long as the camera takes for it. Results
are at most --late seconds old, at least 90 % of the decisions have a gradient, memory stays as it is, and every frame is
analysed or counted as left out.

Usage: slow_dnn.py ROOT SOAK_END --model MODEL [--seconds N] [--fps N] [--slowness X] [--late S]
"""
import json
import os
import sys
import time

import ends


def new_lines(file):
    """The lines that have come, whole."""
    lines = []
    while True:
        at = file.tell()
        line = file.readline()
        if not line.endswith("\n"):
            file.seek(at)
            return lines
        lines.append(json.loads(line))


def main():
    a = ends.arguments(__doc__, seconds=600, fps=25, slowness=5.0, late=1.5, size="256x192")
    failed = []
    with ends.Folder() as folder:
        results = os.path.join(folder, "results.jsonl")
        end = ends.End(a.end, [
            f"videotestsrc is-live=true pattern=ball ! video/x-raw,width={a.width},height={a.height},framerate={a.fps}/1 ! "
            "oneadaptctl name=ctl knobs=qp ! oneadaptfilter name=filter ! h264parse ! avdec_h264 max-threads=1 ! videoconvert ! "
            f"oneadaptdnn name=dnn model={a.model} threads=1 results-location={results} ! "
            f"identity sleep-time={round(1e6 * a.slowness / a.fps)} ! fakesink sync=false"])
        ends.wait_until(lambda: os.path.exists(results) and os.path.getsize(results) or not end.alive())
        begin, came, memory = time.monotonic(), [], []
        with open(results, encoding="utf-8") as file:
            while end.alive() and time.monotonic() - begin < a.seconds:
                time.sleep(0.02)
                came += [(time.monotonic(), line["timestamp"] / 1e9) for line in new_lines(file)]
                if time.monotonic() - begin > min(60, a.seconds / 3) and len(memory) < time.monotonic() - begin:
                    memory.append(end.footprint()[0])
        if not end.alive():
            failed.append(f"it ended: {end.error}")
        frames, skipped = end.number("dnn", "frames"), end.number("dnn", "skipped")
        end.end()
        decisions = list(end.decisions.values())
        on_time = sum(bool(d["feedback"]) for d in decisions) / max(1, len(decisions))
        # The first result is a frame's time late, or a little more; all others are measured against it.
        late = [arrived - time_of for arrived, time_of in came]
        ages = sorted(age - min(late) + a.slowness / a.fps for age in late)
        print(f"{frames:g} frames analysed, {skipped:g} left out; results are {ages[len(ages) // 2]:.2f} s old, at most {ages[-1]:.2f} s; "
              f"{len(decisions)} decisions, {100 * on_time:.0f} % with a gradient; memory {memory[0] / 1024:.1f} → {memory[-1] / 1024:.1f} MB")
        if ages[-1] > a.late:
            failed.append(f"results are up to {ages[-1]:.2f} s old")
        if on_time < 0.9:
            failed.append("gradients are missing")
        if skipped < frames:
            failed.append(f"only {skipped:g} frames were left out: the DNN is not too slow")
        if memory[-1] > memory[0] + 8 * 1024:
            failed.append("memory grows")
    print("\n".join("FAILED: " + f for f in failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
