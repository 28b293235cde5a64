# SPDX-License-Identifier: LGPL-2.1-or-later
"""Programs that are interrupted."""
import re
import signal
import subprocess
import time

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def start(command, **named):
    """With the signals as a shell in a terminal hands them down, whoever runs the tests."""
    def reset():
        for number in SIGNALS:
            signal.signal(number, signal.SIG_DFL)
    # pylint: disable-next=consider-using-with,subprocess-popen-preexec-fn
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=reset, **named)


def wait_until_it_listens(process):
    """Until the program has its own way to end at a signal. SIGPIPE is the last that it is given, and no library takes it;
    LibTorch 2 has a handler of SIGHUP from the start."""
    caught = 0
    while not caught & 1 << (signal.SIGPIPE - 1):
        assert process.poll() is None, f"it ended by itself: {process.communicate()}"
        with open(f"/proc/{process.pid}/status", encoding="utf-8") as f:
            caught = int(re.search(r"^SigCgt:\s*(\w+)", f.read(), re.M)[1], 16)
        time.sleep(0.001)
