#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Compares gst-inspect-1.0 of an element with its golden copy, so that no interface changes unnoticed.

Usage: compare.py ELEMENT GOLDEN [--write]
"""
import difflib
import re
import subprocess
import sys

element, golden = sys.argv[1], sys.argv[2]
text = subprocess.run(["gst-inspect-1.0", "--no-colors", element], capture_output=True, text=True, check=True).stdout
# What depends on where and how it was built, or on the machine, is no interface.
text = re.sub(r"^  (Filename|Version|Binary package|Origin URL|License) .*\n", "", text, flags=re.M)
# Every raw format that this GStreamer knows, in an order that depends on the machine.
text = re.sub(r"^( +format: ).{400,}$", r"\1(every raw format but those with a palette)", text, flags=re.M)
# Newer versions of GStreamer list flags of the element here.
text = re.sub(r"^Element Flags:\n(?: .*\n|\n)*", "", text, flags=re.M)


def without_empty_lines(text):
    """Leaves empty lines between sections only: versions of GStreamer differ in the others."""
    text = "\n".join(line.rstrip() for line in text.splitlines() if line.strip()) + "\n"
    return re.sub(r"(?<=\n)(?=\S)", "\n", text)


text = without_empty_lines(text)
if "--write" in sys.argv:
    with open(golden, "w", encoding="utf-8") as f:
        f.write(text)
    sys.exit(0)
with open(golden, encoding="utf-8") as f:
    wanted = without_empty_lines(f.read())
if text == wanted:
    sys.exit(0)
sys.stdout.writelines(difflib.unified_diff(wanted.splitlines(True), text.splitlines(True), golden, "gst-inspect-1.0 " + element))
print(f"\nThe interface of {element} changed. If that is meant: CHANGELOG.md, its page in docs/elements, and\n  {sys.argv[0]} {element} {golden} --write")
sys.exit(1)
