# SPDX-License-Identifier: LGPL-2.1-or-later
"""Ports for processes that talk to each other, and when the one that must be there first is: once it has the ports that
its command names."""
import os
import random
import re
import time

PATIENCE = 300  # seconds until a process that must listen is given up; on a busy machine its libraries alone take a while


def free_ports():
    """The first of ten ports in a row, a multiple of ten, that nobody has; never the same twice. Below those that the
    system gives to whoever asks for any (net.ipv4.ip_local_port_range)."""
    while True:
        port = random.randrange(1000, 3200) * 10
        used = {p for _, p in open_ports(os.getpid())} | given
        if not used & set(range(port, port + 10)):
            given.add(port)
            return port


given = set()


def ports_of(command):
    """{(protocol, port)} that a launch line, or a server's command line, listens on itself."""
    found = {("udp", int(port)) for port in re.findall(r"udpsrc\b[^!]*?\bport=(\d+)", command)}
    return found | {("tcp", int(port)) for port in re.findall(r"--(?:port|serve|record)[= ](\d+)", command)}


def open_ports(pid):
    """{(protocol, port)} that are open in the process's network namespace."""
    found = set()
    for name in ("udp", "udp6", "tcp", "tcp6"):
        try:
            with open(f"/proc/{pid}/net/{name}", encoding="ascii") as f:
                rows = [line.split() for line in f.readlines()[1:]]
        except OSError:  # it has ended, or there is no IPv6
            continue
        listening = "0A"  # TCP_LISTEN, include/net/tcp_states.h
        found |= {(name[:3], int(row[1].rsplit(":", 1)[1], 16)) for row in rows if name.startswith("udp") or row[3] == listening}
    return found


def wait_for(process, command):
    """Until `process` (subprocess.Popen) has its ports or has ended. An empty string, or what is wrong."""
    wanted = ports_of(command)
    if not wanted:
        return f"nothing to wait for: this listens on no port that it names: {command}"
    until = time.monotonic() + PATIENCE
    while process.poll() is None and time.monotonic() < until:
        if wanted <= open_ports(process.pid):
            return ""
        time.sleep(0.1)
    return f"it never listened on {sorted(wanted)}: {command}"
