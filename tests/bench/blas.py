#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the library behind libblas.so.3 does to inference and to the gradient, one library after the other in one run.

Each library that Debian's alternatives list (the reference BLAS is one, OpenBLAS another), and each folder given that
holds a libblas.so.3, takes its turn in every round: the same model, the same picture. Prints medians over the rounds of
the process's CPU time and of the wall time of a frame, and their ratio to the reference BLAS. Only the loader's path is
changed, for the measured process alone; which library the system uses stays as it is.

With --command it is CPU and wall time of that whole command instead: a pipeline, say.

Usage: blas.py BENCH_INFERENCE MODEL [--size WxH] [--threads 1,2] [--rounds N] [--frames N] [FOLDER ...]
       blas.py --command 'COMMAND' [--rounds N] [FOLDER ...]
"""
import argparse
import glob
import json
import os
import resource
import statistics
import subprocess
import sys
import time


def libraries(folders):
    """{name: search path of the loader}, the reference first."""
    found = {}
    for path in sorted(glob.glob("/usr/lib/*/blas/libblas.so.3") + glob.glob("/usr/lib/*/*/libblas.so.3") +
                       [os.path.join(f, "libblas.so.3") for f in folders], key=lambda p: not p.endswith("/blas/libblas.so.3")):
        if not os.path.exists(path):
            sys.exit(f"blas.py: there is no {path}")
        folder = os.path.dirname(os.path.abspath(path))
        # The reference's LAPACK is in a folder of its own; the others bring theirs.
        found[os.path.basename(folder)] = f"{folder}:{os.path.join(os.path.dirname(folder), 'lapack')}"
    return found


def environment(path):
    env = dict(os.environ, LD_LIBRARY_PATH=path + ":" + os.environ.get("LD_LIBRARY_PATH", ""))
    env.setdefault("OMP_WAIT_POLICY", "passive")
    return env


def measure_command(command, paths, rounds):
    results = {name: [] for name in paths}
    for _ in range(rounds):
        for name, path in paths.items():
            before, begin = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
            subprocess.run(command, shell=True, env=environment(path), check=True, stdout=subprocess.DEVNULL)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            results[name].append((after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, time.monotonic() - begin))
    medians = {name: [statistics.median(column) for column in zip(*runs)] for name, runs in results.items()}
    base = next(iter(medians.values()))
    print(f"{'BLAS':18} {'CPU s':>8} {'wall s':>8}   ratios to {next(iter(paths))}")
    for name, (cpu, wall) in medians.items():
        print(f"{name:18} {cpu:8.2f} {wall:8.2f}   {cpu / base[0]:.2f} {wall / base[1]:.2f}")


def measure_model(a, paths):
    results = {}
    for _ in range(a.rounds):
        for threads in a.threads.split(","):
            for name, path in paths.items():
                out = subprocess.run([a.bench, a.model, *a.size.split("x"), threads, str(a.frames)], env=environment(path), check=True,
                                     stdout=subprocess.PIPE, text=True).stdout
                line = json.loads(out)
                if not line["elements"]:
                    sys.exit("blas.py: the model found no element, so there was no gradient")
                if os.path.dirname(line["blas"]) != os.path.realpath(path.split(":")[0]):
                    sys.exit(f"blas.py: {path} was asked for, {line['blas']} answered")
                results.setdefault((threads, name), []).append(line)
    print(f"{'threads':>7} {'BLAS':18} {'inference: CPU ms':>18} {'wall ms':>8} {'gradient: CPU ms':>17} {'wall ms':>8}   ratios to {next(iter(paths))}")
    for (threads, name), lines in results.items():
        def median(what, kind, lines=lines):
            return statistics.median(line[what][kind] for line in lines)
        kinds = [(what, kind) for what in ("inference", "gradient") for kind in ("cpu", "wall")]
        base = results[threads, next(iter(paths))]
        values, ratios = [median(*k) for k in kinds], [median(*k) / median(*k, base) for k in kinds]
        print(f"{threads:>7} {name:18} {values[0]:18.1f} {values[1]:8.1f} {values[2]:17.1f} {values[3]:8.1f}   " +
              " ".join(f"{r:.2f}" for r in ratios))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="*", metavar="BENCH_INFERENCE MODEL FOLDER ...")
    parser.add_argument("--command")
    parser.add_argument("--size", default="768x576")
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--frames", type=int, default=9)
    a = parser.parse_args()
    if a.command:
        measure_command(a.command, libraries(a.what), a.rounds)
        return
    if len(a.what) < 2:
        parser.error("give bench-inference and a model, or --command")
    a.bench, a.model = a.what[:2]
    measure_model(a, libraries(a.what[2:]))


if __name__ == "__main__":
    main()
