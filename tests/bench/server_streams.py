#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""How many cameras a server holds: 416×416 pixels, 5 frames a second each, cameras on the same machine.

One oneadapt-server for all of them (one copy of the weights), two threads an inference against one; with --each also
one server for each, and what one process saves in memory. "CPU ms" is the servers' own, a frame analysed, decoding and
gradients included, and "cameras" that of all cameras: unlike frames/s they hardly depend on what else the machine does.
"busy" is what other processes used of the machine meanwhile, in cores.
Usage: server_streams.py [--each] SOURCE_ROOT SERVER CAMERA [SECONDS [STREAMS…]]
"""
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

EACH = "--each" in sys.argv
WORDS = [word for word in sys.argv[1:] if word != "--each"]
if len(WORDS) < 3:
    sys.exit(__doc__)
ROOT, SERVER, CAMERA = WORDS[:3]
SECONDS = int(WORDS[3]) if len(WORDS) > 3 else 20
STREAMS = [int(n) for n in WORDS[4:]] or [4, 6, 8, 10, 12]
TICKS = os.sysconf("SC_CLK_TCK")
WARM_UP = 5
CAPS = "video/x-raw,format=I420,width=416,height=416,framerate=5/1"


def cpu_seconds(pid):
    """Of a process."""
    with open(f"/proc/{pid}/stat", encoding="utf-8") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def machine_seconds():
    """CPU time of all processes."""
    with open("/proc/stat", encoding="utf-8") as f:
        fields = [int(n) for n in f.readline().split()[1:]]
    return sum(fields[:3] + fields[5:7]) / TICKS


def measure(folder, clip, streams, servers, threads):
    processes, metrics, cameras = [], [], []
    try:
        urls = []
        for i in range(servers):
            metrics.append(os.path.join(folder, f"metrics-{streams}-{servers}-{threads}-{i}.jsonl"))
            server = subprocess.Popen([SERVER, "--model", os.path.join(ROOT, "models/nanodet.pt"), "--classes", "person",
                                       "--input-size", "416x416", "--threads", str(threads), "--port", "0", "--no-view", "--metrics", metrics[-1]],
                                      stdout=subprocess.PIPE, text=True)
            processes.append(server)
            urls.append(server.stdout.readline().strip()[:-len("NAME")])
        for i in range(streams):
            with open(os.path.join(folder, f"camera-{i}"), "w", encoding="utf-8") as out:
                processes.append(subprocess.Popen([CAMERA, clip, f"{urls[i % servers]}camera{i}", "--loop", "--protocols", "udp"],
                                                  stdout=out))
            cameras.append(out.name)
        def now():
            total = dict.fromkeys(("frames", "skipped", "feedback_messages", "feedback_failed", "cpu", "resident", "arrived"), 0)
            total["cameras"] = sum(cpu_seconds(process.pid) for process in processes[servers:])
            total["machine"] = machine_seconds()
            for name in metrics:
                with open(name, encoding="utf-8") as f:
                    line = json.loads(f.read().split("\n")[-2])
                total["resident"] += line["resident_bytes"]
                total["cpu"] += line["cpu_seconds"]
                for stream in line["streams"].values():
                    for key in ("frames", "skipped", "feedback_messages", "feedback_failed"):
                        total[key] += stream[key]
            for name in cameras:
                with open(name, encoding="utf-8") as f:
                    total["arrived"] += int((re.findall(r"gradients (\d+)", f.read()) or [0])[-1])
            return total
        time.sleep(WARM_UP)
        first, began = now(), time.monotonic()
        time.sleep(SECONDS)
        last, seconds = now(), time.monotonic() - began
        return {key: last[key] - first[key] * (key != "resident") for key in last}, seconds
    finally:
        for process in processes:
            process.send_signal(signal.SIGTERM)
        for process in processes:
            process.wait()


def sharing(folder, elements):
    """Resident memory of one process with several oneadaptdnn: of one model file, and of a copy of it for each."""
    model = os.path.join(ROOT, "models/nanodet.pt")
    sizes = []
    for copies in (False, True):
        line = []
        for i in range(elements):
            path = os.path.join(folder, f"model-{i}.pt") if copies else model
            if copies:
                shutil.copy(model, path)
            line += ["videotestsrc", "is-live=true", "!", CAPS, "!", "oneadaptdnn", f"model={path}", "threads=2", "!", "fakesink"]
        process = subprocess.Popen(["gst-launch-1.0", "-q", *line], env=dict(os.environ, OMP_WAIT_POLICY="passive"))
        time.sleep(WARM_UP + elements)
        with open(f"/proc/{process.pid}/status", encoding="utf-8") as f:
            sizes.append(int(re.search(r"VmRSS:\s*(\d+)", f.read())[1]) / 1024)
        process.send_signal(signal.SIGTERM)
        process.wait()
    print(f"{elements} oneadaptdnn in one process: {sizes[0]:.0f} MB with one model file, {sizes[1]:.0f} MB with a copy for each")


def main():
    print(f"{'streams':>7} {'servers':>7} {'threads':>7} {'frames/s':>9} {'of 5/s':>7} {'skipped':>8} {'gradients/s':>12} "
          f"{'arrived':>8} {'failed':>7} {'CPU ms':>7} {'cameras':>8} {'busy':>5} {'memory':>9}")
    with tempfile.TemporaryDirectory() as folder:
        clip = os.path.join(folder, "clip.mkv")
        subprocess.run(["gst-launch-1.0", "-q", "filesrc", f"location={os.path.join(ROOT, 'clips/vtest.avi')}", "!", "decodebin",
                        "!", "videoconvert", "!", "videoscale", "!", "videorate", "!", CAPS, "!", "x264enc", "pass=quant",
                        "quantizer=10", "speed-preset=veryfast", "bframes=0", "!", "h264parse", "!", "matroskamux", "!",
                        "filesink", f"location={clip}"], check=True)
        for streams in STREAMS:
            for servers, threads in dict.fromkeys(((1, 2), (1, 1)) + ((streams, 2),) * EACH):
                total, seconds = measure(folder, clip, streams, servers, threads)
                fps, sent = total["frames"] / seconds, max(1, total["feedback_messages"])
                print(f"{streams:7} {servers:7} {threads:7} {fps:9.1f} {100 * fps / (5 * streams):6.0f}% {total['skipped']:8} "
                      f"{total['feedback_messages'] / seconds:12.2f} {100 * total['arrived'] / sent:7.0f}% "
                      f"{total['feedback_failed']:7} {1000 * total['cpu'] / max(1, total['frames']):7.1f} "
                      f"{1000 * total['cameras'] / max(1, total['frames']):8.1f} "
                      f"{(total['machine'] - total['cpu'] - total['cameras']) / seconds:5.2f} "
                      f"{total['resident'] / 2**20:7.0f}MB", flush=True)
        if EACH:
            sharing(folder, 8)


main()
