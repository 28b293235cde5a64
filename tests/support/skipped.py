#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Prints a line for each test that was skipped, with its reason.

Usage: skipped.py BUILD/meson-logs/testlog.json
"""
import json
import re
import sys

with open(sys.argv[1], encoding="utf-8") as log:
    for test in map(json.loads, log):
        if test["result"] != "SKIP":
            continue
        name = test["name"].split(" / ")[-1]
        output = (test.get("stdout", "") + test.get("stderr", "")).strip().splitlines()
        reasons = [line for line in output if "skipped" in line.lower()] or output[-1:] or ["it does not say why"]
        print(f"skipped: {name}: " + re.sub(r"^.*?skipped:? *", "", reasons[0], flags=re.I))
