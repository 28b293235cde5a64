#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A camera behind a link of 300 kbit/s, with max-bitrate and without adaptation, side by side.

Each pair of processes has two network namespaces of its own, with a token bucket (tc tbf) between them that queues for
up to three seconds, as cheap routers do; gradients go back by RTCP. Both streams begin at the same QP. A frame counts
as whole if all its packets arrived, and those of all frames back to the last key frame; latency is from the payloader
to the depayloader of a frame's last packet. Fails where the adapted stream loses more than one frame in twenty or
offers more than the link carries, or where the other one does no worse. Needs root.

Usage: netns.py ROOT SOAK_END [--seconds N] [--kbps N] [--fps N] [--size WxH]
"""
import os
import shutil
import subprocess
import sys
import time

import ends

SETTLED = 8  # seconds of each stream that do not count: the budget knows nothing of the first interval, and queues drain
QUEUED = 3.5  # seconds: what was sent last may be in the link's queue, which holds three


def ip(*words):
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


class Link:
    """Two namespaces, the camera's (10.77.0.1) behind a bottleneck."""

    def __init__(self, name, kbps):
        self.camera, self.dnn = f"{name}c{os.getpid()}", f"{name}d{os.getpid()}"
        try:
            for ns in (self.camera, self.dnn):
                ip("ip", "netns", "add", ns)
            ip("ip", "link", "add", "oa0", "netns", self.camera, "type", "veth", "peer", "name", "oa1", "netns", self.dnn)
            for ns, device, address in ((self.camera, "oa0", "10.77.0.1/24"), (self.dnn, "oa1", "10.77.0.2/24")):
                ip("ip", "-n", ns, "address", "add", address, "dev", device)
                for up in ("lo", device):
                    ip("ip", "-n", ns, "link", "set", up, "up")
            ip("tc", "-n", self.camera, "qdisc", "add", "dev", "oa0", "root", "tbf", "rate", f"{kbps}kbit", "burst", "4kb", "latency", "3s")
        except (OSError, subprocess.CalledProcessError) as e:
            self.remove()
            ends.skip(f"network namespaces and tc tbf cannot be had: {(getattr(e, 'stderr', b'') or str(e).encode()).decode().strip()}")

    def remove(self):
        for ns in (self.camera, self.dnn):
            subprocess.run(["ip", "netns", "delete", ns], stderr=subprocess.DEVNULL, check=False)


def seconds_sent(camera):
    """From its first packet to its last."""
    return (camera.packets[-1][3] - camera.packets[0][3]) / 1e6 if camera.packets else 0


def measure(camera, dnn):
    sent, got = ends.frames(camera.packets), ends.frames(dnn.packets)
    begin = min(f.first for f in sent.values()) + SETTLED
    end = max(f.first for f in sent.values()) - QUEUED
    chain, whole, arrived, latencies, offered, n = False, 0, 0, [], 0, 0
    for stamp, f in sent.items():
        complete = stamp in got and got[stamp].packets == f.packets
        chain = complete and (chain or f.key)
        if not begin <= f.first <= end:
            continue
        n, offered = n + 1, offered + f.bytes
        whole += chain
        if complete:
            arrived += 1
            latencies.append(got[stamp].last - f.first)
    latencies.sort()
    at = lambda share: latencies[min(len(latencies) - 1, int(share * len(latencies)))] if latencies else float("inf")
    return {"kbit/s offered": offered * 8 / 1000 / (end - begin), "frames sent": n, "frames arrived": arrived, "whole": whole / max(1, n),
            "p50": at(0.5), "p95": at(0.95), "max": at(1),
            "gradients": camera.number("ctl", "gradients"), "QP": ends.qp_of(camera.decisions[max(camera.decisions)]) if camera.decisions else 18}


def main():
    a = ends.arguments(__doc__, seconds=40, fps=5, kbps=300, size="640x480")
    if os.geteuid() != 0:
        ends.skip("network namespaces need root: run it as root to see how a slow link is kept to")
    if not (shutil.which("ip") and shutil.which("tc")):
        ends.skip("there is no ip or no tc: install iproute2 to see how a slow link is kept to")
    both = {"max-bitrate": f"knobs=qp warm-start=false lambda=0.1 max-bitrate={a.kbps * 750}", "no adaptation": "policy=static"}
    results, links, running = {}, [], {}
    with ends.Folder() as folder:
        clip = ends.Clip(a, folder, 40)
        try:
            for i, (name, ctl) in enumerate(both.items()):
                links.append(Link(f"oa{i}", a.kbps))
                camera, dnn, _ = ends.two_ends(clip, "rtcp", ctl=ctl, filter="qp=18", here="10.77.0.1", there="10.77.0.2")
                enter = lambda ns: ("ip", "netns", "exec", ns)
                dnn = ends.End(a.end, dnn, enter(links[-1].dnn))
                dnn.wait_for_ports()
                running[name] = ends.End(a.end, camera, enter(links[-1].camera)), dnn
            ends.wait_until(lambda: all(seconds_sent(camera) > a.seconds + SETTLED + QUEUED or not camera.alive() for camera, _ in running.values()))
            for name, (camera, dnn) in running.items():
                camera.end()
                dnn.end()
                if not camera.packets:
                    print(f"FAILED: {name}: nothing was sent: {camera.error or dnn.error}")
                    return 1
                results[name] = measure(camera, dnn)
        finally:
            for pair in running.values():
                for end in pair:
                    end.end()
            for link in links:
                link.remove()
    print(f"a link of {a.kbps} kbit/s, {a.seconds} s\n{'':22}" + "".join(f"{name:>16}" for name in results))
    for row, form in (("kbit/s offered", "{:.0f}"), ("frames sent", "{:.0f}"), ("frames arrived", "{:.0f}"), ("whole", "{:.1%}"), ("p50", "{:.2f} s"), ("p95", "{:.2f} s"),
                      ("max", "{:.2f} s"), ("gradients", "{:.0f}"), ("QP", "{}")):
        label = {"whole": "whole, with references", "p50": "latency: median", "p95": "latency: 95 %", "max": "latency: most"}.get(row, row)
        print(f"{label:22}" + "".join(f"{form.format(r[row]):>16}" for r in results.values()))
    kept, broken = results.values()
    # What is offered within the link's rate leaves its queue again. The latencies themselves are also the machine's.
    failed = [what for what, bad in (("the adapted stream is not whole", kept["whole"] < 0.95),
                                     ("it offers more than the link carries", kept["kbit/s offered"] > a.kbps),
                                     ("without adaptation it does no worse", broken["whole"] > 0.8 or broken["kbit/s offered"] < a.kbps)) if bad]
    print("\n".join("FAILED: " + f for f in failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
