# SPDX-License-Identifier: Apache-2.0
"""A small server between picket-ship and the collector that does to the wire
what no configuration of a real one does: it cuts answers at a given byte, with
or without a reset, answers late, never, without end or nonsense, whether or
not the collector got the request.

Each request takes the next step of the script; without one it is passed on as
it should be.
"""
import contextlib
import http.client
import socket
import struct
import threading
import time


class Step:
    """What is done to one request.

    keep     the collector gets it
    answer   bytes instead of the collector's answer
    cut      only so many bytes of the answer, then the connection ends
    reset    by RST, not by FIN
    pause    seconds before each byte of the answer
    repeat   the answer is followed by these bytes until nobody reads
    silent   no answer; the connection stays open
    deaf     nothing is read either
    """

    def __init__(self, keep=True, answer=None, cut=None, reset=False, pause=0,
                 repeat=None, silent=False, deaf=False):
        self.keep, self.answer, self.cut, self.reset = keep, answer, cut, reset
        self.pause, self.repeat = pause, repeat
        self.silent, self.deaf = silent, deaf
        self.request = None     # the collector's number of it, once kept
        self.sent = 0           # bytes of the answer, of `repeat` too
        self.seconds = 0        # from the first line to the last byte
        self.done = threading.Event()

    def __repr__(self):
        return str({k: v for k, v in vars(self).items()
                    if k != "done" and v})


class Middleman:
    def __init__(self, port, script=()):
        self.upstream = port
        self.script = list(script)
        self.taken = []
        self.kept = 0
        self.lock = threading.Lock()
        self.open = set()
        self.listener = socket.create_server(("127.0.0.1", 0))
        # Who does not read is to be noticed in a request of some MiB.
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        # Wakes whoever waits in accept.
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        with self.lock:
            for s in self.open:
                with contextlib.suppress(OSError):
                    s.shutdown(socket.SHUT_RDWR)

    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def _accept(self):
        while True:
            try:
                s, _ = self.listener.accept()
            except OSError:
                return
            with self.lock:
                self.open.add(s)
            threading.Thread(target=self._serve, args=(s,),
                             daemon=True).start()

    def _serve(self, s):
        try:
            with s, s.makefile("rb") as f:
                while self._one(s, f):
                    pass
        except OSError:
            pass
        finally:
            with self.lock:
                self.open.discard(s)

    def _next(self):
        with self.lock:
            step = self.script.pop(0) if self.script else Step()
            self.taken.append(step)
            return step

    def _one(self, s, f):
        """One request; False when the connection is over."""
        line = f.readline()
        if not line:
            return False
        began = time.monotonic()
        step = self._next()
        try:
            return self._do(step, s, f, line)
        finally:
            step.seconds = time.monotonic() - began
            step.done.set()

    def _do(self, step, s, f, line):
        if step.deaf:
            # Until the other end gives up: nothing comes, and none is read.
            while s.recv(1, socket.MSG_PEEK) and not self._gone(s):
                time.sleep(0.02)
            return False
        headers = http.client.parse_headers(f)
        body = f.read(int(headers["Content-Length"]))
        answer = self._pass_on(step, line, headers, body)
        if step.silent:
            f.read(1)
            return False
        if step.answer is not None:
            answer = step.answer
        self._send(step, s, answer[:step.cut])
        if step.cut is None and step.repeat is None and step.answer is None:
            return True
        if step.reset:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                         struct.pack("ii", 1, 0))
        return False

    @staticmethod
    def _gone(s):
        """Has the other end closed, with bytes of it unread?"""
        info = s.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)
        return info[0] != 1     # TCP_ESTABLISHED

    def _pass_on(self, step, line, headers, body):
        if not step.keep:
            return b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n" + 20 * b"x"
        method, path, _ = line.decode().split()
        with self.lock:         # one after the other: they are numbered
            c = http.client.HTTPConnection("127.0.0.1", self.upstream)
            c.request(method, path, body, {
                k: v for k, v in headers.items()
                if k.lower() not in ("host", "content-length")})
            r = c.getresponse()
            text = r.read()
            c.close()
            self.kept += 1
            step.request = self.kept
        # Some body, so that an answer can be cut within it.
        text = text or b"\x0a\x00" * 10
        return (f"HTTP/1.1 {r.status} {r.reason}\r\n"
                f"Content-Type: {r.headers['Content-Type']}\r\n"
                f"Content-Length: {len(text)}\r\n\r\n").encode() + text

    def _send(self, step, s, answer):
        if not step.pause:
            s.sendall(answer)
            step.sent = len(answer)
        for i in range(len(answer) if step.pause else 0):
            s.sendall(answer[i:i + 1])
            step.sent += 1
            time.sleep(step.pause)
        while step.repeat:
            s.sendall(step.repeat)
            step.sent += len(step.repeat)
