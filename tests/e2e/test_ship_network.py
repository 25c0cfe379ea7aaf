#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""picket-ship in a network of its own: name servers that refuse, fail and are
silent, and proxies that are there, gone, or ask who it is."""
import base64
import contextlib
import os
import pathlib
import socket
import ssl
import subprocess
import sys
import threading
import time

import lib
from lib import equal, main, need_root, test, true, wait_for
from nginx import Nginx
from pki import Authority
from shipping import Collector, Shipper, arrived, exactly, free_port

INSIDE = "PICKET_TEST_NETWORK"


def enter():
    """This program again, alone with a loopback device and name servers that
    it makes itself: nothing it does leaves the machine."""
    if os.environ.get(INSIDE) or os.geteuid() != 0:
        return
    script = ('ip link set lo up && mount --bind "$1" /etc/resolv.conf && '
              'mount --bind "$2" /etc/nsswitch.conf && shift 2 && exec "$@"')
    with lib.workdir("network") as d:
        (d / "resolv.conf").write_text("nameserver 127.0.0.1\n"
                                       "options timeout:15 attempts:2\n")
        (d / "nsswitch.conf").write_text("hosts: files dns\n")
        code = subprocess.call(
            ["unshare", "--net", "--mount", "--", "sh", "-c", script, "sh",
             d / "resolv.conf", d / "nsswitch.conf", sys.executable,
             *sys.argv], env={**os.environ, INSIDE: "1"})
    sys.exit(code)


# ---- names ------------------------------------------------------------------

class Names:
    """A name server. rcode: the answer to all; None: silence; a name in
    `known` is 127.0.0.1."""

    def __init__(self):
        self.rcode = 3      # no such name
        self.known = set()
        self.asked = []
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 53))
        threading.Thread(target=self._serve, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        # Wakes whoever waits in recvfrom.
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.sendto(b"", ("127.0.0.1", 53))
        self.socket.close()

    def _serve(self):
        while True:
            query, who = self.socket.recvfrom(512)
            if not query:
                return
            answer = self._answer(query)
            if answer:
                self.socket.sendto(answer, who)

    def _answer(self, query):
        labels, at = [], 12
        while query[at]:
            labels.append(query[at + 1:at + 1 + query[at]].decode())
            at += 1 + query[at]
        kind = int.from_bytes(query[at + 1:at + 3], "big")
        question = query[12:at + 5]
        name = ".".join(labels)
        self.asked.append(name)
        if name in self.known:
            found = b""
            if kind == 1:
                found = b"\xc0\x0c\0\x01\0\x01\0\0\0\0\0\x04\x7f\0\0\x01"
            return (query[:2] + b"\x81\x80\0\x01" + bytes([0, bool(found)])
                    + b"\0\0\0\0" + question + found)
        if self.rcode is None:
            return None
        return (query[:2] + bytes([0x81, 0x80 | self.rcode])
                + b"\0\x01\0\0\0\0\0\0" + question)


@contextlib.contextmanager
def named():
    """A name server, a collector, a shipper to collector.invalid."""
    need_root()
    with lib.workdir("names") as d, Names() as dns, Collector(d) as c:
        s = Shipper(d, f"http://collector.invalid:{c.port}",
                    connect_timeout="500ms", timeout="5s")
        try:
            yield dns, c, s
        finally:
            s.close()


def resolves_again(dns, c, s, names):
    dns.known.add("collector.invalid")
    arrived(c, names)
    wait_for(lambda: s.cursor() == len(names), "the cursor")
    equal(s.stop(), 0, "exit code")
    exactly(c, names)
    equal(s.dead(), [], "dead letters")


@test
def a_name_that_does_not_resolve_is_asked_for_again():
    for rcode in (3, 2):    # no such name; the server failed
        with named() as (dns, c, s):
            dns.rcode = rcode
            names = s.make(20)
            s.start()
            wait_for(lambda: len(s.tries()) >= 2, s.log_end)
            true("resolve host: collector.invalid" in s.tries()[0],
                 s.tries()[0])
            resolves_again(dns, c, s, names)


@test
def a_name_server_that_is_silent_holds_up_neither_the_loop_nor_the_end():
    with named() as (dns, c, s):
        dns.rcode = None
        names = s.make(20)
        s.start()
        # Half a minute is what the resolver takes to give up by itself; the
        # status is written by the loop in between.
        began = time.monotonic()
        wait_for(lambda: len(s.tries()) >= 3, s.log_end)
        took = time.monotonic() - began
        true("timed out" in s.tries()[0], s.tries()[0])
        true(took < 25, f"three tries of half a second took {took:.1f} s")
        began = time.monotonic()
        equal(s.stop(), 0, "exit code")
        took = time.monotonic() - began
        true(took < 10, f"it took {took:.1f} s to end")
        s.start()
        wait_for(lambda: len(s.tries()) >= 5, s.log_end)
        resolves_again(dns, c, s, names)


# ---- proxies ----------------------------------------------------------------

class Tinyproxy:
    def __init__(self, directory, *lines):
        self.dir = pathlib.Path(directory) / "tinyproxy"
        self.dir.mkdir(exist_ok=True)
        self.port = free_port()
        self.log = self.dir / "log"
        self.process = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def stop(self):
        if self.process:
            self.process.terminate()
            self.process.wait()
        self.process = None

    def serve(self, *lines):
        self.stop()
        conf = self.dir / "conf"
        conf.write_text("\n".join((
            f"Port {self.port}", "Listen 127.0.0.1", "Timeout 60",
            "LogLevel Info", f'LogFile "{self.log}"', "MaxClients 20",
            "Allow 127.0.0.1", *lines)) + "\n")
        self.process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "TERM", "tinyproxy", "-d", "-c", conf],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        wait_for(self._listens, "tinyproxy to listen")

    def _listens(self):
        with socket.socket() as s:
            return s.connect_ex(("127.0.0.1", self.port)) == 0


class Proxied:
    """The collector is known by its name to the proxy alone."""

    def __init__(self, directory, c, dns, proxy):
        self.dir, self.c, self.dns, self.proxy = directory, c, dns, proxy
        dns.known.add("collector.invalid")
        self.headers = directory / "headers"
        self.headers.write_text("X-Extra: for the collector\n")
        self.headers.chmod(0o600)
        self.token = directory / "token"
        self.token.write_text("sesame\n")
        self.token.chmod(0o600)
        self.s = Shipper(directory, f"http://collector.invalid:{c.port}",
                         proxy=proxy.url(), headers_file=self.headers,
                         token_file=self.token)

    def authorize(self, user):
        word = base64.b64encode(user.encode()).decode()
        self.headers.write_text("X-Extra: for the collector\n"
                                f"Proxy-Authorization: Basic {word}\n")

    def done(self, names):
        arrived(self.c, names)
        wait_for(lambda: self.s.cursor() == len(names), "the cursor")
        equal(self.s.stop(), 0, "exit code")
        exactly(self.c, names)
        equal(self.s.dead(), [], "dead letters")
        for r in self.c.requests():
            equal((r["authorization"], r["extra"]),
                  ("Bearer sesame", "for the collector"), "headers")


@contextlib.contextmanager
def proxied():
    need_root()
    with lib.workdir("proxy") as d, Names() as dns, Collector(d) as c, \
            Tinyproxy(d) as proxy:
        t = Proxied(d, c, dns, proxy)
        try:
            yield t
        finally:
            t.s.close()


@test
def a_proxy_that_is_gone_is_waited_for():
    with proxied() as t:
        names = t.s.make(20)
        t.s.start()
        wait_for(lambda: len(t.s.tries()) >= 2, t.s.log_end)
        equal(t.dns.asked, [], "names that the shipper asked for itself")
        t.proxy.serve()
        t.done(names)
        # Killed and started again in the middle.
        t.s.start()
        t.proxy.stop()
        names += t.s.make(20)
        wait_for(lambda: len(t.s.tries()) >= 4, t.s.log_end)
        t.proxy.serve()
        t.done(names)
        true("collector.invalid" in t.proxy.log.read_text(), "its log")


def asks_who_it_is(t, names):
    t.proxy.serve("BasicAuth someone secret")
    t.s.start()
    # It may also hang up before it has read what it refuses.
    wait_for(lambda: len(t.s.tries()) >= 3, t.s.log_end)
    t.authorize("someone:wrong")
    before = len(t.s.tries())
    wait_for(lambda: len(t.s.tries()) > before + 2, t.s.log_end)
    equal(len(t.c.requests()), 0, "requests")
    t.authorize("someone:secret")
    t.done(names)


@test
def a_proxy_that_asks_who_it_is_is_told_from_a_file():
    with proxied() as t:
        asks_who_it_is(t, t.s.make(20))


@test
def tls_goes_through_a_proxy_that_learns_nothing():
    with proxied() as t, Nginx(t.dir, t.c.port) as nginx:
        ca = Authority(t.dir, "ca")
        seen = t.dir / "seen"
        # What the collector's end gets is told by nginx: no word of it may
        # be what was said to the proxy.
        nginx.serve(tls=ca.issue("server", "DNS:collector.invalid"),
                    http='log_format proxy "$http_proxy_authorization";',
                    server=f"access_log {seen} proxy;")
        t.s.configure(url=f"https://collector.invalid:{nginx.port}",
                      ca_file=ca.cert)
        names = t.s.make(20)
        asks_who_it_is(t, names)
        equal(set(seen.read_text().split()), {"-"}, "Proxy-Authorization")
        true("407" in t.s.tries()[0], t.s.tries()[0])
        log = t.proxy.log.read_text()
        true(f"CONNECT collector.invalid:{nginx.port}" in log, "no tunnel")


class TlsFront:
    """TLS in front of a port: tinyproxy has none of its own."""

    def __init__(self, port, pair):
        self.upstream = port
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(pair.cert, pair.key)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def _accept(self):
        while True:
            try:
                s, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(s,),
                             daemon=True).start()

    def _serve(self, s):
        with contextlib.suppress(OSError), s, \
                self.context.wrap_socket(s, server_side=True) as inside, \
                socket.create_connection(("127.0.0.1", self.upstream)) as up:
            inside.settimeout(0.01)
            up.settimeout(0.01)
            while self._pump(inside, up) and self._pump(up, inside):
                pass

    @staticmethod
    def _pump(source, target):
        try:
            data = source.recv(65536)
        except TimeoutError:
            return True
        target.sendall(data)
        return bool(data)


@test
def the_way_to_a_proxy_may_be_tls_as_well():
    with proxied() as t, Nginx(t.dir, t.c.port) as nginx:
        ca = Authority(t.dir, "ca")
        t.proxy.serve()
        nginx.serve(tls=ca.issue("server", "DNS:collector.invalid"))
        t.s.configure(url=f"https://collector.invalid:{nginx.port}",
                      ca_file=ca.cert)
        names = t.s.make(20)
        wrong = ca.issue("elsewhere", "DNS:elsewhere.test")
        with TlsFront(t.proxy.port, wrong) as front:
            t.s.configure(proxy=f"https://127.0.0.1:{front.port}")
            t.s.start()
            wait_for(lambda: len(t.s.tries()) >= 2, t.s.log_end)
            true("target host name" in t.s.tries()[0], t.s.tries()[0])
            equal(t.s.stop(), 0, "exit code")
        right = ca.issue("proxy", "IP:127.0.0.1")
        with TlsFront(t.proxy.port, right) as front:
            t.s.configure(proxy=f"https://127.0.0.1:{front.port}")
            t.s.start()
            t.done(names)


@test
def a_proxy_is_not_told_what_the_collector_is():
    """Of a tunnel the proxy sees one request, which has no token in it."""
    with proxied() as t, socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(lib.PATIENCE)
        t.s.configure(url="https://collector.invalid:443",
                      proxy=f"http://127.0.0.1:{listener.getsockname()[1]}")
        t.authorize("someone:secret")
        t.s.make(5)
        t.s.start()
        s, _ = listener.accept()
        with s:
            s.settimeout(lib.PATIENCE)
            asked = b""
            while b"\r\n\r\n" not in asked:
                asked += s.recv(4096)
        equal(t.s.stop(), 0, "exit code")
        lines = asked.decode().split("\r\n")
        equal(lines[0], "CONNECT collector.invalid:443 HTTP/1.1", "request")
        true("sesame" not in asked.decode() and "X-Extra" not in
             asked.decode(), f"told the proxy: {lines}")
        true(any(x.startswith("Proxy-Authorization: Basic ") for x in lines),
             f"told the proxy: {lines}")


if __name__ == "__main__":
    enter()
    main()
