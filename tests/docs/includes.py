#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every source file includes the standard headers that it needs, itself or by headers of ours.

What one standard library includes within its own headers another does not: a file that compiles on Debian 12 by chance
does not on Debian 13. Files that see LibTorch are left out, which includes nearly everything, everywhere.

usage: includes.py SOURCE_DIR
"""
import functools
import os
import re
import sys

ALGORITHMS = (
    "sort|stable_sort|min_element|max_element|minmax_element|minmax|any_of|all_of|none_of|find|find_if|find_if_not|clamp|"
    "copy|copy_n|copy_if|fill|fill_n|transform|count|count_if|remove|remove_if|lower_bound|upper_bound|nth_element|"
    "reverse|equal|rotate|swap_ranges|max|min|is_sorted|unique|generate|for_each|search|mismatch|replace|binary_search"
)
NEEDED = {
    "algorithm": rf"\bstd::(?:{ALGORITHMS})\(",
    "array": r"\bstd::array\b",
    "atomic": r"\bstd::atomic\b",
    "cmath": r"\bstd::(?:sqrt|log|log2|log10|exp|exp2|pow|sin|cos|tan|atan2|hypot|lround|llround|round|floor|ceil|fmod)\(",
    "condition_variable": r"\bstd::condition_variable\b",
    "cstdint": r"\bstd::u?int(?:8|16|32|64|ptr|max)_t\b",
    "functional": r"\bstd::function\b",
    "map": r"\bstd::map\b",
    "memory": r"\bstd::(?:unique_ptr|shared_ptr|weak_ptr|make_unique|make_shared)\b",
    "mutex": r"\bstd::(?:mutex|lock_guard|unique_lock|once_flag)\b",
    "numeric": r"\bstd::(?:accumulate|iota|partial_sum|inner_product|gcd)\b",
    "optional": r"\bstd::(?:optional|nullopt)\b",
    "set": r"\bstd::set\b",
    "string": r"\bstd::(?:string|to_string|stod|stoul)\b",
    "thread": r"\bstd::(?:thread|this_thread)\b",
    "vector": r"\bstd::vector\b",
}
FOREIGN = re.compile(r"torch/|ATen/|c10/|caffe2/")

os.chdir(sys.argv[1])
FOLDERS = ("elements", "examples", "gst", "lib", "tests", "tools")
FILES = sorted(os.path.join(folder, name) for top in FOLDERS for folder, _, names in os.walk(top) for name in names
               if name.endswith((".h", ".cpp")))
BY_TAIL = {}
for name in FILES:
    parts = name.split("/")
    for first in range(len(parts)):
        BY_TAIL.setdefault("/".join(parts[first:]), []).append(name)


def text_of(name):
    with open(name, encoding="utf-8") as file:
        return file.read()


def ours(include, user):
    """The file that an include with quotation marks is; beside its user first."""
    beside = os.path.normpath(os.path.join(os.path.dirname(user), include))
    return [beside] if os.path.exists(beside) else BY_TAIL.get(include, [])[:1]


@functools.lru_cache(maxsize=None)
def included(name):
    text = text_of(name)
    found = set(re.findall(r"#include <([^>]+)>", text))
    for include in re.findall(r'#include "([^"]+)"', text):
        for file in ours(include, name):
            if file != name:
                found |= included(file)
    return frozenset(found)


def missing(name):
    headers = included(name)
    if any(FOREIGN.match(header) for header in headers):
        return []
    code = re.sub(r"//.*|\"(?:\\.|[^\"\\])*\"", "", text_of(name))
    return [header for header, use in NEEDED.items() if header not in headers and re.search(use, code)]


if not FILES:
    sys.exit(f"includes.py: there are no sources in {sys.argv[1]}")
problems = [f"{name}: includes no <{header}>, though it uses it" for name in FILES for header in missing(name)]
print("\n".join(problems) or f"{len(FILES)} files include what they need")
sys.exit(bool(problems))
