#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""picket-ship and a collector behind an nginx that limits, refuses, waits in
vain for who is behind it, and is killed: real answers, as real servers give
them, over HTTP/1.1 and HTTP/2."""
import contextlib
import os
import random
import signal

import completeness
import lib
from lib import equal, main, test, true, wait_for
from nginx import Nginx
from pki import Authority
from shipping import Collector, Shipper, arrived, exactly

LONG = bool(os.environ.get("PICKET_TEST_LONG"))


class Scene:
    """The versions are (lines for `listen`, certificate)."""

    def __init__(self, directory, collector, nginx):
        self.dir, self.c, self.nginx = directory, collector, nginx
        ca = Authority(directory, "ca")
        self.pair = ca.issue("server", "IP:127.0.0.1")
        self.s = Shipper(directory, "http://127.0.0.1:1", ca_file=ca.cert)

    def serve(self, h2, **lines):
        if h2:
            self.nginx.serve(tls=self.pair, listen="http2", **lines)
        else:
            self.nginx.serve(**lines)
        self.s.configure(url=self.nginx.url())

    def statuses(self):
        return {r["status"] for r in self.nginx.answered(1)}

    def whole(self, names, doubles=False):
        """With doubles: each try that failed may have cost an answer."""
        exactly(self.c, names, doubles and len(self.s.tries()))
        equal(len(self.s.dead()), 0, "dead letters")
        equal(self.s.cursor(), len(names), "the cursor")


@contextlib.contextmanager
def scene():
    with lib.workdir("nginx") as d, Collector(d) as c, \
            Nginx(d, c.port) as nginx:
        here = Scene(d, c, nginx)
        try:
            yield here
        finally:
            here.s.close()


def both(fn):
    """A test over HTTP/1.1 and one over HTTP/2."""
    for h2 in (False, True):
        def one(h2=h2):
            with scene() as t:
                fn(t, h2)
        one.__name__ = fn.__name__ + ("_http2" if h2 else "_http1")
        test(one)
    return fn


# ---- refused for what it is, or how much -------------------------------------

@both
def a_request_that_is_too_large_for_it_is_halved_until_it_fits(t, h2):
    t.serve(h2, location="client_max_body_size 64k;")
    t.s.configure(gzip="no", batch_bytes="4M", batch_records=100000)
    names = t.s.make(3000)
    t.s.once()
    t.whole(names)
    true({200, 413} <= t.statuses(), f"{t.statuses()}")
    # Refused by its length: none of them is sent to the end of time.
    refused = [r for r in t.nginx.wire() if r["status"] == 413]
    true(len(refused) <= 10, f"{len(refused)} were too large")


@both
def one_that_takes_not_even_a_manifest_costs_no_record(t, h2):
    t.serve(h2, location="client_max_body_size 100;")
    t.s.configure(gzip="no")
    names = t.s.make(50)
    t.s.start()
    wait_for(lambda: len([x for x in t.s.tries() if "413" in x]) >= 3,
             lambda: f"tries: {t.s.log_end()}")
    equal((t.s.dead(), t.s.cursor()), ([], 0), "dead letters, cursor")
    # Before it takes any: one under way would be sent twice.
    equal(t.s.stop(), 0, "exit code")
    t.serve(h2)
    t.s.once()
    t.whole(names)


@both
def a_limit_of_requests_is_kept_to(t, h2):
    # The second batch is there before three seconds are over.
    t.serve(h2, http="limit_req_zone $remote_addr zone=all:64k rate=20r/m;",
            location="limit_req zone=all; limit_req_status 429;"
            "error_page 429 = @later;",
            server='location @later { add_header Retry-After 3 always;'
            'return 429 "later"; }')
    t.s.configure(batch_records=30)
    names = t.s.make(40)
    t.s.once()
    t.whole(names)
    equal(t.statuses(), {200, 429}, "answers")
    # Told to wait so long, it did not ask more often than that.
    refused = len([r for r in t.nginx.wire() if r["status"] == 429])
    true(refused <= len(t.c.requests()), f"refused {refused} times")


# ---- what is behind it ---------------------------------------------------------

@both
def a_collector_that_is_gone_behind_it_is_waited_for(t, h2):
    port = t.c.port
    t.serve(h2)
    names = t.s.make(40)
    t.c.close()
    t.s.start()
    wait_for(lambda: len([x for x in t.s.tries() if "502" in x]) >= 2,
             lambda: f"tries: {t.s.log_end()}")
    with Collector(t.dir, port=port) as c:
        arrived(c, names)
        wait_for(lambda: t.s.cursor() == len(names), "the cursor")
        equal(t.s.stop(), 0, "exit code")
        t.whole(names)


@both
def a_collector_that_is_slow_behind_it_is_waited_for(t, h2):
    t.serve(h2, location="proxy_read_timeout 300ms;")
    t.s.configure(batch_records=5)
    t.c.rules({"delay_ms": 1500, "times": 2})
    names = t.s.make(40)
    t.s.start()
    wait_for(lambda: [x for x in t.s.tries() if "504" in x],
             lambda: f"tries: {t.s.log_end()}")
    t.c.rules()
    wait_for(lambda: t.s.cursor() == len(names), "the cursor")
    equal(t.s.stop(), 0, "exit code")
    t.whole(names, doubles=True)


@both
def a_collector_that_hangs_up_behind_it_is_tried_again(t, h2):
    t.serve(h2)
    t.c.rules({"cut": "before", "times": 2},
              {"cut": "before", "store": True, "times": 1},
              {"cut": "inside", "times": 1})
    t.s.configure(batch_records=20)
    names = t.s.make(100)
    t.s.once()
    t.whole(names, doubles=True)
    true(502 in t.statuses(), f"{t.statuses()}")


@both
def a_connection_that_it_closes_in_between_costs_nothing(t, h2):
    """After three requests, and when nothing came for a tenth of a second."""
    t.serve(h2, http="keepalive_requests 3; keepalive_timeout 100ms;")
    t.s.configure(batch_records=10)
    names = t.s.make(200)
    t.s.start()
    wait_for(lambda: t.s.cursor() == len(names), "the cursor")
    for _ in range(3):
        wait_for(lambda: t.nginx.idle(), "nginx to close the connection")
        names += t.s.make(5)
        wait_for(lambda: t.s.cursor() == len(names), "the cursor")
    equal(t.s.stop(), 0, "exit code")
    t.whole(names)
    equal(t.s.tries(), [], "tries that failed")
    wire = t.nginx.answered(len(t.c.requests()))
    connections = len({r["connection"] for r in wire})
    true(len(wire) / 4 <= connections < len(wire),
         f"{connections} connections for {len(wire)} requests")


# ---- and itself -----------------------------------------------------------------

@both
def whenever_it_is_killed_nothing_is_lost_and_doubles_are_named(t, h2):
    """Killed at random while it answers: the connection is cut wherever."""
    seed = int(os.environ.get("PICKET_SEED") or random.randrange(1 << 32))
    print(f"# PICKET_SEED={seed}")
    rng = random.Random(seed)
    t.serve(h2)
    t.s.configure(batch_records=5)
    t.c.rules({"delay_ms": 3})
    names = t.s.make(600)
    t.s.start()
    kills = 20 if LONG else 5
    for n in range(kills):
        until = t.s.cursor() + rng.randrange(1, 120)
        wait_for(lambda: t.s.cursor() >= min(until, len(names)), "progress")
        if t.s.cursor() > len(names) - 200:
            names += t.s.make(300)
        t.nginx.process.send_signal(rng.choice((signal.SIGTERM,
                                                signal.SIGQUIT)))
        t.nginx.process.wait()
        t.serve(h2)
    t.c.rules()
    wait_for(lambda: t.s.cursor() == len(names), "the cursor")
    equal(t.s.stop(), 0, "exit code")
    t.whole(names, doubles=True)
    doubled = next(iter(completeness.check([t.c.out]).values()))["doubled"]
    # One request at a time: a kill can double one batch, and no more.
    true(len(doubled) <= 5 * kills, f"{len(doubled)} records are doubled")


if __name__ == "__main__":
    main()
