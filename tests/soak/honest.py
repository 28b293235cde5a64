# SPDX-License-Identifier: LGPL-2.1-or-later
"""A server, and the cameras that nobody is to disturb: of strangers.py."""
import json
import os
import resource
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../support"))
from rtsp_stranger import Stranger

PATIENCE = 300  # seconds until something that must happen is given up
FPS = 10
MOST_GROWTH = 100 << 20  # bytes of memory that an attack may leave behind
running = []


def eventually(what, condition, patience=PATIENCE):
    end = time.monotonic() + patience
    while time.monotonic() < end:
        if condition():
            return
        time.sleep(0.2)
    raise AssertionError(f"not within {patience} s: {what}")


def start(command, **more):
    process = subprocess.Popen(command, text=True, **more)
    running.append(process)
    return process


class Server:
    def __init__(self, a, folder, *arguments, limit=None, model=None):
        self.folder, self.metrics, self.log = folder, os.path.join(folder, "metrics.jsonl"), os.path.join(folder, "log")
        with open(self.log, "w", encoding="utf-8") as log:
            self.process = start([a.server, "--model", model or a.model, "--port", "0", "--results", folder, "--metrics", self.metrics, *arguments],
                                 stdout=subprocess.PIPE, stderr=log,
                                 preexec_fn=limit and (lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))))
        self.url = self.process.stdout.readline().strip()[:-len("NAME")]
        self.port = int(self.url.split(":")[2].strip("/"))
        self.tls = self.url.startswith("rtsps")

    def stranger(self):
        return Stranger(self.port, self.tls)

    def line(self):
        try:
            with open(self.metrics, encoding="utf-8") as f:
                return json.loads(f.read().split("\n")[-2])
        except (OSError, IndexError):
            return {}

    def streams(self):
        return self.line().get("streams", {})

    def memory(self):
        with open(f"/proc/{self.process.pid}/statm", encoding="ascii") as f:
            return int(f.read().split()[1]) * resource.getpagesize()

    def peak(self):
        """The most memory since the last call."""
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as f:
            most = int(next(line for line in f if line.startswith("VmHWM")).split()[1]) * 1024
        with open(f"/proc/{self.process.pid}/clear_refs", "w", encoding="ascii") as f:
            f.write("5")
        return most

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def said(self):
        with open(self.log, encoding="utf-8") as f:
            return f.read()

    def end(self):
        assert self.process.poll() is None, f"the server has ended with {self.process.returncode}: {self.said()}"
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(PATIENCE)
        assert self.process.returncode == 130, (self.process.returncode, self.said())
        assert "CRITICAL" not in self.said(), self.said()


class Camera:
    """A camera of small pictures; `source` makes them."""

    def __init__(self, server, name, *sink, source="", fps=FPS):
        self.server, self.name, self.results = server, name, os.path.join(server.folder, name + ".jsonl")
        source = source or (f"videotestsrc is-live=true pattern=ball ! video/x-raw,width=256,height=192,framerate={fps}/1 ! "
                            "oneadaptctl knobs=qp ! oneadaptfilter ! h264parse")
        self.process = start(["gst-launch-1.0", "-q", *f"{source} ! rtspclientsink protocols=tcp location={server.url}{name}".split(), *sink],
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def analysed(self):
        """Times of the frames that were analysed, s of stream time."""
        try:
            with open(self.results, encoding="utf-8") as f:
                return [json.loads(line)["timestamp"] / 1e9 for line in f.read().split("\n")[:-1]]
        except OSError:
            return []

    def gradients(self):
        return self.server.streams().get(self.name, {}).get("gradients", 0)

    def wait(self):
        eventually(f"gradients of {self.name}", lambda: self.gradients() >= 2)

    def end(self):
        self.process.kill()
        self.process.wait()


class Honest:
    """Two cameras that nobody is to disturb."""

    share = 0.95  # of frames and gradients

    def __init__(self, server, *sink):
        self.cameras = [Camera(server, name, *sink) for name in ("left", "right")]
        for camera in self.cameras:
            camera.wait()
        self.begin()

    def begin(self):
        self.before = {c.name: (c.analysed()[-1], c.gradients()) for c in self.cameras}

    def check(self, what, share_of=1.0):
        """That they have lost nothing since begin(). Returns the least share; `share_of` of 1 is to be kept."""
        least = 1.0
        for camera in self.cameras:
            since, gradients = self.before[camera.name]
            eventually("gradients go on", lambda: camera.gradients() > gradients + 2 and camera.analysed()[-1] > since + 3)
            times = [t for t in camera.analysed() if t > since]
            share = len(times) / max(1, round((times[-1] - since) * FPS))
            intervals = (camera.gradients() - gradients) / (times[-1] - since)
            print(f"  {what}: {camera.name}: {100 * share:.1f} % of the frames, {intervals:.2f} gradients a second", flush=True)
            assert share >= self.share * share_of, (camera.name, share)
            least = min(least, share)
            assert camera.gradients() - gradients + 1 >= self.share * (times[-1] - since - 1), (camera.name, intervals)
        self.begin()
        return least

    def end(self):
        for camera in self.cameras:
            camera.end()


def newcomer(server, *sink, user=()):
    """A camera that has not been there before gets in. How long the server takes for its requests, and how long it is
    until its process has begun, and the server has said so (it does once a second)."""
    began = time.monotonic()
    stranger = server.stranger()
    if user:
        stranger.announce("quick")
        stranger.log_in(*user)
    assert stranger.record("quick") == [200, 200, 200]
    requests = time.monotonic() - began
    stranger.close()
    began = time.monotonic()
    camera = Camera(server, "newcomer", *sink)
    eventually("a new camera gets in", lambda: "newcomer" in server.streams())
    print(f"  a new camera is in after {requests:.2f} s; as a process of its own {time.monotonic() - began:.1f} s", flush=True)
    camera.end()
    eventually("it is gone", lambda: "newcomer" not in server.streams())


def calm(server, before):
    """Memory and descriptors are given back."""
    memory, descriptors = before
    began = time.monotonic()
    eventually("descriptors are given back", lambda: server.descriptors() <= descriptors + 8)
    eventually(f"memory is given back ({server.memory() >> 20} MB)", lambda: server.memory() < memory + MOST_GROWTH)
    print(f"  memory {memory >> 20} → {server.memory() >> 20} MB within {time.monotonic() - began:.1f} s, at most {server.peak() >> 20} MB; "
          f"descriptors {descriptors} → {server.descriptors()}", flush=True)
