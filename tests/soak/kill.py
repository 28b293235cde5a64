#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""kill -9 of the DNN, again and again, and of the camera: the other one lives, and goes on by itself.

For feedback by RTCP and by TCP, at once. A camera has recovered when two gradients of new intervals were taken and its
last decision was made with one. Before the second kill the camera is left alone until it has gone to its safe
configuration.

Usage: kill.py ROOT SOAK_END [--count N] [--fps N] [--size WxH]
"""
import sys
import threading
import time

import ends


def recovered(camera, before):
    return ends.wait_until(lambda: camera.number("ctl", "gradients") >= before + 2 and camera.decisions
                           and camera.decisions[max(camera.decisions)]["feedback"])


def kill_one(a, clip, transport, which, failed):
    """Says what happens; adds what should not have."""
    def wrong(what):
        failed.append(f"{transport}, {which} killed: {what}")

    lines = dict(zip(("camera", "DNN"), ends.two_ends(clip, transport, ctl="knobs=qp")))
    running = {name: ends.End(a.end, lines[name]) for name in ("DNN", "camera")}
    times, gone = [], 0
    try:
        if not recovered(running["camera"], 0):
            return wrong("no gradients to begin with")
        survivor = running["camera" if which == "DNN" else "DNN"]
        for i in range(a.count):
            running[which].kill()
            if which == "DNN" and i == 1:
                gone += ends.wait_until(lambda: survivor.number("ctl", "feedback-lost"))
                if not gone:
                    wrong("it never said that feedback is lost")
            before = running["camera"].number("ctl", "gradients") if which == "DNN" else 0
            start = time.monotonic()
            running[which] = ends.End(a.end, lines[which])
            if not recovered(running["camera"], before):
                wrong(f"no recovery after kill {i + 1}")
            times.append(time.monotonic() - start)
            if not survivor.alive() or survivor.error:
                return wrong(f"the survivor ended: {survivor.error}")
        if which == "DNN" and survivor.number("ctl", "feedback-lost"):
            wrong("feedback is lost for good")
    finally:
        for end in running.values():
            end.end()
        print(f"{transport:5} {which:7} {len(times):3} kills, back after {min(times, default=0):.1f} … {max(times, default=0):.1f} s, start of the process "
              f"included; gradients ignored: {running['camera'].number('ctl', 'gradients-ignored'):g}")
    return None


def main():
    a = ends.arguments(__doc__, count=20, fps=5)
    failed = []
    with ends.Folder() as folder:
        clip = ends.Clip(a, folder, 10)
        threads = [threading.Thread(target=kill_one, args=(a, clip, t, w, failed)) for t in ("rtcp", "tcp") for w in ("DNN", "camera")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    print("\n".join("FAILED: " + f for f in failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
