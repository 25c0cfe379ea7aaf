#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""picket-ship and a collector behind nginx with TLS: who is believed, who is
not, what is spoken, and that replacing a file is all that a renewal takes.
Whatever is refused on the way costs time and never a record."""
import contextlib

import lib
from lib import equal, main, test, true, wait_for
from nginx import Nginx
from pki import Authority
from shipping import Collector, Shipper, arrived, exactly

LOOPBACK = "IP:127.0.0.1"


class Scene:
    """ca signs the server; the shipper trusts what ca_file holds."""

    def __init__(self, directory, collector, nginx):
        self.dir, self.c, self.nginx = directory, collector, nginx
        self.ca = Authority(directory, "ca")
        self.server = self.ca.issue("server", LOOPBACK)
        self.ca_file = directory / "ca.pem"
        self.trust(self.ca)
        nginx.serve(tls=self.server)
        self.s = Shipper(directory, nginx.url(), ca_file=self.ca_file)

    def trust(self, authority):
        part = self.dir / "ca.part"
        part.write_text(authority.chain())
        part.replace(self.ca_file)

    def client(self):
        """Paths of the certificate and key that the shipper shows."""
        pair = self.dir / "client.pem", self.dir / "client.key"
        self.s.configure(cert_file=pair[0], key_file=pair[1])
        return pair

    def refused(self, word="", tries=2):
        """It goes on trying, is told so, and nothing is given up for it."""
        before = len(self.s.tries())
        wait_for(lambda: len([t for t in self.s.tries()[before:] if word in t])
                 >= tries, lambda: f"{tries} times {word!r}, log:\n"
                 + self.s.log_end())
        equal(len(self.s.dead()), 0, "dead letters")
        equal(self.s.cursor(), len(self.c.uids()), "the cursor")

    def accepted(self, names):
        """What was refused before arrives, once, by itself."""
        arrived(self.c, names)
        wait_for(lambda: self.s.cursor() == len(names), "the cursor")
        equal(self.s.stop(), 0, "exit code")
        exactly(self.c, names)
        equal(self.s.dead(), [], "dead letters")


@contextlib.contextmanager
def scene():
    with lib.workdir("tls") as d, Collector(d) as c, \
            Nginx(d, c.port) as nginx:
        here = Scene(d, c, nginx)
        try:
            yield here
        finally:
            here.s.close()


# ---- what is spoken ---------------------------------------------------------

def spoken(listen, version):
    with scene() as t:
        t.nginx.serve(tls=t.server, listen=listen,
                      server="ssl_protocols TLSv1.2 TLSv1.3;")
        t.s.configure(batch_records=50)
        names = t.s.make(250)
        t.s.once()
        exactly(t.c, names)
        wire = t.nginx.answered(len(t.c.requests()))
        true(len(wire) > 4, f"several requests: {wire}")
        equal({r["version"] for r in wire}, {version}, "version")
        equal({r["tls"] for r in wire}, {"TLSv1.3"}, "TLS")
        equal(len({r["connection"] for r in wire}), 1, "connections")


@test
def http2_is_spoken_where_it_is_offered_over_one_connection():
    spoken("http2", "HTTP/2.0")


@test
def http1_is_spoken_where_it_is_all_there_is_over_one_connection():
    spoken("", "HTTP/1.1")


@test
def tls_older_than_1_2_is_not_spoken():
    with scene() as t:
        # Level 0, or nginx could not speak it either.
        t.nginx.serve(tls=t.server, server="ssl_protocols TLSv1 TLSv1.1;"
                      "ssl_ciphers DEFAULT@SECLEVEL=0;")
        names = t.s.make(20)
        t.s.start()
        t.refused("alert protocol version")
        t.nginx.serve(tls=t.server, server="ssl_protocols TLSv1.2;")
        t.accepted(names)
        equal({r["tls"] for r in t.nginx.answered(1)}, {"TLSv1.2"}, "TLS")


# ---- who the server is ------------------------------------------------------

@test
def a_server_that_is_not_who_it_should_be_gets_nothing():
    with scene() as t:
        names = t.s.make(20)
        other = Authority(t.dir, "other")
        bad = {
            "wrong signer": other.issue("stranger", LOOPBACK),
            "wrong name": t.ca.issue("elsewhere", "DNS:elsewhere.test"),
            "expired": t.ca.expired("old", LOOPBACK),
        }
        words = {"wrong signer": "issuer certificate",
                 "wrong name": "target host name", "expired": "expired"}
        t.s.start()
        for what, pair in bad.items():
            t.nginx.serve(tls=pair)
            t.refused(words[what])
            equal(len(t.c.requests()), 0, "requests")
        t.nginx.serve(tls=t.server)
        t.accepted(names)


@test
def a_new_signer_of_the_server_is_believed_once_its_file_is_there():
    with scene() as t:
        names = t.s.make(20)
        t.s.start()
        arrived(t.c, names)
        renewed = Authority(t.dir, "renewed")
        t.nginx.serve(tls=renewed.issue("server2", LOOPBACK))
        names += t.s.make(20)
        t.refused("certificate")
        t.trust(renewed)
        t.accepted(names)


@test
def a_signer_that_is_no_longer_trusted_is_not_met_on_a_kept_connection():
    with scene() as t:
        names = t.s.make(20)
        t.s.start()
        arrived(t.c, names)
        t.trust(Authority(t.dir, "another"))
        sent = len(t.c.requests())
        names += t.s.make(20)
        t.refused("issuer certificate")
        equal(len(t.c.requests()), sent, "requests that came through")
        t.trust(t.ca)
        t.accepted(names)


@test
def a_server_that_was_revoked_gets_nothing_from_then_on():
    with scene() as t:
        crl = t.dir / "revoked.pem"

        def publish(text):
            part = t.dir / "crl.part"
            part.write_text(text)
            part.replace(crl)

        publish(t.ca.crl())
        t.s.configure(crl_file=crl)
        names = t.s.make(20)
        t.s.start()
        arrived(t.c, names)
        # On the connection that is open, too.
        t.ca.revoke(t.server)
        publish(t.ca.crl())
        sent = len(t.c.requests())
        names += t.s.make(20)
        t.refused("revoked")
        t.nginx.serve(tls=t.ca.issue("renewed", LOOPBACK))
        arrived(t.c, names)
        # Nor one of whose signer nothing is known.
        publish(Authority(t.dir, "other").crl())
        names += t.s.make(20)
        t.refused("certificate")
        publish(t.ca.crl())
        t.accepted(names)
        true(len(t.c.requests()) > sent, "requests")


@test
def a_server_of_a_revoked_signer_gets_nothing():
    with scene() as t:
        middle = Authority(t.dir, "middle", signer=t.ca)
        leaf = middle.issue("leaf", LOOPBACK)
        leaf.cert.write_text(leaf.cert.read_text() + middle.cert.read_text())
        crl = t.dir / "revoked.pem"
        crl.write_text(middle.crl())
        t.s.configure(crl_file=crl)
        t.nginx.serve(tls=leaf)
        names = t.s.make(20)
        t.s.start()
        arrived(t.c, names)
        t.ca.revoke(middle)
        crl.write_text(middle.crl())
        names += t.s.make(20)
        t.refused("revoked")
        t.nginx.serve(tls=t.server)
        t.accepted(names)


# ---- who the shipper is -----------------------------------------------------

def asks(t, crl=None):
    """Settings of an nginx that asks for a certificate of ca."""
    trusted = t.dir / "clients.pem"
    trusted.write_text(t.ca.chain())
    lines = (f"ssl_client_certificate {trusted}; ssl_verify_client on;"
             "ssl_verify_depth 2;")
    if crl:
        path = t.dir / "crl.pem"
        path.write_text(crl)
        lines += f"ssl_crl {path};"
    return lines


def turned_away(make, listen="", crl=None):
    """A certificate that nginx does not take, then one that it does, put into
    its place while the shipper runs. make: (scene) -> the bad one."""
    with scene() as t:
        pair = t.client()
        bad = make(t)
        good = t.ca.issue("right")
        bad.put(*pair)
        t.nginx.serve(tls=t.server, listen=listen,
                      server=asks(t, crl and crl(t)))
        names = t.s.make(20)
        t.s.start()
        t.refused()
        good.put(*pair)
        t.accepted(names)
        shown = t.nginx.answered(1)[-1]
        equal((shown["verify"], shown["client"]), ("SUCCESS", "CN=right"),
              "who it was")


@test
def a_client_certificate_of_another_signer_is_turned_away():
    turned_away(lambda t: Authority(t.dir, "other").issue("stranger"))


@test
def an_expired_client_certificate_is_turned_away():
    turned_away(lambda t: t.ca.expired("old"), listen="http2")


@test
def a_revoked_client_certificate_is_turned_away():
    def crl(t):
        return t.ca.crl()

    def issued(t):
        pair = t.ca.issue("left")
        t.ca.revoke(pair)
        return pair

    turned_away(issued, crl=crl)


@test
def a_client_certificate_of_a_revoked_signer_is_turned_away():
    def issued(t):
        t.middle = Authority(t.dir, "middle", signer=t.ca)
        pair = t.middle.issue("leaf")
        pair.cert.write_text(pair.cert.read_text() + t.middle.chain())
        return pair

    def crl(t):
        t.ca.revoke(t.middle)
        return t.middle.crl()

    turned_away(issued, crl=crl)


@test
def a_client_certificate_of_another_name_is_turned_away():
    with scene() as t:
        pair = t.client()
        t.ca.issue("stranger").put(*pair)
        t.nginx.serve(tls=t.server, server=asks(t)
                      + 'if ($ssl_client_s_dn != "CN=right") { return 403; }')
        names = t.s.make(20)
        t.s.start()
        t.refused("403")
        t.ca.issue("right").put(*pair)
        t.accepted(names)


@test
def no_client_certificate_where_one_is_asked_for_costs_no_record():
    with scene() as t:
        t.nginx.serve(tls=t.server, server=asks(t))
        names = t.s.make(20)
        t.s.start()
        t.refused("400")
        t.nginx.serve(tls=t.server)
        t.accepted(names)


@test
def files_that_are_gone_empty_or_nonsense_are_waited_for():
    with scene() as t:
        pair = t.client()
        right = t.ca.issue("right")
        right.put(*pair)
        token = t.dir / "token"
        token.write_text("sesame\n")
        token.chmod(0o600)
        t.s.configure(token_file=token)
        t.nginx.serve(tls=t.server, server=asks(t))
        names = t.s.make(10)
        t.s.start()
        arrived(t.c, names)
        good = {f: f.read_text() for f in (*pair, t.ca_file, token)}
        for file, text in good.items():
            for bad in (None, "", "nonsense \0\n"):
                if bad is None:
                    file.unlink()
                else:
                    file.write_text(bad)
                names += t.s.make(5)
                t.refused(tries=1)
                file.write_text(text)
                arrived(t.c, names)
        t.accepted(names)


@test
def a_renewed_client_certificate_is_shown_without_a_restart():
    with scene() as t:
        pair = t.client()
        t.ca.issue("first").put(*pair)
        t.nginx.serve(tls=t.server, server=asks(t))
        names = t.s.make(20)
        t.s.start()
        arrived(t.c, names)
        t.ca.issue("second").put(*pair)
        names += t.s.make(20)
        t.accepted(names)
        shown = [r["client"] for r in t.nginx.answered(2)]
        equal((shown[0], shown[-1]), ("CN=first", "CN=second"), "who it was")


if __name__ == "__main__":
    main()
