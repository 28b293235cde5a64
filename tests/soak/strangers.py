#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""oneadapt-server among strangers: what anybody may send it, while two honest cameras record.

At least 95 % (--share) of the frames of both are analysed, and as many of their intervals have a gradient; a new camera
gets in; memory and descriptors are given back.

Usage: strangers.py ROOT SERVER --model MODEL [--connections N] [--handshakes N] [--ends N] [--megabytes N] [--share X]
       [--only A,B,..]
"""
import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../support"))
from honest import MOST_GROWTH, PATIENCE, Camera, Honest, Server, calm, eventually, newcomer, running
from rtsp_stranger import Stranger, sdp_of

PATIENT_WITH_A_WRITE = 10  # seconds



def silent(a, folder):
    """More connections than there are descriptors, which say nothing, or half a request."""
    server = Server(a, folder, "--max-connections", "100", "--max-connections-per-address", "80", limit=400)
    honest = Honest(server)
    before = server.memory(), server.descriptors()
    halves = [b"", b"OPTIONS rtsp://127.0.0.1/x RT", b"ANNOUNCE rtsp://127.0.0.1/x RTSP/1.0\r\nCSeq: 1\r\n"]
    kept = []
    for i in range(a.connections):
        stranger = Stranger(server.port)
        if halves[i % 3]:
            stranger.socket.sendall(halves[i % 3])
        kept.append(stranger)
        if len(kept) > 800:  # our own descriptors
            kept.pop(0).close()
    assert server.descriptors() < before[1] + 110, server.descriptors()
    assert sum(not s.closed() for s in kept) <= 80
    newcomer(server)
    honest.check(f"{a.connections} silent connections")
    eventually("who says nothing is sent away", lambda: all(s.closed() for s in kept))
    calm(server, before)
    # Those who say something, and then nothing.
    kept = []
    for _ in range(200):
        kept.append(Stranger(server.port))
        try:
            kept[-1].ask("OPTIONS", "*")
        except OSError:
            pass
    newcomer(server)
    honest.check("200 idle clients")
    for stranger in kept:
        stranger.close()
    honest.end()
    server.end()


def half_handshakes(a, folder):
    """TLS connections that stop in the middle, early and late."""
    if not shutil.which("openssl"):
        print("  LEFT OUT: there is no openssl")
        return
    certificate, key = os.path.join(folder, "certificate.pem"), os.path.join(folder, "key.pem")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate, "-days", "2", "-subj",
                    "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True)
    server = Server(a, folder, "--tls-certificate", certificate, "--tls-key", key)
    trusting = ("tls-validation-flags=0",)
    honest = Honest(server, *trusting)
    before = server.memory(), server.descriptors()
    hello = hello_of_a_client()
    kept = []
    for i in range(a.handshakes):
        kept.append(Stranger(server.port))
        kept[-1].socket.sendall(hello if i % 2 else hello[:7])
    newcomer(server, *trusting)
    honest.check(f"{a.handshakes} half handshakes")
    plain = Stranger(server.port)
    assert plain.ask("OPTIONS", "*") == 0, "RTSP without TLS is answered"
    eventually("half handshakes are given up", lambda: all(s.closed() for s in kept))
    calm(server, before)
    honest.end()
    server.end()


def hello_of_a_client():
    """The first bytes of a TLS client."""
    import ssl
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(incoming, outgoing)
    try:
        tls.do_handshake()
    except ssl.SSLWantReadError:
        pass
    return outgoing.read()


def endless(a, folder):
    """Requests without an end: the first one, and one after a good one."""
    server = Server(a, folder)
    honest = Honest(server)
    before = server.memory(), server.descriptors()
    lines = {"long lines": b"X-A: " + b"a" * 60000 + b"\r\n", "short lines": b"X:a\r\n" * 10000, "one line": b"a" * 50000}
    for what, block in lines.items():
        for first in (True, False):
            stranger = Stranger(server.port)
            if not first:
                assert stranger.ask("OPTIONS", "*") == 200
            sent, most = 0, before[0]
            stranger.socket.settimeout(PATIENT_WITH_A_WRITE)
            try:
                stranger.socket.sendall(b"OPTIONS rtsp://127.0.0.1/x RTSP/1.0\r\nCSeq: 9\r\n" if what != "one line" else b"OPTIONS ")
                while sent < a.megabytes << 20:
                    stranger.socket.sendall(block)
                    sent += len(block)
                    most = max(most, server.memory())
                raise AssertionError(f"{what}: {sent >> 20} MB were taken")
            except OSError:  # also when the other side does not read any more: its kernel says so minutes later
                assert stranger.closed()
                print(f"  {what}{'' if first else ', second request'}: closed after {sent >> 10} kB, memory at most {most >> 20} MB", flush=True)
            assert most < before[0] + MOST_GROWTH, most
            stranger.close()
    honest.check("endless requests")
    calm(server, before)
    honest.end()
    server.end()


def held_names(a, folder):
    """With passwords: nobody holds a name, learns which are taken, or touches a session."""
    users = os.path.join(folder, "users")
    with open(users, "wb") as f:
        f.write(b"\xef\xbb\xbf# who may\r\nanna:secret\r\n  # ben:away\r\nclara:other\r\n")
    server = Server(a, folder, "--users", users, "--max-streams", "3")
    honest = Honest(server, "user-id=anna", "user-pw=secret")
    for i in range(70):
        stranger = Stranger(server.port)
        header = ["Authorization: Digest", "Authorization: Basic Og==", 'Authorization: Digest username="anna"', "X: y"][i % 4]
        for name in ("left", f"free{i}", "no/name"):
            assert stranger.announce(name, header) == 401, (header, name)
        assert stranger.ask("DESCRIBE", "left/view", header) == 401
        assert stranger.ask("OPTIONS", "*") == 200
        stranger.close()
    guessing = Stranger(server.port)
    for _ in range(100):
        if guessing.announce("x", "Authorization: Digest") == 0:
            break
    else:
        raise AssertionError("100 guesses on one connection")
    for user, password in ((" # ben", "away"), ("# ben", "away"), ("anna", "secret\r"), ("", "")):
        nobody = Stranger(server.port)
        nobody.announce("x")
        nobody.log_in(user, password)
        assert nobody.announce("x") == 401, (user, password)
    clara = Stranger(server.port)
    clara.announce("third")
    clara.log_in("clara", "other")
    assert clara.record("third") == [200, 200, 200]
    for other in (None, ("anna", "secret")):
        thief = Stranger(server.port)
        thief.announce("x")
        if other:
            thief.log_in(*other)
        thief.session = clara.session
        for method in ("TEARDOWN", "PAUSE", "SET_PARAMETER", "GET_PARAMETER", "RECORD"):
            assert thief.ask(method, "third") in ([454] if other else [401, 403]), (method, other)
        thief.close()
    assert clara.ask("GET_PARAMETER", "third") == 200
    assert clara.ask("TEARDOWN", "third") == 200
    newcomer(server, "user-id=anna", "user-pw=secret", user=("anna", "secret"))
    honest.check("names and passwords")
    honest.end()
    server.end()


def dawdlers(a, folder):
    """Without passwords: whoever announces and does not record has to give way."""
    server = Server(a, folder, "--max-streams", "3")
    honest = Honest(server)
    over = threading.Event()
    def hold():
        kept = []
        while not over.is_set():
            for i in range(8):
                stranger = Stranger(server.port)
                stranger.announce("newcomer" if i == 0 else f"n{i}")
                kept.append(stranger)
            for stranger in kept[:-16]:
                stranger.close()
            over.wait(3)
    holder = threading.Thread(target=hold, daemon=True)
    holder.start()
    began = time.monotonic()
    def tries():
        camera = Camera(server, "newcomer")
        eventually("it is in, or refused", lambda: camera.process.poll() is not None or "newcomer" in server.streams() and camera.gradients() > 0)
        inside = camera.process.poll() is None
        camera.end()
        return inside
    eventually("a new camera gets in", tries)
    print(f"  a new camera is in after {time.monotonic() - began:.1f} s", flush=True)
    over.set()
    holder.join()
    honest.check("names that nobody records to")
    honest.end()
    server.end()


def large_pictures(a, folder):
    """Few bytes of H.264 that take gigabytes to look at."""
    side = 8192
    clip = coded(folder, "large", side, side, 2, 3, "black")
    server = Server(a, folder)
    honest = Honest(server)
    before = server.memory(), server.descriptors()
    server.peak()
    # Its session description says it.
    stranger = Stranger(server.port)
    assert stranger.announce("announced", sdp=sdp_of(side, side)) == 406
    assert stranger.announce("announced", sdp=sdp_of(1920, 1088)) == 200
    stranger.close()
    # Or keeps it to itself: packets behind their lengths (RFC 4571).
    packets = os.path.join(folder, "packets")
    subprocess.run(["gst-launch-1.0", "-q", *f"filesrc location={clip} ! matroskademux ! h264parse config-interval=-1 ! rtph264pay ! rtpstreampay ! "
                    f"filesink location={packets}".split()], check=True, timeout=PATIENCE)
    stranger = Stranger(server.port)
    assert stranger.record("large") == [200, 200, 200]
    stranger.socket.settimeout(PATIENT_WITH_A_WRITE)
    try:
        with open(packets, "rb") as f:
            while length := f.read(2):
                stranger.socket.sendall(b"$\0" + length + f.read(int.from_bytes(length, "big")))
    except OSError:
        pass  # it has been sent away
    eventually("it is refused", lambda: "--max-picture" in server.line().get("failing", {}).get("large", ""))
    assert f"{side}×{side}" in server.said(), server.said()
    most = server.peak()
    assert most < before[0] + MOST_GROWTH, most
    print(f"  {side}×{side}, {os.path.getsize(clip) >> 10} kB: memory at most {most >> 20} MB", flush=True)
    stranger.close()
    honest.check("large pictures")
    calm(server, before)
    honest.end()
    server.end()


def coded(folder, name, width, height, fps, frames, pattern):
    """A clip of H.264."""
    clip = os.path.join(folder, name + ".mkv")
    subprocess.run(["gst-launch-1.0", "-q", *f"videotestsrc num-buffers={frames} pattern={pattern} ! "
                    f"video/x-raw,format=I420,width={width},height={height},framerate={fps}/1 ! "
                    f"x264enc speed-preset=ultrafast ! h264parse ! matroskamux ! filesink location={clip}".split()], check=True, timeout=PATIENCE)
    return clip


def large_beside_small(a, folder):
    """The largest pictures that may come, many of them, inferred as large as they are: small ones keep their share of the DNN."""
    model = os.path.join(a.root, "models/nanodet.pt")
    if not os.path.exists(model):
        print(f"  LEFT OUT: there is no {model} (tools/setup.sh makes it)")
        return
    clip = coded(folder, "busy", 1920, 1088, 25, 900, "ball")
    server = Server(a, folder, "--input-size", "auto", model=model)
    honest = Honest(server)
    before = server.memory(), server.descriptors()
    time.sleep(10)
    alone = honest.check("alone", 0)
    camera = Camera(server, "busy", source=f"filesrc location={clip} ! matroskademux ! h264parse config-interval=-1 ! identity sync=true")
    eventually("it is inferred", lambda: server.streams().get("busy", {}).get("frames", 0) > 3)
    honest.begin()
    time.sleep(20)
    honest.check("beside a stream of 1920×1088 at 25 fps", alone)
    stream = server.streams()["busy"]
    print(f"  of that one {stream['frames']} frames were analysed, {stream['skipped']} left out", flush=True)
    camera.end()
    eventually("it is gone", lambda: "busy" not in server.streams())
    calm(server, before)
    honest.end()
    server.end()


def odd_descriptions(a, folder):
    """Session descriptions that are none, or of media that nobody can take."""
    server = Server(a, folder)
    honest = Honest(server)
    before = server.memory(), server.descriptors()
    from rtsp_stranger import SDP
    medium = "m=" + SDP.split("m=")[1]
    odd = [SDP.replace("H264", "H265"), SDP.split("m=")[0], SDP.split("m=")[0] + medium * 600, SDP.replace("90000", "0"), SDP.replace("90000", "-1"),
           SDP.replace("90000", "4294967295"), SDP.replace("96", "300"), SDP + "a=fmtp:96 sprop-parameter-sets=" + "A" * 50000 + "\r\n",
           SDP + "a=framesize:96 99999999-99999999\r\n", SDP.replace("RTP/AVP", "RTP/SAVP"), SDP.replace("video", "audio").replace("H264/90000", "PCMU/8000"),
           "\x01\x02" * 2000, SDP.encode().replace(b"video", b"vid\xff\xfeo"), SDP.replace("a=rtpmap:96 H264/90000\r\n", ""), SDP + "a=key-mgmt:mikey " + "A" * 2000 + "\r\n"]
    for _ in range(3):
        for sdp in odd:
            stranger = Stranger(server.port)
            taken = stranger.announce("odd", sdp=sdp) == 200
            # What was refused cannot be set up either.
            status = stranger.ask("SETUP", "odd/stream=0", "Transport: RTP/AVP/TCP;unicast;interleaved=0-1;mode=record")
            assert taken or status == 455, (sdp[:200], status)
            if taken:
                stranger.ask("RECORD", "odd")
            stranger.close()
            time.sleep(0.05)
    newcomer(server)
    honest.check("odd descriptions")
    assert "GStreamer" not in server.said(), server.said()  # a warning or a critical one
    calm(server, before)
    honest.end()
    server.end()


def ends(a, folder):
    """SIGTERM, or SIGHUP, at the moment of RECORD."""
    longest = 0
    for i in range(a.ends):
        server = Server(a, folder)
        stranger = Stranger(server.port)
        assert stranger.record("a") == [200, 200, 200]
        time.sleep((i % 10) * 0.02)
        if i % 4 == 3:
            stranger.close()
        if i % 4 == 2:  # somebody waits for a first picture, which does not come
            viewer = Stranger(server.port)
            viewer.send("DESCRIBE", "a/view")
            time.sleep((i % 8) * 0.05)
        server.process.send_signal(signal.SIGHUP if i % 2 else signal.SIGTERM)
        began = time.monotonic()
        server.process.wait(PATIENCE)
        longest = max(longest, time.monotonic() - began)
        assert server.process.returncode == 130, (i, server.process.returncode, server.said())
        assert "disconnected" in server.said() and "CRITICAL" not in server.said(), server.said()
    print(f"  ended {a.ends} times, each within {longest:.1f} s", flush=True)


TESTS = [silent, half_handshakes, endless, held_names, dawdlers, large_pictures, large_beside_small, odd_descriptions, ends]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("root")
    parser.add_argument("server")
    parser.add_argument("--model", required=True)
    for option, default in (("connections", 5000), ("handshakes", 200), ("ends", 100), ("megabytes", 256)):
        parser.add_argument(f"--{option}", type=int, default=default)
    parser.add_argument("--share", type=float, default=Honest.share)
    parser.add_argument("--only", default="")
    a = parser.parse_args()
    Honest.share = a.share
    wanted = a.only.split(",") if a.only else [test.__name__ for test in TESTS]
    try:
        for test in TESTS:
            if test.__name__ not in wanted:
                continue
            with tempfile.TemporaryDirectory() as folder:
                began = time.monotonic()
                test(a, folder)
                print(f"{test.__name__}: ok, {time.monotonic() - began:.0f} s", flush=True)
    finally:
        for process in running:
            if process.poll() is None:
                process.kill()
                process.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
