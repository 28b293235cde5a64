#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The real oneadapt-eval: bad input, the same numbers twice, results.json, interruption.

Usage: eval_cli.py ONEADAPT_EVAL CUT_CLIP SOURCE_ROOT
"""
import json
import os
import re
import signal
import subprocess
import sys
import unittest

import short_clip
from short_clip import CLIP, MODEL, PROGRAM

PROGRESS = re.compile(r"\[\d+/\d+\] .*")


def numbers(value):
    """Results without what a clock measured, and without the command, which names the folder."""
    if isinstance(value, dict):
        return {k: numbers(v) for k, v in value.items() if not k.endswith("_s") and k != "command"}
    return [numbers(v) for v in value] if isinstance(value, list) else value


class EvalCli(short_clip.ShortClip):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.good = None

    def command(self, output, **changes):
        """Three uniform runs and two of oneadapt, small; a change of None leaves the option out."""
        options = {"clip": self.clip, "model": MODEL, "classes": "person", "policies": "uniform,oneadapt", "knobs": "qp",
                   "lambdas": "0.5,5", "fps": "5", "seconds": "3", "stills": "1", "output": output, **changes}
        command = [PROGRAM, "--set", "dnn.input-size=256x192", "--set", "filter.qp-ladder=44,32,20"]
        for name, value in options.items():
            if value is not None:
                command += ["--" + name.replace("_", "-"), value]
        return command

    def run_it(self, output, **changes):
        done = subprocess.run(self.command(output, **changes), capture_output=True, text=True)
        done.stderr = short_clip.own_text(done.stderr)
        return done

    def results(self, output):
        with open(os.path.join(output, "results.json"), encoding="utf-8") as f:
            return json.load(f)

    def good_run(self):
        """The run that others are compared with, made once."""
        if not EvalCli.good:
            output = self.path("good")
            done = self.run_it(output, jobs="1")
            self.assertEqual(done.returncode, 0, done.stderr)
            EvalCli.good = (output, done)
        return EvalCli.good

    def test_bad_input_is_one_line(self):
        with open(self.path("nonsense"), "w", encoding="utf-8") as f:
            f.write("nonsense\n")
        subprocess.run(["gst-launch-1.0", "-q", "audiotestsrc", "num-buffers=20", "!", "wavenc", "!", "filesink",
                        "location=" + self.path("sound.wav")], check=True)
        nonsense, gone = self.path("nonsense"), self.path("gone")
        out = self.path("never")
        network, scale_only = self.path("network.json"), self.path("scale.json")
        with open(scale_only, "w", encoding="utf-8") as f:
            json.dump({"format": "oneadapt-casva", "version": 1, "knobs": ["scale"], "hidden": 1, "weights": [0] * 10,
                       "input_mean": [0] * 5, "input_scale": [1] * 5, "output_mean": [0, 0], "output_scale": [1, 1]}, f)
        cases = [  # what is wrong; what the line says: what it is about, and what to do
            ({"clip": nonsense}, ["--clip", nonsense, "name a file of video or sound that GStreamer can decode"]),
            ({"clip": gone}, ["--clip", gone, "name a file of video or sound"]),
            ({"clip": self.path("sound.wav")}, ["--fps", "the clips are sound"]),
            ({"clip": self.path("sound.wav"), "fps": None, "metric": "miou"}, ["--metric miou", "the clips are sound"]),
            ({"clip": self.folder}, ["--clip", self.folder, "without point clouds", "000000.bin"]),
            ({"metric": "f1-70"}, ["--metric f1-70", "is for lidar"]),
            ({"clip": None}, ["--clip"]),
            ({"model": nonsense}, ["model", nonsense, "save it with torch.jit.save"]),
            ({"model": gone}, ["--model", gone, "name a self-describing TorchScript model"]),
            ({"classes": "persn"}, ["classes", "persn", 'it has "person"']),
            ({"policies": "uniform,oneadpt"}, ["--policies", "oneadpt", "there are oneadapt, min-accuracy, uniform"]),
            ({"knobs": "qp,sclae"}, ["--knobs", "sclae", "there are area-threshold, "]),
            ({"knobs": ""}, ["--knobs", "there are area-threshold, "]),
            ({"knobs": "qp,qp-map"}, ["--knobs", "qp-map", "name one of the two"]),
            ({"policies": "uniform,region", "knobs": "scale"}, ["--policies", "region", "--knobs qp"]),
            ({"policies": "uniform,dds", "knobs": "scale"}, ["--policies", "dds", "--knobs qp"]),
            ({"figure": "granularity"}, ["--figure", "granularity", "add --knobs qp-map"]),
            ({"policies": "uniform,reducto"}, ["--policies", "reducto", "--resource frames"]),
            ({"policies": "uniform,x264enc", "resource": "frames", "knobs": "change-threshold"},
             ["--policies", "x264enc", "leave --resource frames out"]),
            ({"policies": "uniform,x264enc", "clip": self.path("sound.wav"), "fps": None}, ["--policies: x264enc", "the clips are sound"]),
            ({"policies": "uniform,voice-detection"}, ["--policies", "voice-detection", "the clips are video"]),
            ({"policies": "uniform,activity"}, ["--policies", "activity", "voice-detection"]),
            ({"policies": "uniform,casva"}, ["--policies", "casva", "--policy-file", "--train-casva"]),
            ({"policies": "casva", "policy-file": gone}, ["--policy-file", gone, "No such file", "--train-casva"]),
            ({"policies": "casva", "policy-file": nonsense}, ["--policy-file", nonsense, "is no network", "--train-casva"]),
            ({"policies": "casva", "policy-file": scale_only}, ["--policy-file", scale_only, "trained for scale", "--knobs"]),
            ({"policy-file": scale_only}, ["--policy-file", "add casva to --policies"]),
            ({"against": gone}, ["--against", gone, "results.json", "come to its end"]),
            ({"against": gone, "figure": "overhead"}, ["--against", "leave --figure"]),
            ({"policies": "casva", "policy-file": scale_only, "resource": "frames", "knobs": "change-threshold"},
             ["--policies", "casva", "--resource frames"]),
            ({"train-casva": self.path("no/folder")}, ["--train-casva", "no/folder", "name a file"]),
            ({"train-casva": self.folder}, ["--train-casva", self.folder, "name a file"]),
            ({"train-casva": network, "figure": "overhead"}, ["--train-casva", "leave --figure out"]),
            ({"train-casva": network, "resource": "frames", "knobs": "change-threshold"}, ["--train-casva", "--resource frames"]),
            ({"train-casva": network, "interval": "2"}, ["--train-casva", "leave --interval out"]),
            ({"train-casva": network, "seconds": "1"}, ["--train-casva", "short.avi", "no two whole seconds", "--seconds"]),
            ({"set": "ctl.policy-file=" + scale_only}, ["--set", "ctl.policy-file", "its own options"]),
            ({"resource": "frames", "knobs": "qp"}, ["--knobs", "qp", "change-threshold"]),
            ({"resource": "frames", "knobs": "change-threshold", "figure": "overhead"}, ["--resource", "--figure"]),
            ({"interval": "2", "policies": "uniform,profiling"}, ["--interval", "profiling"]),
            ({"key-int-max": "-1"}, ["--key-int-max", "-1"]),
            ({"key-int-max": "3000000000"}, ["--key-int-max", "3000000000"]),
            ({"key-int-max": "10", "clip": self.path("sound.wav"), "fps": None}, ["--key-int-max", "the clips are sound"]),
            ({"key-int-max": "10", "resource": "frames", "knobs": "change-threshold"}, ["--key-int-max", "--resource frames"]),
            ({"set": "filter.key-int-max=10"}, ["--set", "filter.key-int-max", "its own options"]),
            ({"interval": "2", "figure": "overhead"}, ["--interval", "--figure"]),
            ({"figure": "granularity", "knobs": "qp-map", "set": "filter.map-granularity=2"},
             ["--set", "filter.map-granularity", "leave it out"]),
            ({"figure": "gradients"}, ["--figure", "gradients", "there are gradient-correlation"]),
            ({"metric": "map"}, ["--metric", "map", "f1", "miou"]),
            ({"lambdas": "1,-1"}, ["--lambdas", "-1", "not negative"]),
            ({"jobs": "0"}, ["--jobs", "above 0"]),
            ({"fps": "nan"}, ["--fps", "nan"]),
            ({"device": "cuda:77"}, ["device", "cuda:77"]),
            ({"set": "qp=1"}, ["--set", "ELEMENT.PROPERTY=VALUE"]),
            ({"set": "encoder.qp=1"}, ["--set", "encoder", "there are ctl, filter, dnn"]),
            ({"set": "dnn.qp=1"}, ["--set", "qp", "gst-inspect-1.0 oneadaptdnn"]),
            ({"set": "dnn.threads=many"}, ["--set", "many", "dnn.threads"]),
            ({"set": "ctl.profile-top=-7"}, ["--set", "-7", "ctl.profile-top"]),
            ({"set": "dnn.interval=500000000"}, ["--set", "dnn.interval", "its own options"]),
            ({"set": "filter.scale-ladder=1,0.5"}, ["--set", "scale-ladder", "rise"]),
            ({"set": "filter.qp=30"}, ["--set", "filter.qp", "filter.KNOB-ladder"]),
            ({"output": nonsense}, ["--output", nonsense, "name a folder that can be written"]),
            ({"output": nonsense + "/in/it"}, ["--output", nonsense, "name a folder that can be written"]),
            ({"output": None}, ["--output"]),
        ]
        for changes, words in cases:
            with self.subTest(**changes):
                done = self.run_it(**{"output": out, **changes})
                lines = [line for line in done.stderr.splitlines() if not PROGRESS.fullmatch(line)]
                self.assertEqual(done.returncode, 2, done.stderr)
                self.assertEqual(len(lines), 1, done.stderr)
                self.assertTrue(lines[0].startswith("oneadapt-eval: "), lines[0])
                self.assertLess(len(lines[0]), 400)
                for word in words:
                    self.assertIn(word, lines[0])
                self.assertEqual(done.stdout, "")
                self.assertFalse(os.path.exists(os.path.join(out, "results.json")))
                self.assertFalse(os.path.exists(os.path.join(out, "report.html")))

    def test_a_missing_x264enc_is_one_line(self):
        """GStreamer with all its plugins but that one."""
        plugins, out = self.path("plugins"), self.path("without")
        os.mkdir(plugins)
        system = subprocess.run(["pkg-config", "--variable=pluginsdir", "gstreamer-1.0"], capture_output=True, text=True,
                                check=True).stdout.strip()
        for name in os.listdir(system):
            if name != "libgstx264.so" and name.endswith(".so"):
                os.symlink(os.path.join(system, name), os.path.join(plugins, name))
        environment = {**os.environ, "GST_PLUGIN_SYSTEM_PATH_1_0": plugins, "GST_REGISTRY": self.path("registry.bin")}
        done = subprocess.run(self.command(out, policies=None), capture_output=True, text=True, env=environment)
        self.assertEqual(done.returncode, 2)
        self.assertEqual(short_clip.own_text(done.stderr),
                         "oneadapt-eval: --policies: x264enc needs GStreamer's element x264enc, which is not installed; install "
                         "gst-plugins-ugly (Debian: gstreamer1.0-plugins-ugly), or leave x264enc out\n")

    def test_by_default_video_is_compared_with_x264enc(self):
        output = self.path("default")
        names = ["uniform", "min-accuracy", "x264enc", "x264enc-bitrate", "x264enc-lookahead", "oneadapt"]
        done = self.run_it(output, policies=None, lambdas="5", min_accuracies="0.9")
        self.assertEqual(done.returncode, 0, done.stderr)
        clip = self.results(output)["clips"][0]
        self.assertEqual([c["policy"] for c in clip["curves"]], names)
        uniform, kept, quality, bitrate, lookahead, _ = (c["points"] for c in clip["curves"])
        self.assertEqual([(p["setting"], p["asked"]) for p in kept], [("min-accuracy=0.9", 0.9)])
        self.assertTrue(0 < kept[0]["settled"] <= 1)
        self.assertTrue(any("measured_accuracy" in i for i in kept[0]["intervals"]))
        for points in (quality, lookahead):
            self.assertEqual([p["setting"] for p in points], ["quantizer=20", "quantizer=32", "quantizer=44"])
        self.assertEqual([p["setting"].split("=")[0] for p in bitrate], ["bitrate"] * 3)
        for points in (quality, bitrate, lookahead):
            for point, fixed in zip(points, uniform):
                self.assertEqual((point["frames_analysed"], point["extra_inferences"], point["feedback_bytes"]), (15, 0, 0))
                self.assertGreater(point["sensor_cpu_s"], 0)
                self.assertTrue(0 < point["accuracy"] <= 1)
                self.assertTrue(fixed["bytes"] / 3 < point["bytes"] < 3 * fixed["bytes"], (point["bytes"], fixed["bytes"]))
                self.assertAlmostEqual(sum(i["kbps"] for i in point["intervals"]) * 125, point["bytes"], delta=1)
        # The qualities are run for both curves at once.
        self.assertEqual(done.stderr.count("x264enc quantizer=20"), 1, done.stderr)
        self.assertEqual([(r["policy"], r["against"]) for r in clip["bd_rate"] if r["policy"] == "oneadapt"],
                         [("oneadapt", name) for name in names[:-1]])

    def test_results_have_their_shape(self):
        output, done = self.good_run()
        results = self.results(output)
        self.assertEqual(results["metric"], "f1")
        self.assertEqual(results["knobs"], ["qp"])
        self.assertEqual(results["model"], "nanodet.pt")
        self.assertIn("--lambdas 0.5,5", results["command"])
        self.assertEqual(len(results["clips"]), 1)
        clip = results["clips"][0]
        self.assertEqual({k: clip[k] for k in ("clip", "frames", "fps", "seconds", "width", "height")},
                         {"clip": "short.avi", "frames": 15, "fps": 5, "seconds": 3, "width": 768, "height": 576})
        self.assertGreater(clip["reference"]["kbps"], 0)
        self.assertGreater(clip["reference"]["objects_per_frame"], 0)
        self.assertEqual([c["policy"] for c in clip["curves"]], ["uniform", "oneadapt"])
        uniform, oneadapt = (c["points"] for c in clip["curves"])
        self.assertEqual([p["setting"] for p in uniform], ["qp=20", "qp=32", "qp=44"])
        self.assertEqual([p["setting"] for p in oneadapt], ["lambda=0.5", "lambda=5"])
        self.assertEqual(uniform[0]["bandwidth"], 1)
        # QP 20 loses something, too.
        self.assertEqual(results["reference"], "uncoded")
        self.assertEqual(uniform[0]["accuracy"], clip["reference"]["accuracy"])
        self.assertTrue(0.5 < uniform[0]["accuracy"] < 1, uniform[0]["accuracy"])
        self.assertGreater(uniform[0]["bandwidth"], uniform[1]["bandwidth"])
        self.assertGreater(uniform[1]["bandwidth"], uniform[2]["bandwidth"])
        for point in uniform + oneadapt:
            for key in ("bandwidth", "accuracy", "sensor_cpu_s", "inference_s", "gradient_s"):
                self.assertGreaterEqual(point[key], 0, key)
            self.assertLessEqual(point["accuracy"], 1)
            self.assertEqual(point["frames_analysed"], 15)
            self.assertEqual(point["extra_inferences"], 0)
            self.assertEqual([i["t"] for i in point["intervals"]], [0, 1, 2])
            self.assertAlmostEqual(sum(i["kbps"] for i in point["intervals"]) * 125, point["bytes"], delta=1)
        for point in oneadapt:
            self.assertGreater(point["feedback_bytes"], 0)
            for interval in point["intervals"]:
                self.assertIn(interval["knobs"]["qp"], (44, 32, 20))
        self.assertEqual(uniform[1]["feedback_bytes"], 0)
        self.assertEqual(uniform[1]["intervals"][2]["knobs"], {"qp": 32})
        self.assertEqual([(r["policy"], r["against"]) for r in clip["bd_rate"]], [("oneadapt", "uniform")])
        self.assertTrue(clip["bd_rate"][0]["percent"] is not None or clip["bd_rate"][0]["reason"])
        # Its seconds, drawn anew.
        for row in clip["bd_rate"] + results["mean_bd_rate"]:
            if row["percent"] is not None:
                self.assertEqual(len(row["resamples"]), 200)
                self.assertLessEqual(row.get("low", 0), row.get("high", 0))
        for point in uniform + oneadapt:
            accuracy = sum(i["accuracy"] * i["weight"] for i in point["intervals"]) / 15
            self.assertAlmostEqual(point["accuracy"], accuracy, places=5)
        self.assertEqual([b["policy"] for b in clip["bandwidth_at"]], ["uniform", "oneadapt"])
        self.assertEqual([(r["policy"], r["against"]) for r in results["mean_bd_rate"]], [("oneadapt", "uniform")])
        # The table says the same.
        for point in uniform + oneadapt:
            self.assertRegex(done.stdout, re.escape(point["setting"]) + rf" +{100 * point['bandwidth']:.1f} % +{point['accuracy']:.3f}")
        with open(os.path.join(output, "report.html"), encoding="utf-8") as f:
            page = f.read()
        self.assertTrue(page.startswith("<!doctype html>") or page.startswith("<!DOCTYPE html>"))
        self.assertIn("short.avi", page)

    def test_twice_the_same_numbers_whatever_the_jobs(self):
        first, _ = self.good_run()
        second = self.path("second")
        done = self.run_it(second, jobs="2", against=first)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertNotIn("kept from before", done.stderr)
        results = self.results(second)
        against = results.pop("against")
        self.assertEqual(numbers(self.results(first)), numbers(results))
        rows = against["clips"][0]["bd_rate"]
        self.assertEqual([row["policy"] for row in rows], ["uniform", "oneadapt"])
        self.assertTrue(all(row["percent"] == 0 or row["reason"] for row in rows), rows)
        self.assertIn("Against the other evaluation:", done.stdout)
        other = self.run_it(self.path("third"), against=first, metric="miou")
        self.assertEqual((other.returncode, other.stderr.count("\n")), (2, 1), other.stderr)
        self.assertIn("another --metric", other.stderr)
        # Of a program to which the most expensive configuration was the truth.
        del results["reference"]
        before = self.path("before")
        os.mkdir(before)
        with open(os.path.join(before, "results.json"), "w", encoding="utf-8") as f:
            json.dump(results, f)
        other = self.run_it(self.path("third"), against=before)
        self.assertEqual((other.returncode, other.stderr.count("\n")), (2, 1), other.stderr)
        self.assertIn("relative to another reference", other.stderr)

    def test_interrupted_it_goes_on_from_there(self):
        good, _ = self.good_run()
        output = self.path("interrupted")
        with subprocess.Popen(self.command(output, jobs="1"), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True) as process:
            first = next((line for line in process.stderr if line.startswith("[")), "")
            self.assertRegex(first, r"^\[1/2\] short\.avi, most expensive configuration: \d")
            process.send_signal(signal.SIGINT)
            out, err = process.communicate()
        self.assertEqual(process.returncode, 130, err)
        self.assertEqual(err.splitlines()[-1], "oneadapt-eval: interrupted; finished runs are kept, the same command goes on from there")
        self.assertEqual(out, "")
        self.assertFalse(os.path.exists(os.path.join(output, "results.json")))
        runs = os.listdir(os.path.join(output, "runs"))
        self.assertGreaterEqual(len(runs), 1)
        self.assertTrue(all(name.endswith(".json") for name in runs), runs)
        done = self.run_it(output, jobs="1")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertTrue(done.stderr.startswith("[1/2] short.avi, most expensive configuration: kept from before\n"), done.stderr)
        self.assertRegex(done.stderr, r"oneadapt lambda=5: \d")
        self.assertEqual(numbers(self.results(output)), numbers(self.results(good)))
        # And once more, all of it from what was kept: then even the times are the same.
        again = self.run_it(output, jobs="2")
        self.assertEqual(again.stderr.count("kept from before"), 6, again.stderr)
        self.assertEqual(again.stdout, done.stdout)

    def test_a_shorter_ladder_moves_the_most_expensive_configuration(self):
        output = self.path("ladder")
        done = self.run_it(output, policies="uniform", set="filter.qp-ladder=40,28")  # the last --set holds
        self.assertEqual(done.returncode, 0, done.stderr)
        points = self.results(output)["clips"][0]["curves"][0]["points"]
        self.assertEqual([p["setting"] for p in points], ["qp=28", "qp=40"])
        self.assertEqual(points[0]["bandwidth"], 1)
        good = self.results(self.good_run()[0])["clips"][0]["curves"][0]["points"]
        self.assertLess(points[0]["bytes"], good[0]["bytes"])
        self.assertGreater(points[0]["bytes"], good[1]["bytes"])

    def test_policies_that_profile_count_their_inferences(self):
        output = self.path("profiling")
        changes = {"policies": "profiling,chameleon", "lambdas": "1", "profile-configurations": "3", "profile-budget": "10"}
        done = self.run_it(output, **changes)
        self.assertEqual(done.returncode, 0, done.stderr)
        # Two recordings beside the reference, and what each policy came to, once where both came to the same.
        self.assertRegex(done.stderr, r"\[1/[12]\] short\.avi, (profiling|chameleon) lambda=1: \d")
        for curve in self.results(output)["clips"][0]["curves"]:
            point = curve["points"][0]
            # One full profile of the first second: two configurations besides the streamed one, five frames each.
            if curve["policy"] == "profiling":
                self.assertEqual(point["extra_inferences"], 10)
            else:
                self.assertGreaterEqual(point["extra_inferences"], 10)
            self.assertEqual(point["frames_analysed"], 15)

    def test_dds_sends_twice(self):
        output = self.path("dds")
        changes = {"policies": "uniform,dds,region", "knobs": "qp-map", "lambdas": "0.5", "set": "filter.qp-map-ladder=44,32,20"}
        done = self.run_it(output, **changes)
        self.assertEqual(done.returncode, 0, done.stderr)
        uniform, dds, _ = (c["points"] for c in self.results(output)["clips"][0]["curves"])
        self.assertEqual([p["setting"] for p in dds], ["qp=44+32", "qp=32+20"])
        for twice, once in zip(dds, reversed(uniform)):
            # The first pass is the uniform run of that QP; the second one comes on top.
            self.assertEqual(twice["frames_analysed"], 15)
            self.assertTrue(0 < twice["extra_inferences"] <= 15, twice["extra_inferences"])
            self.assertGreater(twice["bytes"], once["bytes"])
            self.assertLess(twice["bytes"], 2 * uniform[0]["bytes"])
            self.assertGreater(twice["sensor_cpu_s"], once["sensor_cpu_s"])
            self.assertGreaterEqual(twice["feedback_bytes"], 18 * twice["extra_inferences"])
            self.assertAlmostEqual(sum(i["kbps"] for i in twice["intervals"]) * 125, twice["bytes"], delta=1)
        self.assertEqual(dds[0]["intervals"][0]["knobs"], {"qp-map": 44, "second pass": 32})
        self.assertIn("dds qp=44+32, second pass", done.stderr)
        # The same once more: nothing is run again; λ is not its business.
        again = self.run_it(output, **{**changes, "policies": "dds", "lambdas": "5"})
        self.assertEqual(again.stderr.count("kept from before"), 6, again.stderr)
        self.assertEqual(self.results(output)["clips"][0]["curves"][0]["points"], dds)
        # A ladder of one rung has no second pass.
        one = self.run_it(self.path("one"), policies="dds", set="filter.qp-ladder=40")
        self.assertEqual(one.returncode, 2)
        self.assertIn("--policies: dds wants two QPs", one.stderr)

    def test_casva_is_trained_and_evaluated(self):
        output, network = self.path("casva"), self.path("casva.json")
        trained = self.run_it(output, **{"train-casva": network})
        self.assertEqual(trained.returncode, 0, trained.stderr)
        self.assertEqual(len(trained.stderr.splitlines()), 4, trained.stderr)  # a run for each rung, and the reference
        # Three states, three candidates, seconds 0 → 1 and 1 → 2.
        self.assertRegex(trained.stdout, r"\(18 samples\)\n  on what it was trained on +accuracy 0\.\d+ +resource [\d.]+ %")
        self.assertIn("not known with one clip", trained.stdout)
        self.assertFalse(os.path.exists(os.path.join(output, "results.json")))
        with open(network, encoding="utf-8") as f:
            text = f.read()
        file = json.loads(text)
        self.assertEqual((file["format"], file["version"], file["knobs"]), ("oneadapt-casva", 1, ["qp"]))
        self.assertEqual(len(file["weights"]), file["hidden"] * 6 + 2 * (file["hidden"] + 1))
        about = file["trained_on"]
        self.assertEqual((about["clips"], about["ladders"], about["samples"], about["model"], about["fps"]),
                         (["short.avi"], [{"qp": [44, 32, 20]}], 18, "nanodet.pt", 5))
        # The same once more: the runs are kept, and the file is the same to the byte.
        again = self.run_it(output, **{"train-casva": network})
        self.assertEqual(again.stderr.count("kept from before"), 4, again.stderr)
        with open(network, encoding="utf-8") as f:
            self.assertEqual(f.read(), text)

        changes = {"policies": "uniform,casva", "lambdas": "0,20", "policy-file": network}
        done = self.run_it(output, **changes)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stderr.count("kept from before"), 4, done.stderr)
        casva = self.results(output)["clips"][0]["curves"][1]
        self.assertEqual(casva["policy"], "casva")
        dear, cheap = casva["points"]
        self.assertLess(cheap["bandwidth"], dear["bandwidth"])
        for point in (dear, cheap):
            self.assertEqual((point["feedback_bytes"], point["gradient_s"], point["extra_inferences"]), (0, 0, 0))
            self.assertEqual(len(point["intervals"]), 3)
            for interval in point["intervals"]:
                self.assertIn(interval["knobs"]["qp"], (44, 32, 20))
        self.assertEqual([i["knobs"]["qp"] for i in cheap["intervals"]], [44, 44, 44])
        # Another network under the same name is another policy: here one that always wants the finest picture.
        file["hidden"], file["weights"] = 1, [0, 0, 0, 0, 1, 0] + [1, 0, -1, 0]
        with open(network, "w", encoding="utf-8") as f:
            json.dump(file, f)
        other = self.run_it(output, **changes)
        self.assertEqual(other.stderr.count("kept from before"), 4, other.stderr)
        cheap = self.results(output)["clips"][0]["curves"][1]["points"][1]
        self.assertEqual([i["knobs"]["qp"] for i in cheap["intervals"]], [44, 20, 20])

    def test_granularity(self):
        output = self.path("granularity")
        done = self.run_it(output, policies=None, knobs="qp-map", lambdas="0.5", figure="granularity",
                           set="filter.qp-map-ladder=32,20")
        self.assertEqual(done.returncode, 0, done.stderr)
        figure = self.results(output)["figures"]["granularity"]
        rows = figure["clips"][0]["rows"]
        # 768×576 is 48×36 macroblocks.
        self.assertEqual([(r["wanted"], r["side"], r["blocks"]) for r in rows],
                         [(4, 24, 4), (16, 10, 20), (64, 5, 80), (None, 1, 1728)])
        for row in rows:
            self.assertEqual((len(row["points"]), len(row["region_points"])), (1, 1))
            for point in row["points"] + row["region_points"]:
                self.assertTrue(0 < point["bandwidth"] <= 1 and 0 <= point["accuracy"] <= 1, point)
            for against in ("against_uniform", "against_region", "against_fine_region"):
                self.assertIn(against, row)
        # The property does something.
        self.assertGreater(len({p["bandwidth"] for r in rows for p in r["points"]}), 2)
        self.assertEqual([m["wanted"] for m in figure["mean"]], [4, 16, 64, None])
        self.assertIn("more knobs, more gain", done.stdout)

    def test_figures_of_the_paper(self):
        output = self.path("figures")
        done = self.run_it(output, policies=None, lambdas="1", figure="gradient-correlation,gradient-reuse,convergence")
        self.assertEqual(done.returncode, 0, done.stderr)
        figures = self.results(output)["figures"]
        self.assertEqual(sorted(figures), ["convergence", "gradient-correlation", "gradient-reuse"])
        correlation, reuse = figures["gradient-correlation"], figures["gradient-reuse"]
        self.assertEqual([r["configuration"]["qp"] for r in correlation["rows"]], [32, 44])
        for cosine in correlation["cosines"] + correlation["cosines_per_second"] + reuse["cosine"]:
            self.assertTrue(-1 <= cosine <= 1 + 1e-9, cosine)
        self.assertEqual(reuse["distance"], list(range(1, 15)))  # fifteen frames, a gradient on each
        self.assertGreater(reuse["cosine"][0], 0.5)
        self.assertEqual([len(c["points"]) for c in reuse["tradeoff"][0]["curves"]], [1, 1])
        self.assertEqual([(r["start"], len(r["objective"])) for r in figures["convergence"]],
                         [("cheapest", 3), ("most expensive", 3)])
        # From the most expensive configuration the first second is worth its accuracy - 1.
        self.assertTrue(-0.5 < figures["convergence"][1]["objective"][0] <= 0, figures["convergence"][1])
        for text in ("Cosine of OutputGrad and AccGrad", "One gradient an interval against one a frame", "Objective"):
            self.assertIn(text, done.stdout)

    def test_help_and_version(self):
        for option in ("--help", "--version"):
            done = subprocess.run([PROGRAM, option], capture_output=True, text=True)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.assertTrue(done.stdout)


if not os.path.exists(CLIP) or not os.path.exists(MODEL):
    print("skipped: there is no clips/vtest.avi or models/nanodet.pt (tools/setup.sh makes them)")
    sys.exit(77)
unittest.main(argv=sys.argv[:1], verbosity=2)
