#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Camera and DNN in two processes, over each transport, against the same in one process, all in real time.

Prints a line a transport: how far the decisions are from those in one process, in steps of the QP ladder; feedback that
arrived, of what was made; and its bytes, as a share of the video's that was sent and of what the most expensive
configuration would have been. Fails where decisions differ by more than a step, or where less than 95 % of the feedback
arrives.

Usage: two_processes.py ROOT SOAK_END [--seconds N] [--fps N] [--size WxH] [--transports A,B,..] [--at-once N]
"""
import sys
import time

import ends

# Live, a gradient across a network is an interval later than in one process: the first decisions go by different ones.
SETTLED = 4



def run(a, clip, transport):
    """Processes that are under way: (camera, DNN); one process is both."""
    knobs = "knobs=qp"
    if transport == "one process":
        one = ends.End(a.end, [f"{clip.source()} ! oneadaptctl name=ctl {knobs} ! oneadaptfilter name=filter ! {clip.dnn()}"])
        return one, one
    camera, dnn, camera_first = ends.two_ends(clip, transport, ctl=knobs)
    first = ends.End(a.end, camera if camera_first else dnn)
    time.sleep(1.5)  # it had better listen; nothing but the second's start depends on it
    second = ends.End(a.end, dnn if camera_first else camera)
    return (first, second) if camera_first else (second, first)


def most_expensive(decisions):
    """Bytes of the intervals that were decided on, had they been sent in the most expensive configuration."""
    return sum(d["bytes"] / d["measured-resource"] for d in decisions.values() if d.get("measured-resource"))


def steps_apart(one, two):
    """Greatest distance of the QPs decided for the same interval, in steps of 4 (the ladder's), and how many there are."""
    both = sorted(i for i in set(one) & set(two) if i >= SETTLED)
    qp = [[next(k["next"] for k in d[i]["knobs"] if k["name"] == "qp") for i in both] for d in (one, two)]
    return [abs(x - y) / 4 for x, y in zip(*qp)], both


def main():
    a = ends.arguments(__doc__, seconds=20, fps=5, transports=",".join(["rtcp", "udp", "tcp"] + ends.RTSP), **{"at-once": 1})
    failed = []
    with ends.Folder() as folder:
        clip = ends.Clip(a.root, folder, a.width, a.height, a.fps, a.seconds + 5)
        wanted = ["one process"] + a.transports.split(",")
        results = {}
        while wanted:
            group, wanted = wanted[: a.at_once], wanted[a.at_once:]
            running = {t: run(a, clip, t) for t in group}
            for t, (camera, dnn) in running.items():
                ends.wait_until(lambda: max(camera.decisions, default=0) >= a.seconds or not camera.alive() or not dnn.alive(), 3 * a.seconds + 30)
            for t, (camera, dnn) in running.items():
                camera.end()
                dnn.end()
                results[t] = camera, dnn
    one = results.pop("one process")[0]
    print(f"{'':14} {'decisions':>9} {'steps apart: mean':>17} {'most':>5} {'feedback':>9} {'of the video':>12} {'of the dearest':>14}")
    print(f"{'one process':14} {len(one.decisions):9}   QP {[d['knobs'][0]['next'] for _, d in sorted(one.decisions.items())]}")
    for t, (camera, dnn) in results.items():
        apart, both = steps_apart(one.decisions, camera.decisions)
        made = dnn.number("dnn", "gradients")
        arrived = camera.gradients / made if made else 0
        # What was sent last may have been under way when both ended.
        arrived = max(arrived, min(1, (camera.gradients + 1) / made)) if made else 0
        sent = camera.number("ctl", "bytes", "feedback") or dnn.number("dnn", "bytes", "feedback")
        shares = [sent / bytes if bytes else 1 for bytes in (camera.number("filter", "bytes"), most_expensive(camera.decisions))]
        print(f"{t:14} {len(camera.decisions):9} {sum(apart) / max(1, len(apart)):17.2f} {max(apart, default=9):5.1f} {arrived:9.1%} {shares[0]:12.2%} "
              f"{shares[1]:14.2%}   QP {[d['knobs'][0]['next'] for _, d in sorted(camera.decisions.items())]}")
        for what, bad in (("said " + str(camera.error or dnn.error), camera.error or dnn.error), ("too few decisions", len(both) < a.seconds / 2 - SETTLED),
                          ("decisions differ", max(apart, default=9) > 1), ("feedback is lost", arrived < 0.95)):
            if bad:
                failed.append(f"{t}: {what}")
    print("\n".join("FAILED: " + f for f in failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
