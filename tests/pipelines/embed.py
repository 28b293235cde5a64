#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs examples/embed on six seconds of the default clip: it must see decisions and change lambda on the way.

Usage: embed.py PROGRAM CUT_CLIP SOURCE_ROOT
"""
import os
import re
import signal
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../support"))
import interruption  # pylint: disable=wrong-import-position

program, cut_clip, root = sys.argv[1:]
clip, model = os.path.join(root, "clips/vtest.avi"), os.path.join(root, "models/nanodet.pt")
for needed in (clip, model):
    if not os.path.exists(needed):
        print(f"skipped: there is no {needed} (tools/setup.sh makes it)")
        sys.exit(77)
with tempfile.TemporaryDirectory() as folder:
    short = os.path.join(folder, "short.avi")
    subprocess.run([cut_clip, clip, short, "63"], check=True)
    out = subprocess.run([program, short, model, "person"], capture_output=True, text=True, check=True).stdout
    # Interrupted, it ends the stream as at the clip's end.
    with interruption.start([program, clip, model, "person"]) as process:
        next(line for line in process.stdout if line.startswith("interval"))
        process.send_signal(signal.SIGTERM)
        rest, err = process.communicate()
    assert (process.returncode, err) == (130, "interrupted; the stream is ended\n"), (process.returncode, err)
    assert "end of the clip" in rest, rest
print(out)
lambdas = re.findall(r"interval +\d+ +lambda (\S+)", out)
assert lambdas[:5] == ["1"] * 5, "the first five decisions are at lambda 1"
assert lambdas[5:] and set(lambdas[5:]) == {"0.1"}, "then lambda changes while it runs"
moves = re.findall(r"qp-map (\S+) -> (\S+)", out)
assert any(a != b for a, b in moves), "something is adapted"
assert "end of the clip" in out
