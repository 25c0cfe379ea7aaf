# SPDX-License-Identifier: Apache-2.0
"""A real nginx on loopback between picket-ship and the collector of the tests:
it speaks TLS and HTTP/2, asks for certificates, refuses and limits as it does
everywhere else, and passes on the rest."""
import json
import pathlib
import subprocess
import urllib.error
import urllib.request

import lib
from lib import Failure, wait_for
from shipping import free_port

PROGRAM = lib.ROOT / "build" / "tools" / "nginx"

CONF = """
daemon off;
user root;
worker_processes 1;
pid {dir}/pid;
error_log {dir}/error info;
events {{ worker_connections 128; }}
http {{
    log_format wire escape=json '{{"version": "$server_protocol", '
        '"tls": "$ssl_protocol", "connection": $connection, '
        '"status": $status, "bytes": $request_length, '
        '"client": "$ssl_client_s_dn", "verify": "$ssl_client_verify"}}';
    access_log {dir}/wire wire;
    client_body_temp_path {dir}/body;
    proxy_temp_path {dir}/proxy;
    fastcgi_temp_path {dir}/fastcgi;
    scgi_temp_path {dir}/scgi;
    uwsgi_temp_path {dir}/uwsgi;
    {http}
    server {{
        listen 127.0.0.1:{control};
        access_log off;
        return 204;
    }}
    server {{
        listen 127.0.0.1:{port} {listen};
        client_max_body_size 16m;
        {server}
        location / {{
            proxy_http_version 1.1;
            proxy_pass http://127.0.0.1:{upstream};
            {location}
        }}
    }}
}}
"""


class Nginx:
    """Settings are lines of nginx for one place each: listen, http, server,
    location. tls is the Pair that it shows."""

    def __init__(self, directory, upstream):
        if not PROGRAM.exists():
            raise Failure(f"{PROGRAM} is not there: make build/tools/nginx")
        self.dir = pathlib.Path(directory) / "nginx"
        self.dir.mkdir()
        self.port = free_port()
        self.control = free_port()
        self.upstream = upstream
        self.process = None
        self.scheme = "http"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        """At once: what is under way is cut."""
        if self.process:
            self.process.terminate()
            self.process.wait()
        self.process = None

    def url(self, path=""):
        return f"{self.scheme}://127.0.0.1:{self.port}{path}"

    def serve(self, tls=None, **lines):
        """Start, or start anew with these settings, and wait until it
        serves."""
        place = {"listen": "", "http": "", "server": "", "location": ""}
        place.update(lines)
        if tls:
            self.scheme = "https"
            place["listen"] = "ssl " + place["listen"]
            place["server"] += (f"ssl_certificate {tls.cert};"
                                f"ssl_certificate_key {tls.key};")
        conf = self.dir / "conf"
        conf.write_text(CONF.format(
            dir=self.dir, port=self.port, control=self.control,
            upstream=self.upstream, **place))
        # Not by SIGHUP: for a while the workers from before would answer too.
        self.stop()
        # It must not outlive a test that is killed.
        self.process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "TERM", PROGRAM, "-p", self.dir,
             "-c", conf, "-e", self.dir / "error"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        wait_for(self._serves, lambda: "nginx to serve; it says:\n"
                 + self.errors())

    def _serves(self):
        if self.process.poll() is not None:
            raise Failure(f"nginx ended:\n{self.errors()}")
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.control}/",
                                        timeout=lib.PATIENCE) as r:
                return r.status == 204
        except (urllib.error.URLError, OSError):
            return False

    def idle(self):
        """Nobody is connected to its port."""
        mine = f"0100007F:{self.port:04X}"
        with open("/proc/net/tcp", encoding="ascii") as f:
            rows = [line.split() for line in f.readlines()[1:]]
        return not [r for r in rows if r[1] == mine and r[3] == "01"]

    def errors(self):
        path = self.dir / "error"
        return path.read_text(errors="replace") if path.exists() else ""

    def wire(self):
        """Each request that it answered, as it saw it."""
        path = self.dir / "wire"
        whole = path.read_text().rpartition("\n")[0]
        return [json.loads(line) for line in whole.splitlines()]

    def answered(self, count):
        """The first `count` requests; they are written after the answer."""
        return wait_for(lambda: len(self.wire()) >= count and self.wire(),
                        lambda: f"{count} requests, have {self.wire()}")
