#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs every gst-launch-1.0 and oneadapt-inspect line of the documentation, from the root of the source tree.

A line that wants hardware or a network peer is run with a stand-in for it, listed below; nothing is left out.
Usage: launch_lines.py SOURCE_ROOT CUT_CLIP FILE...
"""
import math
import os
import re
import struct
import subprocess
import sys
import tempfile

# what a page says -> what the test runs
STAND_INS = [
    (r"v4l2src(?: device=\S+)?", "videotestsrc num-buffers=25 is-live=true ! video/x-raw,width=320,height=240,framerate=10/1"),
    (r"\bautovideosink\b", "fakesink"),
    (r"\bautoaudiosrc\b", "audiotestsrc num-buffers=50 is-live=true"),
    (r"\bautoaudiosink\b", "fakesink"),
    # Trained weights are the reader's to fetch; tests/models/torchvision_models.py runs it with the network itself.
    (r"model=lraspp\.pt", "model=models/nanodet.pt"),
    (r"model=wav2vec2\.pt", "model=tools/train-speech/digits-ctc.pt"),  # likewise, torchaudio_models.py
    (r"--input (?:street\.jpg|my\.mp4)", "--input clips/vtest.avi"),
]
INSPECT = r"^(?:build/tools/inspect/)?oneadapt-inspect\b"
# The documentation shows a whole clip; the test runs its first frames.
CLIP, FRAMES = "clips/vtest.avi", 25
SOUND = "digits.wav"
TURNS = "turns/%06d."  # and bin or pcd: turns of a LiDAR sensor
PATIENCE = 600  # seconds until a line is given up; no busy machine needs as long


def fences_of(text):
    """The blocks between ``` fences that are a shell's; those of other languages are skipped."""
    block, language = None, ""
    for line in text.splitlines():
        if not line.startswith("```"):
            if block is not None:
                block.append(line)
        elif block is None:
            block, language = [], line[3:]
        else:
            if language in ("", "sh", "bash"):
                yield "\n".join(block)
            block = None


def lines_of(text):
    """Commands inside ``` fences (Markdown; \\ continues a line) or |[ ]| blocks of an element's comment
    (there a command goes on until the next one)."""
    blocks = [fence.replace("\\\n", " ").splitlines() for fence in fences_of(text)]
    for comment in re.findall(r"\|\[\n(.*?)\]\|", text, re.S):
        blocks.append(re.split(r"(?=gst-launch-1\.0)", re.sub(r"^ \* ?", " ", comment, flags=re.M)))
    for commands in blocks:
        for line in commands:
            if line.strip().startswith("gst-launch-1.0") or re.match(INSPECT, line.strip()):
                yield " ".join(line.split())


def write_turns(folder):
    """Twelve turns of a small sensor over a plane, as KITTI and as PCD files."""
    os.mkdir(folder)
    points = [(r * math.cos(a / 50), r * math.sin(a / 50), -1.7, 0.5) for r in (3, 5, 9, 17, 33) for a in range(314)]
    for turn in range(12):
        with open(os.path.join(folder, f"{turn:06}.bin"), "wb") as f:
            f.write(b"".join(struct.pack("<4f", *p) for p in points))
        with open(os.path.join(folder, f"{turn:06}.pcd"), "w", encoding="ascii") as f:
            f.write("VERSION 0.7\nFIELDS x y z intensity\nSIZE 4 4 4 4\nTYPE F F F F\n")
            f.write(f"WIDTH {len(points)}\nHEIGHT 1\nDATA ascii\n")
            f.writelines("%.3f %.3f %.3f %.2f\n" % p for p in points)


def main(folder):
    root, cut_clip, files = sys.argv[1], sys.argv[2], sys.argv[3:]
    short = os.path.join(folder, "short.avi")
    seen, failed = {}, 0
    for name in files:
        with open(name, encoding="utf-8") as f:
            for line in lines_of(f.read()):
                seen.setdefault(line, os.path.relpath(name, root))
    if not seen:
        print("no launch line found: the test would test nothing")
        return 1
    if any(CLIP in line for line in seen):
        if not os.path.exists(os.path.join(root, CLIP)):
            print(f"skipped: there is no {CLIP} (tools/setup.sh makes it)")
            return 77
        subprocess.run([cut_clip, os.path.join(root, CLIP), short, str(FRAMES)], check=True)
    if any("filesrc location=" + SOUND in line for line in seen):
        # Two seconds of a tone: a page shows how to make a clip of words.
        subprocess.run(["gst-launch-1.0", "-q", "audiotestsrc", "num-buffers=100", "samplesperbuffer=320", "!", "audio/x-raw,rate=16000,channels=1",
                        "!", "wavenc", "!", "filesink", "location=" + os.path.join(folder, SOUND)], check=True)
    if any(TURNS in line for line in seen):
        write_turns(os.path.join(folder, "turns"))
    for line, where in seen.items():
        command = line.replace("location=" + CLIP, "location=" + short).replace("location=turns/", f"location={folder}/turns/")
        for pattern, stand_in in STAND_INS:
            command = re.sub(pattern, stand_in, command)
        # What a line writes goes to the test's folder.
        command = re.sub(r"(location=)(?:/tmp/)?(\w+\.\w+)(?=\s|$)", rf"\1{folder}/\2", command)
        command = re.sub(r"(--output )(\S+)", rf"\1{folder}/\2", command)
        command = re.sub(INSPECT, os.path.join(os.environ["ONEADAPT_BUILD_DIR"], "tools/inspect/oneadapt-inspect"), command)
        command = command.replace("gst-launch-1.0", "gst-launch-1.0 -q", 1)
        try:
            done = subprocess.run(["bash", "-c", command], cwd=root, capture_output=True, text=True, timeout=PATIENCE)
            ok, out = done.returncode == 0 and "ERROR" not in done.stderr, done.stderr + done.stdout
        except subprocess.TimeoutExpired:
            ok, out = False, f"did not end within {PATIENCE} s"
        print(("ok    " if ok else "FAILED"), f"{where}: {line}")
        if not ok:
            failed += 1
            print("   run as:", command)
            print("   " + out.strip().replace("\n", "\n   "))
    print(f"{len(seen) - failed} lines ran, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        sys.exit(main(scratch))
