# SPDX-License-Identifier: LGPL-2.1-or-later
"""The recipe of a page of the documentation: some Python, then a launch line."""
import re
import subprocess
import sys


def replaced(text, *changes):
    """Each (what, stand-in) must be in the text."""
    for what, stand_in in changes:
        assert what in text, text
        text = text.replace(what, stand_in)
    return text


def read(page, *changes):
    """The page's Python with the changes made, and its launch line on one line."""
    with open(page, encoding="utf-8") as f:
        section = f.read()
    code = re.search(r"```python\n(.*?)```", section, re.S).group(1)
    line = re.search(r"```sh\n(gst-launch-1.0 .*?)```", section, re.S).group(1).replace("\\\n", " ")
    return replaced(code, *changes), line


def run_code(code, folder):
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], cwd=folder, check=True)


def run_line(line, folder):
    done = subprocess.run(line, shell=True, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0 and "ERROR" not in done.stderr, done.stderr[-2000:]
