#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Checks the documentation: length of lines and pages, links and anchors, pages that the source names, and that every
page with a launch line is run by a test.

Usage: pages.py SOURCE_ROOT RUN_PAGE...   (RUN_PAGE: the files that launch_lines.py and network_lines.py run)
"""
import os
import re
import sys

from launch_lines import lines_of

LINE = 120  # characters
# Words of a page, as `wc -w` counts them. A page of reference that is not listed may have as many as DEFAULT.
DEFAULT = 1500
WORDS = {
    "README.md": 900,
    "CONTRIBUTING.md": 920,
    "SECURITY.md": 500,
    "docs/architecture.md": 1200,
    "docs/evaluate.md": 1200,
    "docs/metrics.md": 900,
    "docs/design-notes.md": 1500,
    "docs/glossary.md": 1200,
    "docs/paper-map.md": 800,
}
UNLIMITED = {"CHANGELOG.md"}  # grows with each release
README_LINES, README_FIGURES = 110, 6
# Launch lines that no single command can run, and the test that runs what they show.
RUN_ELSEWHERE = {"docs/server.md": "tests/tools/server_test.py", "docs/features.md": "tests/pipelines/test_features.cpp"}
SOURCES = (".c", ".cpp", ".h", ".py", ".build", ".sh", ".js")
SKIPPED = {".git", "out", "clips", "models"}

LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
NAMED = re.compile(r"\b((?:docs/)?[\w/-]+\.md)(#[\w-]+)?")


def files_of(root):
    for folder, folders, names in os.walk(root):
        # A build folder is one that Meson or a cache made.
        folders[:] = [f for f in folders if f not in SKIPPED and not f.startswith(("build", "."))]
        for name in names:
            yield os.path.relpath(os.path.join(folder, name), root)


def without_fences(text):
    return re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S)


def anchors_of(text):
    """As GitHub makes them of headings."""
    found = {}
    for heading in re.findall(r"^#+ (.*)$", without_fences(text), re.M):
        slug = re.sub(r"[^\w\- ]", "", re.sub(r"\]\([^)]*\)", "]", heading).lower()).strip().replace(" ", "-")
        found[slug] = found.get(slug, 0) + 1
    return {slug if n == 0 else f"{slug}-{n}" for slug, times in found.items() for n in range(times)}


def lengths(page, text):
    for number, line in enumerate(text.splitlines(), 1):
        if len(line) > LINE:
            yield f"{page}:{number}: {len(line)} characters; at most {LINE}"
    words, most = len(text.split()), WORDS.get(page, DEFAULT)
    if page not in UNLIMITED and words > most:
        yield f"{page}: {words} words; at most {most} (tests/docs/pages.py): shorten or split it"


def links(page, text, pages, root):
    for target in LINK.findall(without_fences(text)):
        if "://" in target or target.startswith("mailto:"):
            continue
        path, _, anchor = target.partition("#")
        path = os.path.normpath(os.path.join(os.path.dirname(page), path)) if path else page
        if not os.path.exists(os.path.join(root, path)):
            yield f"{page}: link to {target}: there is no {path}"
        elif anchor and path in pages and anchor not in anchors_of(pages[path]):
            yield f"{page}: link to {target}: {path} has no such heading"


def named(source, text, pages):
    """Pages that a comment or a message names."""
    for path, anchor in NAMED.findall(text):
        if not path.startswith("docs/"):
            continue
        if path not in pages:
            yield f"{source}: names {path}, which does not exist"
        elif anchor and anchor[1:] not in anchors_of(pages[path]):
            yield f"{source}: names {path}{anchor}: no such heading"


def readme(text):
    if len(text.splitlines()) > README_LINES:
        yield f"README.md: {len(text.splitlines())} lines; at most {README_LINES}"
    figures = re.search(r"^## Figures\n(.*?)^## ", text, re.M | re.S)
    rows = len(re.findall(r"^\|", figures.group(1), re.M)) - 2 if figures else 0
    if not 1 <= rows <= README_FIGURES:
        yield f"README.md: {rows} rows of figures; 1 to {README_FIGURES}"


def check(root, run):
    names = sorted(files_of(root))
    pages = {}
    for name in names:
        if name.endswith(".md"):
            with open(os.path.join(root, name), encoding="utf-8") as f:
                pages[name] = f.read()
    wrong = [f"tests/docs/pages.py: WORDS names {p}, which does not exist" for p in WORDS if p not in pages]
    wrong += [f"tests/docs/pages.py: there is no {t}" for t in RUN_ELSEWHERE.values() if t not in names]
    for page, text in pages.items():
        wrong += lengths(page, text)
        wrong += links(page, text, pages, root)
        if list(lines_of(text)) and page not in run and page not in RUN_ELSEWHERE:
            wrong.append(f"{page}: has launch lines and is run by no test: add it to tests/docs/meson.build")
    for name in names:
        if name.endswith(SOURCES) and name != "tests/docs/pages.py":
            with open(os.path.join(root, name), encoding="utf-8", errors="replace") as f:
                wrong += named(name, f.read(), pages)
    wrong += readme(pages["README.md"])
    return len(pages), wrong


def main():
    root = os.path.abspath(sys.argv[1])
    count, wrong = check(root, {os.path.relpath(os.path.abspath(p), root) for p in sys.argv[2:]})
    for line in wrong:
        print(line)
    print(f"{count} pages, {len(wrong)} faults")
    return 1 if wrong or not count else 0


if __name__ == "__main__":
    sys.exit(main())
