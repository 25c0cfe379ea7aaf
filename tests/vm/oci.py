# SPDX-License-Identifier: Apache-2.0
"""Archives of images as the OCI image specification has them, read and written:
what `ctr images import` takes, without a registry or a builder."""
import hashlib
import io
import json
import tarfile

MEDIA = "application/vnd.oci.image."


class Archive:
    """with Archive(path) as a: a.add("name:tag", layers, config)"""

    def __init__(self, path):
        self.tar = tarfile.open(path, "w")
        self.manifests, self.there = [], set()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._file("index.json", json.dumps(
            {"schemaVersion": 2, "manifests": self.manifests}).encode())
        self._file("oci-layout", b'{"imageLayoutVersion": "1.0.0"}')
        self.tar.close()

    def _file(self, name, data):
        info = tarfile.TarInfo(name)
        info.size = len(data)
        self.tar.addfile(info, io.BytesIO(data))

    def _blob(self, kind, data):
        digest = hashlib.sha256(data).hexdigest()
        if digest not in self.there:
            self.there.add(digest)
            self._file(f"blobs/sha256/{digest}", data)
        return {"mediaType": MEDIA + kind, "digest": f"sha256:{digest}",
                "size": len(data)}

    def add(self, name, layers, config):
        """layers: (kind, bytes); config: with the layers' digests in it.
        Returns the digest of the manifest."""
        manifest = self._blob("manifest.v1+json", json.dumps({
            "schemaVersion": 2,
            "config": self._blob("config.v1+json",
                                 json.dumps(config).encode()),
            "layers": [self._blob(*layer) for layer in layers],
        }).encode())
        self.manifests.append(manifest | {"annotations": {
            "io.containerd.image.name": name,
            "org.opencontainers.image.ref.name": name.rpartition(":")[2]}})
        return manifest["digest"]


def layer_of(tree):
    """A directory as a layer, all of it root's, and a configuration."""
    out = io.BytesIO()

    def roots(info):
        info.uid = info.gid = 0
        return info
    with tarfile.open(fileobj=out, mode="w") as tar:
        tar.add(tree, ".", filter=roots)
    data = out.getvalue()
    return [("layer.v1.tar", data)], {
        "architecture": "amd64", "os": "linux", "config": {},
        "rootfs": {"type": "layers", "diff_ids": [
            "sha256:" + hashlib.sha256(data).hexdigest()]}}


def read(path):
    """(layers, config) of the one image in an archive."""
    with tarfile.open(path) as tar:
        def blob(descriptor):
            name = "blobs/" + descriptor["digest"].replace(":", "/")
            return tar.extractfile(name).read()

        index = json.load(tar.extractfile("index.json"))
        manifest = json.loads(blob(index["manifests"][0]))
        return ([(d["mediaType"].removeprefix(MEDIA), blob(d))
                 for d in manifest["layers"]],
                json.loads(blob(manifest["config"])))
