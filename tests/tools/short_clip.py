# SPDX-License-Identifier: LGPL-2.1-or-later
"""A test case with a folder of its own and the first frames of the default clip in it."""
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

PROGRAM, CUT_CLIP, ROOT = sys.argv[1:4]
CLIP, MODEL = os.path.join(ROOT, "clips/vtest.avi"), os.path.join(ROOT, "models/nanodet.pt")
# Once in ten thousand clips or so, a decodebin that is built or torn down has a pad store events in the wrong order.
# Nothing is lost then; GStreamer says so all the same.
OF_DECODEBIN = re.compile(r"\n?\([^()\n]*:\d+\): GStreamer-WARNING \*\*: [^\n]*: Sticky event misordering, [^\n]*\n")


def own_text(text):
    """What the program itself printed."""
    return OF_DECODEBIN.sub("", text)


class ShortClip(unittest.TestCase):
    NAME = "short.avi"

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="oneadapt-")
        cls.clip = cls.path(cls.NAME)
        subprocess.run([CUT_CLIP, CLIP, cls.clip, "30"], check=True)

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)

    @classmethod
    def path(cls, name):
        return os.path.join(cls.folder, name)
