#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs the commands of docs/network.md, two by two, until the camera has had gradients of three intervals.

With another model than the page's: one that costs nothing, so that even a busy machine keeps pace with the camera.
Usage: network_lines.py SOURCE_ROOT RTSP_SERVER|none MODEL docs/network.md
"""
import os
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../support"))
import listening

CAMERA = "videotestsrc is-live=true pattern=ball ! video/x-raw,width=320,height=240,framerate=5/1"
TAKEN = re.compile(r"gradient of interval (\d+) taken, from another process")


def start(line, folder, name, log):
    env = dict(os.environ, GST_DEBUG="oneadaptctl:5,oneadaptdnn:3", GST_DEBUG_FILE=log, GST_DEBUG_NO_COLOR="1")
    out = open(os.path.join(folder, name), "w+")
    return subprocess.Popen(shlex.split(line), env=env, stdout=out, stderr=subprocess.STDOUT, start_new_session=True), out


def loop_closes(running, log):
    """Waits until it does; empty, or what is wrong."""
    until, text = time.monotonic() + listening.PATIENCE, ""
    while time.monotonic() < until:
        if os.path.exists(log):
            with open(log, encoding="utf-8", errors="replace") as f:
                text = f.read()
        if len(set(TAKEN.findall(text))) >= 3:
            return ""
        if any(process.poll() is not None for process, _ in running):
            return "one of them has ended; the camera's log ends with " + text[-600:]
        time.sleep(0.1)
    return f"no gradients of three intervals within {listening.PATIENCE} s; the camera's log ends with " + text[-600:]


def run(lines, folder):
    """Empty when it works, else what is wrong."""
    log = os.path.join(folder, "camera.log")
    if os.path.exists(log):
        os.unlink(log)
    running = []
    try:
        for i, line in enumerate(lines):
            running.append(start(line, folder, f"out{i}", log if "oneadaptctl" in line else os.path.join(folder, "dnn.log")))
            wrong = loop_closes(running, log) if i else listening.wait_for(running[0][0], line)
            if wrong:
                break
        for _, out in running:
            out.seek(0)
            wrong = wrong and out.read()[-600:] + "\n" + wrong
        return wrong
    finally:
        for process, out in running:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            out.close()


def commands_of(block):
    """A command begins where a line has a program's name; the lines after it continue it."""
    text = block.strip().replace("\\\n", " ")
    return [" ".join(c.split()) for c in re.split(r"\n(?=gst-launch-1\.0|build/)", text)]


def main(folder):
    root, server, model, page = sys.argv[1:5]
    server, model = server if server == "none" else os.path.abspath(server), os.path.abspath(model)
    os.chdir(root)
    blocks = re.findall(r"```sh\n(.*?)```", open(page, encoding="utf-8").read(), re.S)
    failed = ran = 0
    for block in blocks:
        lines = commands_of(block)
        if len(lines) != 2:
            print("FAILED: not two commands:", lines)
            failed += 1
            continue
        if server == "none" and "rtsp" in block:
            print("left out, without gst-rtsp-server:", lines[1])
            continue
        base = listening.free_ports()
        command = []
        for line in lines:
            line = line.replace("v4l2src", CAMERA).replace(":8554", f":{base}").replace("build/examples/rtsp-server", f"{server} --port={base}")
            line = line.replace("models/nanodet.pt", model)
            line = re.sub(r"(port=|:)50(\d\d)\b", lambda m: m[1] + str(base + int(m[2])), line)
            command.append(line.replace("gst-launch-1.0", "gst-launch-1.0 -q"))
        wrong = run(command, folder)
        ran += 1
        failed += bool(wrong)
        print("FAILED" if wrong else "ok    ", lines[0][:100], "|", lines[1][:100])
        if wrong:
            print("   ", "\n    ".join(command + [wrong]))
    print(f"{ran} pairs ran, {failed} failed")
    return 1 if failed or not ran else 0


with tempfile.TemporaryDirectory() as scratch:
    sys.exit(main(scratch))
