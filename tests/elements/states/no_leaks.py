#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs a program under GStreamer's leaks tracer; fails with what it leaves alive when it ends. Usage: no_leaks.py PROGRAM"""
import os
import re
import subprocess
import sys
import tempfile

with tempfile.TemporaryDirectory() as folder:
    log = os.path.join(folder, "log")
    env = dict(os.environ, GST_TRACERS="leaks", GST_DEBUG="GST_TRACER:7", GST_DEBUG_FILE=log, GST_DEBUG_NO_COLOR="1")
    done = subprocess.run(sys.argv[1:], env=env, check=False)
    with open(log, encoding="utf-8", errors="replace") as f:
        text = f.read()
alive = re.findall(r"object-alive, type-name=\(string\)(\w+), address=[^,]*, description=\(string\)([^,]*)", text)
# What a plugin registers lives as long as the process.
alive = [a for a in alive if not re.search("Factory|Plugin|PadTemplate|DeviceProvider", a[0])]
for kind, description in alive[:40]:
    print("still alive:", kind, description)
if "leaks" not in text:
    sys.exit("the leaks tracer said nothing: it did not run")
print(len(alive), "objects left alive")
sys.exit(done.returncode or (1 if alive else 0))
