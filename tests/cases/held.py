#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Checks that every test that README.md names for a situation exists.

Usage: held.py README.md BUILD_ROOT
"""
import json
import os
import re
import subprocess
import sys


def entries(path):
    """Situation, Meson test and Google Test cases of each entry."""
    with open(path, encoding="utf-8") as f:
        text = f.read()
    for situation, test, named in re.findall(r"^- ((?:media|pipelines) \w+): .*\n  `([\w-]+)`(.*)$", text, re.M):
        yield situation, test, re.findall(r"`([^`]+)`", named)


def programs(build):
    """The built program that runs each Meson test; "": a script, or it has not been built."""
    with open(os.path.join(build, "meson-info", "intro-tests.json"), encoding="utf-8") as f:
        tests = json.load(f)
    inside = os.path.join(os.path.realpath(build), "")

    def program(command):
        paths = (os.path.realpath(os.path.join(build, part)) for part in command)
        return next((path for path in paths if path.startswith(inside) and os.path.isfile(path)), "")

    return {test["name"]: program(test["cmd"]) for test in tests}


def cases(program):
    """Names as --gtest_filter takes them."""
    names, suite = set(), ""
    listed = subprocess.run([program, "--gtest_list_tests"], capture_output=True, text=True, check=True).stdout
    for line in listed.split("\n"):
        name = line.split("#")[0].rstrip()
        if name.startswith("  "):
            names.add(suite + name.strip())
        elif name.endswith("."):
            suite = name
    return names


def wrong(readme, build):
    known, listed = programs(build), {}
    for situation, test, named in entries(readme):
        if test not in known:
            yield f'{situation}: there is no test "{test}"'
        elif named and not known[test]:
            yield f'{situation}: the program of "{test}" is not there; build everything first (meson compile -C build)'
        elif named:
            if test not in listed:
                listed[test] = cases(known[test])
            for case in named:
                if case not in listed[test]:
                    yield f'{situation}: test "{test}" has no case "{case}"'


def main():
    readme, build = sys.argv[1:]
    count = len(list(entries(readme)))
    faults = list(wrong(readme, build)) + ([] if count else [f"{readme} has no entries"])
    for fault in faults:
        print(fault)
    print(f"{count} entries, {len(faults)} wrong")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
