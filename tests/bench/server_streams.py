#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""How many cameras a server holds: 416×416 pixels, 5 frames a second each, cameras on the same machine.

One oneadapt-server for all of them (one copy of the weights) against one server for each.
Usage: server_streams.py SOURCE_ROOT SERVER CAMERA [SECONDS [STREAMS…]]
"""
import json
import os
import signal
import subprocess
import sys
import tempfile
import time

ROOT, SERVER, CAMERA = sys.argv[1:4]
SECONDS = int(sys.argv[4]) if len(sys.argv) > 4 else 20
STREAMS = [int(n) for n in sys.argv[5:]] or [1, 2, 4, 6, 8]
WARM_UP = 5
CAPS = "video/x-raw,format=I420,width=416,height=416,framerate=5/1"


def measure(folder, clip, streams, servers):
    processes, metrics = [], []
    try:
        urls = []
        for i in range(servers):
            metrics.append(os.path.join(folder, f"metrics-{streams}-{servers}-{i}.jsonl"))
            server = subprocess.Popen([SERVER, "--model", os.path.join(ROOT, "models/nanodet.pt"), "--classes", "person",
                                       "--input-size", "416x416", "--port", "0", "--no-view", "--metrics", metrics[-1]],
                                      stdout=subprocess.PIPE, text=True)
            processes.append(server)
            urls.append(server.stdout.readline().strip()[:-len("NAME")])
        cameras = []
        for i in range(streams):
            cameras.append(subprocess.Popen([CAMERA, clip, f"{urls[i % servers]}camera{i}", "--loop", "--protocols", "udp"],
                                            stdout=subprocess.DEVNULL))
            processes.append(cameras[-1])
        time.sleep(WARM_UP)
        def now():
            total = {"frames": 0, "skipped": 0, "gradients": 0, "feedback_failed": 0, "inference": 0.0}
            resident = 0
            for name in metrics:
                with open(name, encoding="utf-8") as f:
                    line = json.loads(f.read().split("\n")[-2])
                resident += line["resident_bytes"]
                for s in line["streams"].values():
                    for key in ("frames", "skipped", "gradients", "feedback_failed"):
                        total[key] += s[key]
                    total["inference"] += s["inference_ms"] * s["inferences"] / 1000
            return total, resident
        first, _ = now()
        time.sleep(SECONDS)
        last, resident = now()
        total = {key: last[key] - first[key] for key in last}
        return total, resident
    finally:
        for process in processes:
            process.send_signal(signal.SIGTERM)
        for process in processes:
            process.wait()


def main():
    print(f"{'streams':>7} {'servers':>7} {'frames/s':>9} {'of 5/s':>7} {'skipped':>8} {'gradients/s':>12} {'lost':>5} {'memory':>9}")
    with tempfile.TemporaryDirectory() as folder:
        clip = os.path.join(folder, "clip.mkv")
        subprocess.run(["gst-launch-1.0", "-q", "filesrc", f"location={os.path.join(ROOT, 'clips/vtest.avi')}", "!", "decodebin",
                        "!", "videoconvert", "!", "videoscale", "!", "videorate", "!", CAPS, "!", "x264enc", "pass=quant",
                        "quantizer=10", "speed-preset=veryfast", "bframes=0", "!", "h264parse", "!", "matroskamux", "!",
                        "filesink", f"location={clip}"], check=True)
        for streams in STREAMS:
            for servers in sorted({1, streams}):
                total, resident = measure(folder, clip, streams, servers)
                fps = total["frames"] / SECONDS
                print(f"{streams:7} {servers:7} {fps:9.1f} {100 * fps / (5 * streams):6.0f}% {total['skipped']:8} "
                      f"{total['gradients'] / SECONDS:12.2f} {total['feedback_failed']:5} {resident / 2**20:7.0f}MB", flush=True)


main()
