# SPDX-License-Identifier: LGPL-2.1-or-later
"""Camera and DNN as two processes: launch lines for each transport, and what the processes say of themselves."""
import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../support"))
import listening

CAPS = "application/x-rtp,media=video,clock-rate=90000,encoding-name=H264,payload=96"
RTP = ["rtcp", "udp", "tcp"]
RTSP = ["rtsp-udp", "rtsp-tcp", "rtsp-pull-udp", "rtsp-pull-tcp"]


def skip(why):
    print(f"skipped: {why}")
    sys.exit(77)


class Clip:
    """Frames of clips/vtest.avi as JPEG files, to be played round and round at their own pace."""

    def __init__(self, a, folder, seconds):
        self.fps, self.folder = a.fps, folder
        self.model = a.model or os.path.join(a.root, "models/nanodet.pt")
        self.classes = "" if a.model else "person"
        self.input_size = a.input_size
        clip, width, height, fps = os.path.join(a.root, "clips/vtest.avi"), a.width, a.height, a.fps
        for needed in (self.model, clip):
            if not os.path.exists(needed):
                skip(f"there is no {needed} (tools/setup.sh makes it)")
        subprocess.run(["gst-launch-1.0", "-q", "filesrc", f"location={clip}", "!", "decodebin", "!", "videoconvertscale", "!", "videorate", "!",
                        f"video/x-raw,format=I420,width={width},height={height},framerate={fps}/1", "!", "identity", f"eos-after={fps * seconds + 1}", "!",
                        "jpegenc", "quality=95", "!", "multifilesink", f"location={folder}/%05d.jpg"], check=True)

    def source(self):
        return (f"multifilesrc location={self.folder}/%05d.jpg loop=true caps=image/jpeg,framerate={self.fps}/1 ! jpegdec ! videoconvert ! "
                "video/x-raw,format=I420 ! identity sync=true")

    def camera(self, ctl="", filter=""):
        return f"{self.source()} ! oneadaptctl name=ctl {ctl} ! oneadaptfilter name=filter {filter} ! h264parse config-interval=-1"

    def dnn(self, more=""):
        return (f"h264parse ! avdec_h264 max-threads=1 ! videoconvert ! oneadaptdnn name=dnn model={self.model} classes=\"{self.classes}\" threads=1 input-size={self.input_size} {more} ! "
                "fakesink sync=false")


def two_ends(clip, transport, ctl="", filter="", here="127.0.0.1", there="127.0.0.1", latency=100):
    """(arguments of the camera, of the DNN, whether the camera is to start first). `here`: the camera's address."""
    p = listening.free_ports()
    if transport == "rtcp":
        return ([f"rtpbin name=rtp {clip.camera(ctl, filter)} ! rtph264pay ssrc=7 ! identity name=wire ! rtp.send_rtp_sink_0 rtp.send_rtp_src_0 ! "
                 f"udpsink host={there} port={p} bind-port={p + 2} rtp.send_rtcp_src_0 ! "
                 f"udpsink host={there} port={p + 1} bind-port={p + 3} sync=false async=false "
                 f"udpsrc address={here} port={p + 5} ! rtp.recv_rtcp_sink_0"],
                [f"rtpbin name=rtp latency={latency} udpsrc address={there} port={p} caps={CAPS} ! rtp.recv_rtp_sink_0 rtp. ! identity name=wire ! "
                 f"rtph264depay ! {clip.dnn()} udpsrc address={there} port={p + 1} ! rtp.recv_rtcp_sink_0 rtp.send_rtcp_src_0 ! "
                 f"udpsink host={here} port={p + 5} sync=false async=false"], False)
    if transport in RTP:
        where = f"feedback={transport}://{here}:{p + 5}"
        return ([f"{clip.camera(ctl + ' ' + where, filter)} ! rtph264pay ssrc=7 ! identity name=wire ! udpsink host={there} port={p}"],
                [f"udpsrc address={there} port={p} caps={CAPS} ! rtpjitterbuffer latency={latency} ! identity name=wire ! rtph264depay ! "
                 f"{clip.dnn(where)}"], False)
    protocol, url = transport.rsplit("-", 1)[1], f"rtsp://127.0.0.1:{p}/live"
    if "pull" in transport:
        return (["--serve", str(p), f"{clip.camera(ctl, filter)} ! rtph264pay name=pay0 pt=96"],
                [f"rtspsrc latency={latency} protocols={protocol} location={url} ! rtph264depay ! {clip.dnn()}"], True)
    return ([f"{clip.camera(ctl, filter)} ! rtspclientsink latency={latency} protocols={protocol} location={url}"],
            ["--record", str(p), f"rtph264depay name=depay0 ! {clip.dnn()}"], False)


class Frame:
    """What passed an element called wire, in seconds."""

    def __init__(self, first):
        self.packets, self.bytes, self.key, self.first, self.last = 0, 0, False, first, first


def frames(packets):
    """{RTP time: Frame}, in order of arrival."""
    out = {}
    for stamp, size, key, t in packets:
        f = out.setdefault(stamp, Frame(t / 1e6))
        f.packets, f.bytes, f.key, f.last = f.packets + 1, f.bytes + size, f.key or key, t / 1e6
    return out


class End:
    """A running soak-end, and what it has said."""

    def __init__(self, program, arguments, prefix=()):
        self.command = " ".join(arguments)
        self.process = subprocess.Popen([*prefix, program, *arguments], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.decisions, self.stats, self.packets, self.error = {}, {}, [], None
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for text in self.process.stdout:
            try:
                line = json.loads(text)
            except ValueError:  # the last one of a process that was killed
                continue
            if "decision" in line:
                self.decisions[int(line["decision"]["interval"])] = line["decision"]
            self.stats = line.get("stats", self.stats)
            self.packets += line.get("packets", [])
            self.error = line.get("error", self.error)

    def number(self, element, field, inner=None):
        stats = (self.stats.get(element) or {})
        return (stats.get(inner) or {}).get(field, 0) if inner else stats.get(field, 0)

    @property
    def gradients(self):
        """Taken by the controller."""
        return self.number("ctl", "gradients") + self.number("ctl", "early-gradients")

    def wait_for_ports(self):
        """Until it listens, which the other end needs of the one that is first."""
        wrong = listening.wait_for(self.process, self.command)
        if wrong:
            raise SystemExit(f"FAILED: {wrong}: {self.error}")

    def alive(self):
        return self.process.poll() is None

    def footprint(self):
        """(KiB of memory in use, threads, file descriptors)"""
        proc = f"/proc/{self.process.pid}"
        fields = dict(line.split(":", 1) for line in open(proc + "/status", encoding="utf-8"))
        return int(fields["RssAnon"].split()[0]), int(fields["Threads"]), len(os.listdir(proc + "/fd"))

    def descriptors(self):
        """What its file descriptors are, by number."""
        folder, found = f"/proc/{self.process.pid}/fd", {}
        for number in os.listdir(folder):
            try:
                found[number] = os.readlink(f"{folder}/{number}")
            except OSError:
                pass  # closed meanwhile
        return found

    def end(self):
        if self.alive():
            self.process.terminate()
            try:
                self.process.wait(listening.PATIENCE)
            except subprocess.TimeoutExpired:
                self.process.kill()
        self.process.wait()
        self.reader.join(5)

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.reader.join(5)


def qp_of(decision):
    """The QP that was decided."""
    return next(k["next"] for k in decision["knobs"] if k["name"] == "qp")


def with_feedback(decisions):
    """The QPs of decisions that a gradient was there for, in their order."""
    return [qp_of(d) for _, d in sorted(decisions.items()) if d["feedback"]]


def wait_until(holds, seconds=listening.PATIENCE):
    """Whether it holds before it is given up."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if holds():
            return True
        time.sleep(0.1)
    return holds()


def arguments(text, **defaults):
    """The options that all programs here have, with these defaults."""
    parser = argparse.ArgumentParser(description=text, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root", help="source tree, with clips/ and models/")
    parser.add_argument("end", help="soak-end, as built")
    size = defaults.pop("size", "384x288")
    for name, value in defaults.items():
        parser.add_argument("--" + name, type=type(value), default=value, help=f"(default: {value})")
    parser.add_argument("--size", default=size, help=f"of the pictures (default: {size})")
    parser.add_argument("--input-size", default="auto", help="of the DNN; auto: as the pictures (default: auto)")
    parser.add_argument("--model", help="(default: models/nanodet.pt, of whose labels: person)")
    a = parser.parse_args()
    a.root, a.end = os.path.abspath(a.root), os.path.abspath(a.end)
    a.width, a.height = map(int, a.size.split("x"))
    return a


class Folder:
    def __enter__(self):
        self.path = tempfile.mkdtemp()
        return self.path

    def __exit__(self, *_):
        shutil.rmtree(self.path, ignore_errors=True)
