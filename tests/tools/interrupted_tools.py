#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""oneadapt-import, -inspect, -train-speech and -train-lidar when they are interrupted, and when they cannot write.

Usage: interrupted_tools.py SOURCE_ROOT IMPORT INSPECT TRAIN_SPEECH TRAIN_LIDAR
"""
import itertools
import math
import os
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
import unittest
import wave

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../support"))
import interruption  # noqa: E402  # pylint: disable=wrong-import-position

ROOT, IMPORT, INSPECT, TRAIN, LIDAR = sys.argv[1:6]
MODEL = os.path.join(ROOT, "tools/train-speech/digits-ctc.pt")
RATE = 16000


def save_tones(folder):
    for word in range(10):
        with wave.open(os.path.join(folder, f"{word}_tone_0.wav"), "wb") as f:
            f.setnchannels(1)
            f.setsampwidth(2)
            f.setframerate(RATE)
            f.writeframes(b"".join(struct.pack("<h", int(9000 * math.sin(2 * math.pi * (300 + 150 * word) * i / RATE)))
                                   for i in range(RATE * 2 // 5)))


class InterruptedTools(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="oneadapt-")
        cls.tones = os.path.join(cls.folder, "tones")
        os.mkdir(cls.tones)
        save_tones(cls.tones)

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)

    def output(self):
        """A new, empty folder."""
        return tempfile.mkdtemp(dir=self.folder)

    def commands(self, output):
        """What runs for long enough to be interrupted, and what it would write."""
        file = os.path.join(output, "file")
        return {
            "oneadapt-import": [IMPORT, "--describe", MODEL, file, "--set", "name=again"],
            "oneadapt-inspect": [INSPECT, MODEL, "--repeat", "10000", "--json", file],
            "oneadapt-train-lidar": [LIDAR, "train", "--steps", "100000", "--output", file],
            "oneadapt-train-speech": [TRAIN, "train", "--data", self.tones, "--steps", "100000", "--output", file],
        }

    def test_one_line_and_no_half_file(self):
        for number, program in zip(itertools.cycle(interruption.SIGNALS), self.commands("")):
            with self.subTest(program=program, signal=number):
                output = self.output()
                with interruption.start(self.commands(output)[program]) as process:
                    interruption.wait_until_it_listens(process)
                    process.send_signal(number)
                    _, err = process.communicate()
                self.assertEqual(process.returncode, 130, err)
                said = [line for line in err.splitlines() if line.startswith(program)]
                self.assertEqual(len(said), 1, err)
                self.assertTrue(said[0].startswith(program + ": interrupted; "), err)
                self.assertEqual(err.splitlines()[-1], said[0])
                self.assertEqual(os.listdir(output), [])

    def test_a_second_signal_ends_at_once(self):
        # It cannot print its line, because nobody reads what it has printed already: only the second signal ends it.
        command = [INSPECT, MODEL, "--repeat", "10000"]
        reader, writer = os.pipe()
        os.set_blocking(writer, False)
        try:
            while os.write(writer, b"x" * 4096):
                pass
        except BlockingIOError:
            pass
        os.set_blocking(writer, True)
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=writer) as process:
            os.close(writer)
            interruption.wait_until_it_listens(process)
            process.send_signal(signal.SIGTERM)
            with self.assertRaises(subprocess.TimeoutExpired):
                process.wait(1)
            process.send_signal(signal.SIGINT)
            self.assertEqual(process.wait(), 130)
        os.close(reader)

    def test_nohup_goes_on(self):
        with subprocess.Popen([INSPECT, MODEL, "--repeat", "2"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                              preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN)) as process:
            time.sleep(0.05)
            process.send_signal(signal.SIGHUP)
            _, err = process.communicate()
        self.assertEqual((process.returncode, "interrupted" in err), (0, False), err)

    def test_an_output_that_cannot_be_written(self):
        missing = os.path.join(self.folder, "missing", "file")
        mix = [TRAIN, "mix", "--data", self.tones, "--mix", "quiet", "--seconds", "5"]
        wav = os.path.join(self.output(), "mix.wav")
        full, missing = ("/dev/full", "make room"), (missing, "make its folder")
        describe = self.commands(self.output())["oneadapt-import"]
        train = self.commands(self.output())["oneadapt-train-speech"]
        lidar = self.commands(self.output())["oneadapt-train-lidar"]
        inspect = [INSPECT, MODEL, "--repeat", "0"]
        cases = [
            (describe[:3] + [full[0], *describe[4:]], "OUTPUT", *full),
            (describe[:3] + [missing[0], *describe[4:]], "OUTPUT", *missing),
            (inspect + ["--json", full[0]], "--json", *full),
            (inspect + ["--json", missing[0]], "--json", *missing),
            (inspect + ["--output", MODEL], "--output", MODEL, "name a folder"),
            (mix + ["--output", full[0]], "--output", *full),
            (mix + ["--output", wav, "--truth", full[0]], "--truth", *full),
            (mix + ["--output", self.folder], "--output", self.folder, "name a file"),
            (train[:-1] + [missing[0]], "--output", *missing),  # said before the training, which would last for hours
            (train + ["--curve", full[0]], "--curve", *full),
            (lidar[:-1] + [missing[0]], "--output", *missing),
            (lidar + ["--curve", full[0]], "--curve", *full),
        ]
        for command, option, path, remedy in cases:
            with self.subTest(command=command):
                done = subprocess.run(command, capture_output=True, text=True, check=False)
                self.assertGreater(done.returncode, 0, done.stderr)
                said = done.stderr.splitlines()
                self.assertEqual(len(said), 1, done.stderr)
                self.assertIn(f'{option}: "{path}" cannot be written (', said[0])
                self.assertIn(remedy, said[0])

    def test_a_limit_on_the_size_of_files_is_an_error(self):
        path = os.path.join(self.output(), "copy.pt")
        done = subprocess.run(["sh", "-c", 'ulimit -f 8; exec "$@"', "sh", IMPORT, "--describe", MODEL, path, "--set", "name=again"],
                              capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("ulimit -f", done.stderr)
        self.assertEqual(os.listdir(os.path.dirname(path)), [])

    def test_a_full_standard_output(self):
        with open("/dev/full", "w", encoding="utf-8") as full:
            for command in ([INSPECT, MODEL, "--repeat", "0"], [INSPECT, MODEL, "--repeat", "0", "--json", "-"], [IMPORT, "--presets"]):
                done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
                self.assertGreater(done.returncode, 0)
                self.assertIn("standard output cannot be written", done.stderr)


unittest.main(argv=sys.argv[:1], verbosity=2)
