#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Packets that are lost between camera and DNN, with GOPs of 250 frames and requests for key frames, beside GOPs of one
second without.

Camera and DNN are two processes with RTP over UDP on loopback between them, RTCP both ways, and in either direction
netsim, which loses packets by chance and delays the others. The stream has a fixed QP. For each share of lost packets
and each GOP it says: kbit/s; key frames that were asked for; frames of which all packets arrived, and those of all
frames back to a key frame (intact); how long the DNN had damaged frames after a loss (recovery, from the first frame
with something missing to the next intact one); and with --accuracy the F1 of results against those without loss: on the
frames that were received, and on all frames, where one that did not come has the results of the one before it.
Then DNNs join in mid-stream: time from their first packet to the first intact frame. And a camera that anybody asks for
key frames ten times a second: bytes against those of GOPs of one second.

Fails where half of the losses are not repaired within --limit seconds, a join takes longer, or requests take more
than 1.25 times the bytes of GOPs of one second.

Usage: loss.py ROOT SOAK_END [--losses 0,0.001,0.01] [--seconds N] [--runs N] [--joins N] [--accuracy 1] ...
"""
import json
import os
import socket
import statistics
import struct
import subprocess
import sys
import threading
import time
import zlib

import ends
import listening

NETSIM = "netsim drop-probability={loss} delay-probability=1 min-delay={delay} max-delay={delay} allow-reordering=false ! "
IOU, CONFIDENT = 0.5, 0.5


def key_request():
    head = b"OAKF" + struct.pack(">B3xHHI", 1, 20, 0, 0)
    return head + struct.pack(">I", zlib.crc32(head))


class Pair:
    """A camera and a DNN with a lossy path between them."""

    def __init__(self, a, clip, loss, key_int_max, kept="", asks=True):
        camera, dnn, _ = ends.two_ends(clip, "rtcp", ctl="policy=static", filter=f"qp={a.qp} key-int-max={key_int_max}")
        path = NETSIM.format(loss=loss, delay=a.delay)
        for ports in ("rtp.send_rtp_src_0 ! ", "rtp.send_rtcp_src_0 ! "):
            camera[0], dnn[0] = camera[0].replace(ports, ports + path), dnn[0].replace(ports, ports + path)
        if not asks:
            dnn[0] = dnn[0].replace("oneadaptdnn ", "oneadaptdnn feedback=off ")
        if kept:
            dnn[0] = dnn[0].replace("rtph264depay ! ", "rtph264depay ! tee name=both both. ! queue ! h264parse ! matroskamux streamable=true ! "
                                    f"filesink location={kept} async=false both. ! queue ! ")
        self.lines, self.end, self.kept, self.count = (camera, dnn), a.end, kept, a.seconds * a.fps
        self.camera = self.dnn = None

    def start_dnn(self, wait=True):
        self.dnn = ends.End(self.end, self.lines[1])
        if wait:
            self.dnn.wait_for_ports()

    def start_camera(self):
        self.camera = ends.End(self.end, self.lines[0])

    def stop(self):
        for end in (self.camera, self.dnn):
            if end:
                end.end()

    def intact(self):
        """[(frame as sent, as received or None, whether it and all back to a key frame arrived whole)]"""
        sent, got = ends.frames(self.camera.packets), ends.frames(self.dnn.packets)
        chain, out = False, []
        for stamp, f in list(sent.items())[:self.count]:
            whole = stamp in got and got[stamp].packets == f.packets
            chain = whole and (chain or f.key)
            out.append((f, got.get(stamp), chain))
        return out

    def recoveries(self):
        """Seconds from the first frame with something missing to the next that is intact, each time."""
        out, begun = [], None
        for f, got, intact in self.intact():
            if not intact and begun is None:
                begun = f.last
            if intact and begun is not None:
                out.append(f.last - begun)
                begun = None
        return out


def run_pairs(pairs, seconds):
    for pair in pairs:
        pair.start_dnn()
    for pair in pairs:
        pair.start_camera()
    try:
        ends.wait_until(lambda: all(p.camera.packets and p.camera.packets[-1][3] - p.camera.packets[0][3] > seconds * 1e6 or not p.camera.alive()
                                    for p in pairs), seconds + listening.PATIENCE)
        for pair in pairs:
            pair.camera.end()
        time.sleep(1)
    finally:
        for pair in pairs:
            pair.stop()


def detect(a, recording, out):
    """{index of the frame: [(label, x0, y0, x1, y1)]} of a recording."""
    subprocess.run(["gst-launch-1.0", "-q", "filesrc", f"location={recording}", "!", "matroskademux", "!", "h264parse", "!", "avdec_h264", "max-threads=1",
                    "!", "videoconvert", "!", "oneadaptdnn", f"model={a.root}/models/nanodet.pt", "classes=person", "gradient=false", "threads=1", "input-size=416x320",
                    f"results-location={out}", "!", "fakesink", "sync=false"], check=True)
    results = {}
    with open(out, encoding="utf-8") as lines:
        for line in lines:
            r = json.loads(line)
            boxes = [o["detection"] for o in r["objects"] if o["detection"]["confidence"] >= CONFIDENT]
            results[r["timestamp"]] = [(b["label"], *(b["bounding_box"][k] for k in ("x_min", "y_min", "x_max", "y_max"))) for b in boxes]
    # The camera's own time, by the marks in its pictures.
    return {round(t * a.fps / 1e9): r for t, r in results.items()}


def overlap(p, q):
    width, height = (min(p[i + 2], q[i + 2]) - max(p[i], q[i]) for i in (1, 2))
    area = [(b[3] - b[1]) * (b[4] - b[2]) for b in (p, q)]
    both = max(0, width) * max(0, height)
    return both / (sum(area) - both) if both else 0


def f1(results, truth, count, received_only):
    """Over `count` frames: objects of the same label that overlap by IOU, each once."""
    hits = found = wanted = 0
    last = []
    for i in range(count):
        if received_only and i not in results:
            continue
        last, right = results.get(i, last), list(truth.get(i, []))
        found, wanted = found + len(last), wanted + len(right)
        for box in last:
            best = max((b for b in right if b[0] == box[0]), key=lambda b: overlap(b, box), default=None)
            if best and overlap(best, box) >= IOU:
                right.remove(best)
                hits += 1
    return 2 * hits / max(1, found + wanted)


def at_share(values, share):
    return sorted(values)[min(len(values) - 1, int(share * len(values)))] if values else 0


def lose(a, clip, folder, failed):
    gops, losses = {"250 frames": 0, "1 s": a.fps}, [float(x) for x in a.losses.split(",")]
    print(f"{'lost':>6} {'GOP':>10} {'kbit/s':>7} {'asked for':>9} {'intact':>7} {'losses':>6} {'recovery: median':>16} {'95 %':>6} {'most':>6}" + (f" {'F1: received':>12} {'all':>6}" if a.accuracy else ""))
    truth = {}
    for loss in losses:
        for name, key_int_max in gops.items():
            pairs = [Pair(a, clip, loss, key_int_max, f"{folder}/{loss}-{key_int_max}-{i}.mkv" if a.accuracy else "", not key_int_max)
                     for i in range(a.runs if loss else 1)]
            run_pairs(pairs, a.seconds + 1)
            seen = [f for p in pairs for f in p.intact()]
            recoveries = [r for p in pairs for r in p.recoveries()]
            usual = len(pairs) * -(-a.seconds * a.fps // (key_int_max or 250))
            row = {"kbps": sum(f.bytes for f, _, _ in seen) * 8 / 1000 / (len(seen) / a.fps), "asked": sum(f.key for f, _, _ in seen) - usual,
                   "intact": sum(i for _, _, i in seen) / len(seen), "median": statistics.median(recoveries) if recoveries else 0,
                   "p95": at_share(recoveries, 0.95), "most": max(recoveries, default=0)}
            text = (f"{loss:6.1%} {name:>10} {row['kbps']:7.1f} {row['asked'] / len(pairs):9.1f} {row['intact']:7.2%} {len(recoveries):6} {row['median']:14.2f} s "
                    f"{row['p95']:4.2f} s {row['most']:4.2f} s")
            if a.accuracy:
                results = [detect(a, p.kept, p.kept + ".jsonl") for p in pairs]
                truth.setdefault(name, results[0])
                received, every = (statistics.mean(f1(r, truth[name], a.seconds * a.fps, only) for r in results) for only in (True, False))
                text += f" {received:12.3f} {every:6.3f}"
                if name == "250 frames" and received < 1 - a.points / 100:
                    failed.append(f"{loss:.1%} lost: accuracy falls to {received:.3f}")
            print(text, flush=True)
            # The longest are chance: a loss that comes while requests and answers are lost, too.
            if row["median"] > a.limit and name == "250 frames":
                failed.append(f"{loss:.1%} lost: recovery takes {row['median']:.2f} s")
            if loss * sum(f.packets for f, _, _ in seen) > 12 and not recoveries:  # by chance in one of 10^5 runs
                failed.append(f"{loss:.1%} lost, and no loss was repaired")


def join(a, clip, failed):
    pairs = [Pair(a, clip, 0, 0) for _ in range(a.joins)]
    try:
        for pair in pairs:
            pair.start_camera()
        ends.wait_until(lambda: all(len(p.camera.packets) > 3 * a.fps for p in pairs))
        for pair in pairs:
            pair.start_dnn(wait=False)
        ends.wait_until(lambda: all(p.dnn.packets for p in pairs))
        time.sleep(3)
    finally:
        for pair in pairs:
            pair.stop()
    times = []
    for pair in pairs:
        first = min(t for _, _, _, t in pair.dnn.packets) / 1e6
        times.append(next((got.last - first for _, got, intact in pair.intact() if intact), float("inf")))
    print(f"{len(times)} DNNs that join in mid-stream see the first intact frame {statistics.median(times):.2f} s (median) to {max(times):.2f} s (most) after their first packet")
    if max(times) > a.limit:
        failed.append(f"joining takes {max(times):.2f} s")


def pester(a, clip, failed):
    """Ten requests a second by a socket."""
    cameras, rates = {}, {}
    for name, key_int_max in (("GOPs of 250 frames", 0), ("GOPs of 1 s", a.fps), ("ten requests a second", 0)):
        camera, _, _ = ends.two_ends(clip, "udp", ctl="policy=static", filter=f"qp={a.qp} key-int-max={key_int_max}")
        cameras[name] = ends.End(a.end, camera), listening.ports_of(camera[0])
        port = int(camera[0].split("feedback=udp://127.0.0.1:")[1].split()[0])
    over = threading.Event()

    def ask():
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        while not over.wait(0.1):
            s.sendto(key_request(), ("127.0.0.1", port))

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        ends.wait_until(lambda: all(len(ends.frames(c.packets)) > a.seconds * a.fps for c, _ in cameras.values()), a.seconds + listening.PATIENCE)
    finally:
        over.set()
        thread.join()
        for camera, _ in cameras.values():
            camera.end()
    for name, (camera, _) in cameras.items():
        seen = list(ends.frames(camera.packets).values())[:a.seconds * a.fps]
        rates[name] = sum(f.bytes for f in seen) * 8 / 1000 / a.seconds
        print(f"{name:22} {rates[name]:7.1f} kbit/s, {sum(f.key for f in seen):3} key frames, {camera.number('ctl', 'key-frame-requests', 'feedback'):.0f} requests taken")
    if rates["ten requests a second"] > 1.25 * rates["GOPs of 1 s"]:
        failed.append("requests cost too much")
    if rates["ten requests a second"] < 1.05 * rates["GOPs of 250 frames"]:
        failed.append("requests are not answered")


def main():
    a = ends.arguments(__doc__, losses="0,0.001,0.01", seconds=60, runs=4, joins=4, delay=20, qp=30, fps=10, accuracy=0, points=2.0, limit=1.0, size="640x480")
    if subprocess.run(["gst-inspect-1.0", "--exists", "netsim"], check=False).returncode:
        ends.skip("there is no netsim: install gstreamer1.0-plugins-bad to see what lost packets do")
    failed = []
    with ends.Folder() as folder:
        clip = ends.Clip(a, folder, a.seconds)
        lose(a, clip, folder, failed)
        join(a, clip, failed)
        pester(a, clip, failed)
    print("\n".join("FAILED: " + f for f in failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
