# SPDX-License-Identifier: Apache-2.0
"""Certificates made to order by openssl(1): of the right signer and of the
wrong one, expired, for another name, revoked, and of a signer that was
revoked."""
import shutil
import time

import lib
from lib import Failure

CONF = """
[ca]
default_ca = this
[this]
dir = {dir}
database = $dir/index
serial = $dir/serial
crlnumber = $dir/crlnumber
new_certs_dir = $dir
certificate = $dir/cert.pem
private_key = $dir/key.pem
default_md = sha256
default_days = 2
default_crl_days = 2
policy = any
unique_subject = no
[any]
commonName = supplied
"""


def openssl(*argv):
    p = lib.run(["openssl", *argv])
    if p.returncode != 0:
        raise Failure(f"openssl {argv}: {p.stderr.decode()}")


def utc(days):
    """So many days from now, as openssl ca writes time."""
    return time.strftime("%Y%m%d%H%M%SZ", time.gmtime(time.time()
                                                      + days * 86400))


class Pair:
    """cert.pem and key.pem of one name, in a directory of its own."""

    def __init__(self, directory, name):
        self.name = name
        self.dir = directory / name
        self.dir.mkdir()
        self.cert = self.dir / "cert.pem"
        self.key = self.dir / "key.pem"
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                "-nodes", "-subj", f"/CN={name}", "-keyout", self.key,
                "-out", self.dir / "request")

    def put(self, cert, key):
        """Into the place of others, each at once, the key first."""
        for source, target in ((self.key, key), (self.cert, cert)):
            part = target.with_suffix(".part")
            shutil.copy(source, part)
            part.replace(target)


class Authority(Pair):
    """Who signs; itself signed by `signer`, or by itself."""

    def __init__(self, directory, name, signer=None):
        super().__init__(directory, name)
        self.signer = signer
        self.conf = self.dir / "conf"
        self.conf.write_text(CONF.format(dir=self.dir))
        (self.dir / "index").touch()
        (self.dir / "serial").write_text("01\n")
        (self.dir / "crlnumber").write_text("01\n")
        extensions = ("basicConstraints=critical,CA:true\n"
                      "keyUsage=keyCertSign,cRLSign\n"
                      "subjectKeyIdentifier=hash\n")
        if signer:
            signer.sign(self, extensions)
        else:
            self._ca(self, extensions, "-selfsign", "-keyfile", self.key)

    def _ca(self, pair, extensions, *more):
        ext = pair.dir / "extensions"
        ext.write_text(extensions)
        openssl("ca", "-batch", "-notext", "-config", self.conf, "-in",
                pair.dir / "request", "-out", pair.cert, "-extfile", ext,
                *more)

    def sign(self, pair, extensions, first=-1, last=2):
        """Valid from and until so many days from now."""
        self._ca(pair, extensions, "-startdate", utc(first), "-enddate",
                 utc(last))

    def issue(self, name, san=None, **valid):
        """A certificate with its key; san as openssl writes it."""
        pair = Pair(self.dir, name)
        self.sign(pair, f"subjectAltName={san or 'DNS:' + name}\n", **valid)
        return pair

    def expired(self, name, san=None):
        return self.issue(name, san, first=-3, last=-1)

    def revoke(self, pair):
        openssl("ca", "-config", self.conf, "-revoke", pair.cert)

    def chain(self):
        """Its certificate and those above it, in one text."""
        above = self.signer.chain() if self.signer else ""
        return self.cert.read_text() + above

    def crl(self):
        """What it revoked, and what those above it did, in one text."""
        path = self.dir / "crl.pem"
        openssl("ca", "-config", self.conf, "-gencrl", "-out", path)
        above = self.signer.crl() if self.signer else ""
        return path.read_text() + above
