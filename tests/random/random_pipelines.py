#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Plays random pipelines under GStreamer's leaks tracer, 50 a process, and says which were wrong and how to play one alone.

Usage: random_pipelines.py PROGRAM [--count N] [--first SEED] [--jobs N]
"""
import argparse
import collections
import concurrent.futures
import os
import re
import subprocess
import sys

BATCH = 50
NO_LEAKS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "elements", "states", "no_leaks.py")


class Batch:
    """What came of some seeds in a row."""

    def __init__(self):
        self.ends = {}  # seed: (verdict, {what: how many})
        self.wrong = []  # texts

    def play(self, program, first, count):
        while count > 0:
            said = len(self.wrong)
            done = self.play_rest(program, first, count)
            first, count = first + done, count - done
            for text in self.wrong[said:]:
                print(text, "\n", flush=True)
        return self

    def play_rest(self, program, first, count):
        """Until the end or a crash; how many seeds that were."""
        env = dict(os.environ, G_DEBUG="fatal-criticals")
        ran = subprocess.run([sys.executable, NO_LEAKS, program, str(first), str(count)], env=env, check=False,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
        lines = ran.stdout.splitlines()
        seed, text, wrong_before = None, [], len(self.wrong)
        for line in lines:
            if begin := re.match(r"begin (\d+)$", line):
                seed, text = int(begin[1]), []
            elif end := re.match(r"end (\d+) (\w+) (.*)$", line):
                words = end[3].split()
                self.ends[int(end[1])] = (end[2], dict(zip(words[::2], map(int, words[1::2]))))
                if end[2] != "right":
                    self.wrong.append(f"seed {seed} is {end[2]}:\n" + "\n".join(text))
                seed, text = None, []
            else:
                text.append(line)
        if seed is not None:  # it began and did not end
            line = subprocess.run([program, "--print", str(seed)], check=False, stdout=subprocess.PIPE, text=True).stdout
            self.wrong.append(f"seed {seed} ended its process ({ran.returncode}):\n" + "\n".join(text) + "\n" + line)
            self.ends[seed] = ("ended its process", {})
            return seed - first + 1
        if ran.returncode and len(self.wrong) == wrong_before:  # leaks of the process, or it did not begin
            self.wrong.append(f"seeds {first} to {first + count - 1}, status {ran.returncode}:\n" + "\n".join(text))
        return count


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--count", type=int, default=150)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=1)
    a = parser.parse_args()
    last = a.first + a.count
    with concurrent.futures.ThreadPoolExecutor(a.jobs) as pool:
        batches = list(pool.map(lambda first: Batch().play(a.program, first, min(BATCH, last - first)),
                                range(a.first, last, BATCH)))
    total, verdicts = collections.Counter(), collections.Counter()
    for batch in batches:
        for verdict, counts in batch.ends.values():
            total.update(counts)
            verdicts[verdict] += 1
    print(f"{a.count} pipelines:", ", ".join(f"{n} {what}" for what, n in verdicts.items()))
    print("gradients:", ", ".join(f"{what} {n}" for what, n in total.items()))
    failed = any(batch.wrong for batch in batches)
    if failed:
        print(f"one alone, in `meson devenv -C build`: {a.program} SEED; what it is: {a.program} --print SEED")
    # Pipelines whose gradients nobody can judge show nothing.
    if a.count >= BATCH and total["placed"] < a.count:
        print(f"only {total['placed']} gradients were where the bright thing is: {a.count} pipelines should have more")
        failed = True
    return 1 if failed else 0


sys.exit(main())
