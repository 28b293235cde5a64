#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The build's target `quickstart` is what examples/quickstart.sh needs from the build, and no more.

What it needs is read from the two scripts: every path below the build folder that they name. A folder of plugins counts
as there when one of its plugins is.
Usage: quickstart_target.py SOURCE_ROOT BUILD_ROOT
"""
import os
import re
import shutil
import subprocess
import sys


def main():
    root, build = sys.argv[1:3]
    ninja = shutil.which("ninja")
    if not ninja or not os.path.exists(os.path.join(build, "build.ninja")):
        print("skipped: this build was not made with ninja")
        return 77
    def ask(tool):
        return subprocess.run([ninja, "-C", build, "-t", tool, "quickstart"], check=True, stdout=subprocess.PIPE, text=True).stdout.split("\n")

    # The target's own members, and all that they are made of.
    made = [line.strip(" |") for line in ask("query") + ask("inputs")]
    needed = set()
    for script, prefix in (("examples/quickstart.sh", r"\$root/build/"), ("tools/setup.sh", r"\$build_dir/")):
        with open(os.path.join(root, script), encoding="utf-8") as f:
            needed |= set(re.findall(prefix + r"((?:elements|gst|tools)[\w/.-]*)", f.read()))
    wrong = [f"{path} is not built" for path in sorted(needed)
             if not any(m == path or re.fullmatch(re.escape(path) + r"/[^/]+\.so[.\d]*", m) for m in made)]
    wrong += [f"{m} is built" for m in made if m.endswith(".o") and re.match(r"(tests|examples)/|tools/(server|camera|inspect|train-speech)/", m)]
    print("\n".join(sorted(needed)))
    if len(needed) < 5:
        wrong.append(f"only {len(needed)} paths found in the scripts: the test would test nothing")
    print("\n".join("FAILED: " + w for w in wrong))
    return 1 if wrong else 0


sys.exit(main())
