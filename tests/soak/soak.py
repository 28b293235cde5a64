#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Camera and DNN over RTP for as long as one likes; watches memory, threads and file descriptors of both.

After the warm-up (a third of the time, five minutes at most) there must be no more threads and descriptors in the end than then,
at least 95 % of the feedback must arrive, and memory must grow by no more than --slope MB an hour, if that can be told:
in a run of less than ten minutes by no more than 4 MB from the first half of the time that is left to the second.

Usage: soak.py ROOT SOAK_END [--seconds N] [--transport rtcp|udp|tcp] [--fps N] [--size WxH] [--input-size WxH] [--slope X] [--knobs A,B,..]
"""
import statistics
import sys
import time

import ends


def slope(points):
    """Median of the slopes of all pairs (Theil and Sen): what a busy minute adds once is no growth."""
    return statistics.median((y - x[1]) / (t - x[0]) for i, x in enumerate(points) for t, y in points[i + 1:])


def judge(name, samples, a):
    """Prints what became of one process, and returns what is wrong with it."""
    start, end = samples[0], samples[-1]
    per_hour = slope([(t / 3600, kib / 1024) for t, (kib, _, _) in samples])
    fifths = [samples[len(samples) * i // 5: len(samples) * (i + 1) // 5] for i in range(5)]
    means = " ".join(f"{sum(s[1][0] for s in f) / max(1, len(f)) / 1024:.1f}" for f in fifths)
    print(f"{name:7} memory {means} MB, {per_hour:+.2f} MB/h; threads {start[1][1]} → {end[1][1]}; "
          f"descriptors {start[1][2]} → {end[1][2]}  ({end[0] - start[0]:.0f} s)")
    wrong = []
    # The least in a fifth: sockets and threads come and go for a moment.
    least = [[min(s[1][i] for s in fifths[which]) for i in (1, 2)] for which in (0, -1)]
    for what, before, after in zip(("threads", "descriptors"), *least):
        if after > before:
            wrong.append(f"{name}: {before} → {after} {what}")
    if a.seconds >= 600 and per_hour > a.slope:
        wrong.append(f"{name}: memory grows by {per_hour:.2f} MB an hour")
    half = len(samples) // 2
    grown = (max(s[1][0] for s in samples[half:]) - max(s[1][0] for s in samples[:half])) / 1024
    if a.seconds < 600 and grown > 4:
        wrong.append(f"{name}: memory grew by {grown:.1f} MB")
    return wrong


def main():
    a = ends.arguments(__doc__, seconds=1800, fps=5, transport="rtcp", slope=1.0, knobs="")
    failed = []
    with ends.Folder() as folder:
        clip = ends.Clip(a, folder, 60)
        camera_line, dnn_line, _ = ends.two_ends(clip, a.transport, ctl=f"knobs={a.knobs}" if a.knobs else "")
        running = {"DNN": ends.End(a.end, dnn_line), "camera": ends.End(a.end, camera_line)}
        samples, descriptors = {name: [] for name in running}, {}
        if not ends.wait_until(lambda: running["camera"].gradients > 2):
            failed.append("no gradients")
        begin, warm = time.monotonic(), min(300, a.seconds / 3)
        while not failed and time.monotonic() - begin < a.seconds:
            time.sleep(1 if a.seconds < 600 else 5)
            for name, end in running.items():
                if not end.alive():
                    failed.append(f"{name} ended: {end.error}")
                elif time.monotonic() - begin > warm:
                    samples[name].append((time.monotonic() - begin, end.footprint()))
                    now = end.descriptors()
                    known = descriptors.setdefault(name, dict(now))
                    for number, what in sorted(now.items()):
                        if number not in known:
                            print(f"{name}: descriptor {number} is new after {time.monotonic() - begin:.0f} s: {what}", flush=True)
                            known[number] = what
        made, taken = running["DNN"].number("dnn", "gradients"), running["camera"].gradients
        for name, end in running.items():
            if len(samples[name]) > 5:
                failed += judge(name, samples[name], a)
            end.end()
        ignored = running["camera"].number("ctl", "gradients-ignored")
        print(f"feedback: {made:g} gradients made, {taken:g} taken, {ignored:g} too late (the machine was busy)")
        if taken + ignored + 1 < 0.95 * made:
            failed.append("feedback is lost")
    print("\n".join("FAILED: " + f for f in failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
