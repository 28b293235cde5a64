#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""oneadapt-server and oneadapt-camera, as processes of their own on loopback.

Usage: server_test.py SOURCE_ROOT SERVER CAMERA
"""
import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

ROOT, SERVER, CAMERA = sys.argv[1:4]
MODEL, CLIP = os.path.join(ROOT, "models/nanodet.pt"), os.path.join(ROOT, "clips/vtest.avi")
PATIENCE = 300  # seconds until something that must happen is given up; no busy machine needs as long
running = []


def start(program, *arguments, **named):
    process = subprocess.Popen([program, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **named)
    running.append(process)
    return process


class Server:
    def __init__(self, folder, *arguments, port="0", **named):
        self.metrics = os.path.join(folder, "metrics.jsonl")
        self.process = start(SERVER, "--model", MODEL, "--classes", "person", "--input-size", "320x256", "--port", port,
                             "--metrics", self.metrics, *arguments, **named)
        self.url = self.process.stdout.readline().strip()
        assert self.url.endswith("/NAME"), self.url
        self.url = self.url[:-len("NAME")]
        self.port = self.url.split(":")[2].strip("/")

    def line(self):
        """The last line of the metrics; {}: there is none."""
        try:
            with open(self.metrics, encoding="utf-8") as f:
                lines = f.read().split("\n")
            return json.loads(lines[-2])
        except (OSError, IndexError):
            return {}

    def streams(self):
        return self.line().get("streams", {})

    def stop(self):
        """What it has said besides its address."""
        self.process.send_signal(signal.SIGTERM)
        out = self.process.communicate(timeout=PATIENCE)[0]
        assert self.process.returncode == 130, f"the server ended with {self.process.returncode}"
        assert out.endswith("oneadapt-server: interrupted; cameras are disconnected, and what was analysed is written\n"), out
        return out


def camera(source, url, *arguments, **named):
    return start(CAMERA, source, url, "--fps", "5", "--loop", *arguments, **named)


def stop(process):
    """Ends a camera; what it has said."""
    process.send_signal(signal.SIGINT)
    out = process.communicate(timeout=PATIENCE)[0]
    assert process.returncode == 130, (process.returncode, out)
    assert out.endswith("oneadapt-camera: interrupted; the server has been told\n"), out
    return out


def eventually(what, condition):
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if condition():
            return
        time.sleep(0.2)
    raise AssertionError(f"not within {PATIENCE} s: {what}")


def said_by(process, *texts):
    """Reads what `process` says until each of `texts` has been in a line, in any order."""
    end, said = time.monotonic() + PATIENCE, ""
    for line in process.stdout:
        said += line
        if all(text in said for text in texts):
            return said
        assert time.monotonic() < end, f"never said: {texts}"
    raise AssertionError(f"{process.args[0]} ended and never said: {texts}")


def box_pixels(png):
    """How many pixels have the green of a person's box: nothing else in the clip is as bright and as green."""
    raw = png + ".rgb"
    subprocess.run(["gst-launch-1.0", "-q", "filesrc", f"location={png}", "!", "pngdec", "!", "videoconvert", "!",
                    "video/x-raw,format=RGB", "!", "filesink", f"location={raw}"], check=True, timeout=PATIENCE)
    with open(raw, "rb") as f:
        pixels = f.read()
    return sum(g > 150 and g - r > 70 and g - b > 50 for r, g, b in zip(pixels[0::3], pixels[1::3], pixels[2::3]))


def two_cameras(folder):
    server = Server(folder, "--results", folder, "--max-streams", "2")
    # Who announces itself and does not record keeps no name and no place, whether it leaves or stays.
    strangers = []
    for name in ("people", "ball"):
        sdp = ("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=x\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\nc=IN IP4 0.0.0.0\r\n"
               "a=rtpmap:96 H264/90000\r\na=control:stream=0\r\n")
        s = socket.create_connection(("127.0.0.1", int(server.port)), PATIENCE)
        s.sendall(f"ANNOUNCE {server.url}{name} RTSP/1.0\r\nCSeq: 1\r\nContent-Type: application/sdp\r\n"
                  f"Content-Length: {len(sdp)}\r\n\r\n{sdp}".encode())
        assert b" 200 " in s.recv(1000), name
        strangers.append(s)
    strangers[0].close()
    people = camera(CLIP, server.url + "people", "--protocols", "tcp")
    ball = camera("test", server.url + "ball", "--protocols", "udp")
    def gradients(n):
        s = server.streams()
        return all(s.get(name, {}).get("gradients", 0) >= n for name in ("people", "ball"))
    eventually("gradients of both cameras", lambda: gradients(3))
    strangers[1].close()
    for name, s in server.streams().items():  # over UDP and TCP
        assert s["feedback_messages"] > 0 and s["feedback_bytes"] > s["feedback_messages"], (name, s)

    view = os.path.join(folder, "view.png")
    subprocess.run(["gst-launch-1.0", "-q", "rtspsrc", f"location={server.url}people/view", "latency=100", "protocols=tcp",
                    "!", "rtph264depay", "!", "h264parse", "!", "avdec_h264", "!", "videoconvert", "!", "pngenc",
                    "snapshot=true", "!", "filesink", f"location={view}"], check=True, timeout=PATIENCE)
    assert os.path.getsize(view) > 10000, "no picture of the annotated stream"
    assert box_pixels(view) > 100, "no box in the annotated stream"

    # A name that is taken; a third camera where two may be; a name that is none.
    taken = subprocess.run(
        ["gst-launch-1.0", "videotestsrc", "num-buffers=30", "!", "video/x-raw,framerate=10/1", "!", "oneadaptfilter", "!",
         "h264parse", "!", "rtspclientsink", f"location={server.url}ball"], capture_output=True, text=True, timeout=PATIENCE)
    assert "455" in taken.stderr, taken.stderr
    full = subprocess.run(
        ["gst-launch-1.0", "videotestsrc", "num-buffers=30", "!", "video/x-raw,framerate=10/1", "!", "oneadaptfilter", "!",
         "h264parse", "!", "rtspclientsink", f"location={server.url}third"], capture_output=True, text=True, timeout=PATIENCE)
    assert "453" in full.stderr, full.stderr
    before = {name: s["gradients"] for name, s in server.streams().items()}
    eventually("both go on", lambda: all(server.streams()[n]["gradients"] > before[n] for n in before))

    # Each has its own results.
    for name, some in (("people", True), ("ball", False)):
        with open(os.path.join(folder, name + ".jsonl"), encoding="utf-8") as f:
            objects = [json.loads(line).get("objects", []) for line in f.read().split("\n")[:-1]]
        assert len(objects) > 5 and (sum(map(len, objects)) > len(objects)) == some, (name, objects[:3])

    # The server is killed and comes back: so do the cameras.
    server.process.kill()
    server.process.wait()
    said_by(people, "again in")
    def results():
        return {name: sum(1 for _ in open(os.path.join(folder, name + ".jsonl"), encoding="utf-8")) for name in ("people", "ball")}
    before = results()
    server = Server(folder, "--results", folder, port=server.port)
    eventually("gradients after the server came back", lambda: gradients(2))
    eventually("results go on behind the old ones", lambda: all(n > before[name] for name, n in results().items()))
    # A camera is killed: its name is free.
    ball.kill()
    eventually("the dead camera is gone", lambda: "ball" not in server.streams())
    ball = camera("test", server.url + "ball")
    eventually("its name is taken again", lambda: server.streams().get("ball", {}).get("gradients", 0) >= 1)
    for process in (people, ball):
        assert "gradients" in stop(process)
    server.stop()


def only_users(folder):
    users = os.path.join(folder, "users")
    with open(users, "w", encoding="utf-8") as f:
        f.write("# who may\nanna:secret word\n")
    arguments = ["--users", users, "--no-view"]
    trust = []
    if shutil.which("openssl"):
        certificate = os.path.join(folder, "certificate.pem")
        key = os.path.join(folder, "key.pem")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate,
                        "-days", "2", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"],
                       check=True, capture_output=True)
        arguments += ["--tls-certificate", certificate, "--tls-key", key]
        trust = ["--tls-ca", certificate]
    else:
        print("WITHOUT TLS: there is no openssl")
    server = Server(folder, *arguments)
    assert server.url.startswith("rtsps://" if trust else "rtsp://")
    for wrong, why in (([], "uthorized"), (["--user", "anna", "--password", "guess"], "Forbidden"),
                       (["--user", "otto", "--password", "secret word"], "Forbidden")):
        refused = camera("test", server.url + "door", *trust, *wrong)
        assert why in said_by(refused, "again in"), wrong
        refused.kill()
    if trust:
        distrustful = camera("test", server.url + "door", "--user", "anna", "--password", "secret word")
        said_by(distrustful, "again in")
        distrustful.kill()
    assert not server.streams()
    if trust:  # pictures beside the connection would not be secret
        in_clear = camera("test", server.url + "door", *trust, "--user", "anna", "--password", "secret word", "--protocols", "udp")
        said_by(in_clear, "again in")
        in_clear.kill()
    anna = camera("test", server.url + "door", *trust, "--user", "anna", "--password", "secret word")
    eventually("gradients of who may", lambda: server.streams().get("door", {}).get("gradients", 0) >= 1)
    stop(anna)
    server.stop()


def room_again(folder):
    """A disk that has no room for a while, here by a limit on the size of files."""
    small, large = 12000, resource.RLIM_INFINITY
    with open(os.path.join(folder, "metrics.jsonl"), "w", encoding="utf-8") as f:
        f.write(json.dumps({"of": "an earlier server", "fill": "." * 9000}) + "\n")
    server = Server(folder, "--results", folder, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (small, large)))
    results = os.path.join(folder, "people.jsonl")
    people = camera(CLIP, server.url + "people")
    said_by(people, "503 (Service Unavailable)")  # so the camera knows
    said = said_by(server.process, "camera people: --results: ", "--metrics: ")
    for path in (results, server.metrics):
        assert 0 < os.path.getsize(path) <= small, path
    lines = [sum(1 for _ in open(path, "rb")) for path in (results, server.metrics)]
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (large, large))
    eventually("the metrics say what fails", lambda: "--results" in server.line().get("failing", {}).get("people", ""))
    assert server.line()["failures"] >= 1, server.line()
    eventually("frames are analysed again", lambda: server.streams().get("people", {}).get("gradients", 0) >= 2)
    eventually("nothing fails any more", lambda: not server.line()["failing"])
    stop(people)
    said += server.stop()
    for path, before in zip((results, server.metrics), lines):
        with open(path, encoding="utf-8") as f:
            assert len([json.loads(line) for line in f]) > before, path
    # Each fault is said once, with its option, file and remedy, and its end.
    for once in ("oneadapt-server: camera people: --results: ", f'--metrics: "{server.metrics}" cannot be written (File too large)',
                 "camera people: its frames are analysed again", f'--metrics: "{server.metrics}" is written again'):
        assert said.count(once) == 1, (once, said)
    assert results in said and "ulimit -f" in said, said


def one_clear_error(folder):
    empty = os.path.join(folder, "empty")
    open(empty, "w").close()
    busy = Server(folder)
    wrong = {
        ("--model", os.path.join(folder, "none.pt")): "none.pt",
        ("--model", MODEL, "--users", empty): "--users",
        ("--model", MODEL, "--tls-certificate", empty): "--tls-certificate",
        ("--model", MODEL, "--metrics", folder): "--metrics",
        ("--model", MODEL, "--classes", "persn"): "persn",
        ("--model", MODEL, "--port", busy.port): "--port",
        ("--model", MODEL, "--results", os.path.join(empty, "x")): "--results",
        ("--model", MODEL, "--max-streams", "0"): "--max-streams",
        (): "--model",
    }
    for arguments, name in wrong.items():
        done = subprocess.run([SERVER, *arguments], capture_output=True, text=True, timeout=PATIENCE)
        last = [line for line in done.stderr.split("\n") if line]
        assert done.returncode == 1 and last and name in done.stderr, (arguments, done.returncode, done.stderr)
    busy.stop()
    for arguments, name in {("none.mp4", "rtsp://127.0.0.1:1/x"): "none.mp4", (CLIP, "http://x"): "http://x"}.items():
        done = subprocess.run([CAMERA, *arguments], capture_output=True, text=True, timeout=PATIENCE)
        assert done.returncode == 1 and name in done.stderr, (arguments, done.stderr)


def main():
    if not os.path.exists(MODEL) or not os.path.exists(CLIP):
        print("skipped: the model or the clip is missing (tools/setup.sh makes them)")
        return 77
    try:
        for test in (one_clear_error, room_again, only_users, two_cameras):
            with tempfile.TemporaryDirectory() as folder:
                began = time.monotonic()
                test(folder)
                print(f"{test.__name__}: ok, {time.monotonic() - began:.0f} s", flush=True)
    finally:
        for process in running:
            if process.poll() is None:
                process.kill()
                process.wait()
    return 0


sys.exit(main())
