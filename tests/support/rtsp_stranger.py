# SPDX-License-Identifier: LGPL-2.1-or-later
"""An RTSP client that sends what it is told to, right or wrong."""
import base64
import hashlib
import re
import socket
import ssl

SDP = ("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=x\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\nc=IN IP4 0.0.0.0\r\n"
       "a=rtpmap:96 H264/90000\r\na=control:stream=0\r\n")


def sdp_of(width, height):
    """A session description whose H.264 parameter sets say this size; both are multiples of 16."""
    def exp_golomb(*values):
        return "".join("0" * ((v + 1).bit_length() - 1) + f"{v + 1:b}" for v in values)
    # seq_parameter_set_data() of the Baseline profile (ITU-T H.264, 7.3.2.1.1).
    bits = exp_golomb(0, 0, 2, 1) + "0" + exp_golomb(width // 16 - 1, height // 16 - 1) + "1100" + "1"
    bits += "0" * (-len(bits) % 8)
    sequence = bytes((0x67, 66, 0xC0, 51)) + int(bits, 2).to_bytes(len(bits) // 8, "big")
    sets = ",".join(base64.b64encode(s).decode() for s in (sequence, b"\x68\xce\x3c\x80"))
    return SDP + f"a=fmtp:96 packetization-mode=1;sprop-parameter-sets={sets}\r\n"


PATIENCE = 120  # seconds until an answer that must come is given up


class Stranger:
    def __init__(self, port, tls=False):
        self.port, self.number, self.session, self.user, self.headers = port, 0, None, None, ""
        self.scheme = "rtsps" if tls else "rtsp"
        self.socket = socket.create_connection(("127.0.0.1", port), PATIENCE)
        if tls:
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            self.socket = context.wrap_socket(self.socket)
        self.rest = b""

    def url(self, path):
        return path if path == "*" else f"{self.scheme}://127.0.0.1:{self.port}/{path}"

    def send(self, method, path, *headers, body=""):
        self.number += 1
        lines = [f"{method} {self.url(path)} RTSP/1.0", f"CSeq: {self.number}", *headers]
        if self.session:
            lines.append(f"Session: {self.session}")
        if self.user:
            lines.append("Authorization: " + self.digest(method, self.url(path)))
        if body:
            lines.append(f"Content-Length: {len(body)}")
        self.socket.sendall(("\r\n".join(lines) + "\r\n\r\n").encode() + (body if isinstance(body, bytes) else body.encode()))

    def answer(self):
        """Status of the next answer; 0: the connection was closed."""
        while True:
            head, found, rest = self.rest.partition(b"\r\n\r\n")
            length = re.search(rb"(?i)content-length: *(\d+)", head)
            if found and len(rest) >= int(length[1] if length else 0):
                break
            try:
                more = self.socket.recv(65536)
            except ConnectionError:
                more = b""
            if not more:
                return 0
            self.rest += more
        self.rest = rest[int(length[1]) if length else 0:]
        self.headers = head.decode("latin1")
        session = re.search(r"(?i)session: *([^;\r\n]+)", self.headers)
        self.session = session[1] if session else self.session
        return int(self.headers.split()[1])

    def ask(self, *what, **more):
        try:
            self.send(*what, **more)
        except OSError:
            return 0
        return self.answer()

    def announce(self, name, *headers, sdp=SDP):
        return self.ask("ANNOUNCE", name, "Content-Type: application/sdp", *headers, body=sdp)

    def record(self, name):
        """Statuses of the three requests that a camera makes."""
        return [self.announce(name),
                self.ask("SETUP", name + "/stream=0", "Transport: RTP/AVP/TCP;unicast;interleaved=0-1;mode=record"),
                self.ask("RECORD", name, "Range: npt=now-")]

    def log_in(self, user, password):
        """After an answer that asks for it."""
        self.user = (user, password, re.search(r'realm="([^"]*)"', self.headers)[1], re.search(r'nonce="([^"]*)"', self.headers)[1])

    def digest(self, method, url):
        user, password, realm, nonce = self.user
        def md5(text):
            return hashlib.md5(text.encode()).hexdigest()
        response = md5(f"{md5(f'{user}:{realm}:{password}')}:{nonce}:{md5(f'{method}:{url}')}")
        return f'Digest username="{user}", realm="{realm}", nonce="{nonce}", uri="{url}", response="{response}"'

    def closed(self):
        """Whether the other side has closed by now; reads what has come."""
        self.socket.setblocking(False)
        try:
            while self.socket.recv(65536):
                pass
            return True
        except (BlockingIOError, ssl.SSLWantReadError):
            return False
        except OSError:
            return True
        finally:
            self.socket.settimeout(PATIENCE)

    def close(self):
        self.socket.close()
