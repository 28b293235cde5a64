#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Camera and DNN in two processes, over each transport, against the same in one process, all in real time.

Prints a line a transport: how far the decisions are from those in one process, in steps of the QP ladder; feedback that
arrived, of what was made; and its bytes, as a share of the video's that was sent and of what the most expensive
configuration would have been. Fails where decisions differ by more than a step, or where less than 95 % of the feedback
arrives. On a busy machine a gradient may come too late for its interval: it has arrived, and the decision without it does
not count, so that the run takes longer.

Usage: two_processes.py ROOT SOAK_END [--decisions N] [--fps N] [--size WxH] [--input-size WxH] [--transports A,B,..] [--at-once N]
"""
import sys

import ends

# Both begin dear, so that there is a way to go.
ONE = "one process"
SETTLED = 3  # decisions that do not count: an RTSP connection is being made, and first frames are late or lost
CTL, FILTER = "knobs=qp warm-start=false", "qp=20"


def start(a, clip, transports):
    """{transport: (camera, DNN)}, all under way; one process is both."""
    lines = {t: ends.two_ends(clip, t, ctl=CTL, filter=FILTER) for t in transports if t != ONE}
    first = {t: ends.End(a.end, camera if camera_first else dnn) for t, (camera, dnn, camera_first) in lines.items()}
    for end in first.values():
        end.wait_for_ports()
    running = {}
    for t in transports:
        if t == ONE:
            one = ends.End(a.end, [f"{clip.source()} ! oneadaptctl name=ctl {CTL} ! oneadaptfilter name=filter {FILTER} ! {clip.dnn()}"])
            running[t] = one, one
        else:
            camera, dnn, camera_first = lines[t]
            second = ends.End(a.end, dnn if camera_first else camera)
            running[t] = (first[t], second) if camera_first else (second, first[t])
    return running


def most_expensive(decisions):
    """Bytes of the intervals that were decided on, had they been sent in the most expensive configuration."""
    return sum(d["bytes"] / d["measured-resource"] for d in decisions.values() if d.get("measured-resource"))


def steps_apart(one, two):
    """Of the decisions with feedback, the first, second, … in both: distance of the QPs decided, in steps of 4 (the
    ladder's). A network may bring a gradient an interval later than it is in one process, so that the neighbours count
    too."""
    qp = [ends.with_feedback(decisions) for decisions in (one, two)]
    return [min(abs(qp[1][i] - other) for other in qp[0][i - 1:i + 2]) / 4 for i in range(SETTLED, min(map(len, qp)))]


def main():
    a = ends.arguments(__doc__, decisions=20, fps=5, transports=",".join(["rtcp", "udp", "tcp"] + ends.RTSP), **{"at-once": 1})
    failed = []
    with ends.Folder() as folder:
        clip = ends.Clip(a, folder, a.decisions + 5)
        wanted = [ONE] + a.transports.split(",")
        results = {}
        while wanted:
            group, wanted = wanted[: a.at_once], wanted[a.at_once:]
            running = start(a, clip, group)
            for t, (camera, dnn) in running.items():
                ends.wait_until(lambda: len(ends.with_feedback(camera.decisions)) >= a.decisions or not camera.alive() or not dnn.alive())
            for t, (camera, dnn) in running.items():
                for end in (dnn, camera) if "pull" in t else (camera, dnn):  # the client first
                    end.end()
                results[t] = camera, dnn
    one = results.pop(ONE)[0]
    print(f"{'':14} {'decisions':>9} {'steps apart: mean':>17} {'most':>5} {'feedback':>9} {'of the video':>12} {'of the dearest':>14}")
    print(f"{ONE:14} {len(one.decisions):9}   QP {[ends.qp_of(d) for _, d in sorted(one.decisions.items())]}")
    for t, (camera, dnn) in results.items():
        apart = steps_apart(one.decisions, camera.decisions)
        made = dnn.number("dnn", "gradients")
        # Some come too late for their interval; what was sent last may have been under way when both ended.
        came = camera.gradients + camera.number("ctl", "gradients-ignored")
        arrived = min(1, (came + 1) / made) if came and made else 0
        sent = camera.number("ctl", "bytes", "feedback") or dnn.number("dnn", "bytes", "feedback")
        shares = [sent / bytes if bytes else 1 for bytes in (camera.number("filter", "bytes"), most_expensive(camera.decisions))]
        print(f"{t:14} {len(camera.decisions):9} {sum(apart) / max(1, len(apart)):17.2f} {max(apart, default=9):5.1f} {arrived:9.1%} {shares[0]:12.2%} "
              f"{shares[1]:14.2%}   QP {[ends.qp_of(d) for _, d in sorted(camera.decisions.items())]}")
        for what, bad in (("said " + str(camera.error or dnn.error), camera.error or dnn.error), ("too few decisions with feedback", len(apart) < a.decisions - SETTLED),
                          ("decisions differ", max(apart, default=9) > 1), ("feedback is lost", arrived < 0.95)):
            if bad:
                failed.append(f"{t}: {what}")
    print("\n".join("FAILED: " + f for f in failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
