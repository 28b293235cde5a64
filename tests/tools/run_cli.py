#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The real oneadapt-run: what it writes, what it says when accuracy is low, and whether its advice helps.

Usage: run_cli.py ONEADAPT_RUN CUT_CLIP SOURCE_ROOT
"""
import json
import os
import re
import signal
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../support"))
import interruption  # pylint: disable=wrong-import-position
import short_clip
from short_clip import CLIP, MODEL, PROGRAM

OVERLAY = os.path.exists(os.path.join(os.environ["ONEADAPT_BUILD_DIR"], "elements/oneadaptoverlay/libgstoneadaptoverlay.so"))


class RunCli(short_clip.ShortClip):
    NAME = "short <b>.avi"

    def run_it(self, *more, output=None):
        command = [PROGRAM, "--clip", self.clip, "--model", MODEL, "--classes", "person", "--fps", "5", "--seconds", "3", *more]
        done = subprocess.run(command + (["--output", output] if output else []), capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def test_gops_are_as_long_as_they_are_asked_to_be(self):
        """Five pictures a second: of short GOPs each begins with an IDR picture."""
        rate = r"most expensive configuration +([\d.]+) "
        lasting, second = (float(re.search(rate, self.run_it(*more)).group(1)) for more in ([], ["--key-int-max", "5"]))
        self.assertGreater(second, 1.2 * lasting)

    def test_interrupted_it_finishes_its_files(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            folder = self.path("interrupted-%d" % number)
            command = [PROGRAM, "--clip", CLIP, "--model", MODEL, "--classes", "person", "--fps", "5", "--output", folder]
            with interruption.start(command) as process:
                for line in process.stdout:
                    if re.match(r" +1 ", line):  # the second second
                        break
                process.send_signal(number)
                out, err = process.communicate()
            self.assertEqual(process.returncode, 130, err)
            self.assertEqual(short_clip.own_text(err), "oneadapt-run: interrupted; what was run until then is written, "
                                                       "without a comparison\n")
            self.assertIn(" s of footage", out)
            self.assertNotIn("most expensive", out)
            with open(os.path.join(folder, "adaptive.mp4"), "rb") as f:
                self.assertIn(b"moov", f.read())
            intervals = [json.loads(line) for line in self.read(folder, "intervals.jsonl").splitlines()]
            results = [json.loads(line) for line in self.read(folder, "results.jsonl").splitlines()]
            self.assertGreaterEqual(len(intervals), 2)
            self.assertGreater(len(results), 0)
            self.assertTrue(os.path.exists(os.path.join(folder, "report.html")))
            self.assertFalse(os.path.exists(os.path.join(folder, "summary.json")))

    def test_interrupted_before_the_first_frame_it_leaves_no_file(self):
        folder = self.path("interrupted-early")
        command = [PROGRAM, "--clip", CLIP, "--model", MODEL, "--classes", "person", "--fps", "5", "--output", folder]
        with interruption.start(command) as process:
            interruption.wait_until_it_listens(process)
            process.send_signal(signal.SIGHUP)
            out, err = process.communicate()
        self.assertEqual(process.returncode, 130, err)
        self.assertEqual(short_clip.own_text(err), "oneadapt-run: interrupted; it was before the first frame, and nothing is written\n")
        self.assertEqual(os.listdir(folder), [])

    def test_a_file_that_cannot_be_written(self):
        for name in ("adaptive.mp4", "results.jsonl", "intervals.jsonl", "report.html"):
            folder = self.path("full-" + name)
            os.makedirs(folder)
            os.symlink("/dev/full", os.path.join(folder, name))
            done = subprocess.run([PROGRAM, "--clip", self.clip, "--model", MODEL, "--classes", "person", "--fps", "5", "--seconds",
                                   "3", "--no-reference", "--output", folder], capture_output=True, text=True)
            self.assertEqual(done.returncode, 2, done.stderr)
            lines = short_clip.own_text(done.stderr).splitlines()
            self.assertEqual(len(lines), 1, done.stderr)
            for word in ("--output", name, "disk", "name a f"):
                self.assertIn(word, lines[0])
            # No film is left that cannot be played.
            film = os.path.join(folder, "adaptive.mp4")
            if os.path.isfile(film):
                with open(film, "rb") as f:
                    self.assertIn(b"moov", f.read(), name)

    def read(self, folder, name):
        with open(os.path.join(folder, name), encoding="utf-8") as f:
            return f.read()

    def results(self, folder):
        """What the page was made of."""
        page = self.read(folder, "report.html")
        return json.loads(re.search(r'<script type="application/json" id="results">(.*?)</script>', page, re.S).group(1))

    def accuracy(self, printed):
        return float(re.search(r"^policy oneadapt +[\d.]+ +[\d.]+% +([\d.]+)$", printed, re.M).group(1))

    def test_what_it_writes(self):
        output = self.path("good")
        printed = self.run_it("--lambda", "0.1", output=output)
        self.assertIn("{report.html,intervals.jsonl,results.jsonl,adaptive.mp4,summary.json}", printed)
        self.assertNotIn("below 0.9", printed)
        self.assertEqual(sorted(os.listdir(output)), ["adaptive.mp4", "intervals.jsonl", "report.html", "results.jsonl", "summary.json"])
        summary, results = json.loads(self.read(output, "summary.json")), self.results(output)
        self.assertGreaterEqual(summary["accuracy"], 0.9)
        self.assertEqual((results["kind"], results["advice"], results["classes"]), ("run", "", "person"))
        self.assertTrue(results["command"].startswith("oneadapt-run --clip '"), results["command"])
        clip = results["clips"][0]
        self.assertEqual({k: clip[k] for k in ("clip", "frames", "fps", "seconds", "width", "height")},
                         {"clip": "short <b>.avi", "frames": 15, "fps": 5, "seconds": 3, "width": 768, "height": 576})
        self.assertEqual([c["policy"] for c in clip["curves"]], ["oneadapt", "most expensive configuration"])
        adapted, full = (c["points"][0] for c in clip["curves"])
        self.assertAlmostEqual(adapted["accuracy"], summary["accuracy"], places=5)
        self.assertAlmostEqual(adapted["bandwidth"], summary["bandwidth"], places=5)
        self.assertEqual(full["bandwidth"], 1)
        self.assertTrue(0.9 < full["accuracy"] < 1, "it is coded, too")
        # Second by second, the same as intervals.jsonl.
        rows = [json.loads(line) for line in self.read(output, "intervals.jsonl").splitlines()]
        self.assertEqual([i["t"] for i in adapted["intervals"]], [0, 1, 2])
        for interval, row in zip(adapted["intervals"], rows):
            self.assertEqual(interval["knobs"], row["knobs"])
            self.assertAlmostEqual(interval["kbps"], row["kbps"], places=3)
            self.assertTrue(0 <= interval["accuracy"] <= 1)
        self.assertEqual(len(clip["stills"]), 6 if OVERLAY else 0)
        for still in clip["stills"]:
            self.assertTrue(still["image"].startswith("data:image/jpeg;base64,/9j/"), still["image"][:40])

    def test_by_default_an_accuracy_is_kept(self):
        output = self.path("kept")
        printed = self.run_it(output=output)
        self.assertRegex(printed, r"(?m)^second +qp-map .* measured expected$")
        summary = json.loads(self.read(output, "summary.json"))
        self.assertEqual(summary["min_accuracy"], 0.9)
        self.assertNotIn("lambda", summary)
        self.assertEqual(self.results(output)["clips"][0]["curves"][0]["points"][0]["setting"], "min-accuracy=0.9")
        rows = [json.loads(line) for line in self.read(output, "intervals.jsonl").splitlines()]
        self.assertTrue(all(0 <= row["expected_accuracy"]["mean"] <= 1 for row in rows))
        self.assertTrue(any("measured_accuracy" in row for row in rows))
        self.assertTrue(all("measured_accuracy" not in row for row in self.rows_of("--lambda", "1")))

    def rows_of(self, *arguments):
        output = self.path("rows")
        self.run_it(*arguments, output=output)
        return [json.loads(line) for line in self.read(output, "intervals.jsonl").splitlines()]

    def test_low_accuracy_is_said_and_the_advice_helps(self):
        output = self.path("low")
        printed = self.run_it("--lambda", "8", "--knobs", "qp,scale,framerate", output=output)
        low = self.accuracy(printed)
        self.assertLess(low, 0.9)
        said = re.search(r"^F1 is below 0\.9.*$", printed, re.M).group(0)
        self.assertEqual(self.results(output)["advice"], said)
        options = re.findall(r"(--\S+) (\S+) \(", said)
        self.assertEqual(options, [("--knobs", "qp-map"), ("--lambda", "0.25")])
        better = self.accuracy(self.run_it(*(word for option in options for word in option)))
        self.assertGreater(better, low)

    def test_without_a_reference_nobody_knows_the_accuracy(self):
        output = self.path("alone")
        printed = self.run_it("--no-reference", output=output)
        self.assertIn("{report.html,intervals.jsonl,results.jsonl,adaptive.mp4}", printed)
        clip = self.results(output)["clips"][0]
        self.assertNotIn("reference", clip)
        point = clip["curves"][0]["points"][0]
        self.assertEqual(len(clip["curves"]), 1)
        self.assertNotIn("accuracy", point)
        self.assertEqual([i["accuracy"] for i in point["intervals"]], [None, None, None])
        self.assertGreater(point["intervals"][0]["kbps"], 0)


if not os.path.exists(CLIP) or not os.path.exists(MODEL):
    print("skipped: there is no clips/vtest.avi or models/nanodet.pt (tools/setup.sh makes them)")
    sys.exit(77)
unittest.main(argv=sys.argv[:1], verbosity=2)
