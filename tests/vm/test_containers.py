#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Containers for real, by containerd, podman and docker, all with runc, in a
Debian that systemd runs, on 6.1 with cgroup v2: told by a picket of the host, and
by one that is in a container itself, as the DaemonSet has it.

PICKET_VM_IMAGE: the archive that `make image` made; else it is made here.
"""
import contextlib
import json
import os
import pathlib
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "e2e")]

import oci
from lib import Failure, contains, equal, main, need_root, test, true, workdir
from server import CONFIG, JOURNAL, Server
from shipping import Collector
from system import BUILD, CACHE, COLLECTOR, NETWORK, ROOT, System, put_program

DEBS = CACHE / "containers"
TYPES = ROOT / "build/npm-kubernetes"
MANIFEST = ROOT / "packaging/kubernetes/base/daemonset.yaml"
BOX, AGENT, SHIP = (f"localhost/{n}:1" for n in ("box", "picket", "ship"))
DRIFT = "container-drift"
POLICY = "/root/policy"
SECRET, TOKEN = "/root/collector", "of-the-cluster"
AGENT_INI = (ROOT / "packaging/kubernetes/base/agent.ini").read_text().replace(
    "https://collector.observability.svc:4318", f"http://{COLLECTOR}") + \
    "token_file = /etc/picket/collector/token\n"
# What a runtime gives to a container where nothing is said.
USUAL = ("CHOWN DAC_OVERRIDE FSETID FOWNER MKNOD NET_RAW SETGID SETUID SETFCAP "
         "SETPCAP NET_BIND_SERVICE SYS_CHROOT KILL AUDIT_WRITE").split()
# CAP_DAC_READ_SEARCH, CAP_SYS_PTRACE, CAP_PERFMON, CAP_BPF.
KEPT = f"{1 << 2 | 1 << 19 | 1 << 38 | 1 << 39:016x}"
GROUP = 10001
CTR = "ctr -n k8s.io"
# Without what they need for networks: the guest has none of its own.
RUNTIMES = ("containerd runc podman conmon golang-github-containers-common "
            "golang-github-containers-image libgpgme11 libassuan0 libsubid4 "
            "libdevmapper1.02.1 libglib2.0-0 docker.io").split()
RUN = "/usr/bin/picket run --config /etc/picket/agent.ini"


class Pod:
    """A container of the test's own in it, named as the kubelet names it."""

    def __init__(self, number, name):
        self.id = f"{number:02x}" * 32
        self.uid = f"0000{number:04x}-1111-4222-8333-444455556666"
        self.name = name
        self.log = f"/var/log/containers/{name}_shop_app-{self.id}.log"


def picket_image():
    made = os.environ.get("PICKET_VM_IMAGE")
    if made:
        return pathlib.Path(made)
    environ = {k: v for k, v in os.environ.items()
               if k not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")}
    p = subprocess.run(["make", "-s", f"BUILD={BUILD}/vm/image-of", "image"],
                       cwd=ROOT, env=environ, capture_output=True, text=True)
    if p.returncode:
        raise Failure(f"make image: {p.stdout}{p.stderr}")
    return BUILD / "vm/image-of/image/picket-amd64.tar"


def images(directory):
    """An archive of all: a busybox, and picket's for both of its users."""
    box = directory / "box"
    (box / "bin").mkdir(parents=True)
    for name in ("tmp", "etc", "proc"):
        (box / name).mkdir()
    put_program(shutil.which("busybox"), box, "bin/busybox")
    (box / "bin/sh").symlink_to("busybox")
    (_, data), = oci.layer_of(box)[0]
    (directory / "box.tar").write_bytes(data)
    layers, config = oci.read(picket_image())
    path = directory / "images.tar"
    with oci.Archive(path) as archive:
        archive.add(BOX, *oci.layer_of(box))
        for name, container in ((AGENT, "picket"), (SHIP, "picket-ship")):
            wants = manifest(container)["securityContext"]
            user = f"{wants['runAsUser']}:{wants['runAsGroup']}"
            archive.add(name, layers, config | {
                "config": config["config"] | {"User": user}})
    return path


def manifest(container):
    """What the DaemonSet says of one of its containers."""
    script = ("const y = require(process.argv[1] + '/node_modules/yaml');"
              "console.log(JSON.stringify(y.parse(require('fs')"
              ".readFileSync(process.argv[2], 'utf8'))))")
    p = subprocess.run(["node", "-e", script, str(TYPES), str(MANIFEST)],
                       capture_output=True, text=True, check=True)
    spec = json.loads(p.stdout)["spec"]["template"]["spec"]
    true(spec["hostPID"], "hostPID")
    found = next(c for c in spec["containers"] if c["name"] == container)
    equal(spec["securityContext"]["fsGroup"], GROUP, "whose volumes are")
    found["volumes"] = {v["name"]: v for v in spec["volumes"]}
    return found


def as_the_manifest_says(container, own):
    """Arguments of ctr. own: what stands for ConfigMaps and Secrets."""
    wants = manifest(container)
    secure = wants["securityContext"]
    equal((secure["privileged"], secure["allowPrivilegeEscalation"],
           secure["readOnlyRootFilesystem"]), (False, False, True),
          "what the manifest forbids")
    words = ["--read-only", "--seccomp", "--with-ns pid:/proc/1/ns/pid"]
    equal(secure["capabilities"]["drop"], ["ALL"], "what is dropped")
    words += [f"--cap-drop CAP_{name}" for name in USUAL]
    words += [f"--cap-add CAP_{name}"
              for name in secure["capabilities"].get("add", [])]
    for mount in wants["volumeMounts"]:
        volume = wants["volumes"][mount["name"]]
        source = (volume["hostPath"]["path"] if "hostPath" in volume
                  else own[volume["secret"]["secretName"]]
                  if "secret" in volume else own[volume["configMap"]["name"]])
        if "subPath" in mount:
            source += "/" + mount["subPath"]
        mode = "ro" if mount.get("readOnly") else "rw"
        words.append(f"--mount type=bind,src={source},"
                     f"dst={mount['mountPath']},options=rbind:{mode}")
    return " ".join(words)


def configmap(state, more=""):
    """Shell: the policy's volume becomes this, as the kubelet swaps it."""
    return (f"mkdir -p {POLICY}/..{state} && cd {POLICY}\n"
            f"cp /usr/share/picket/policy.d-cluster/*.ini ..{state}/\n"
            f"printf '%s' '{more}' >..{state}/90-own.ini\n"
            f"ln -s ..{state} ..data_tmp && mv -T ..data_tmp ..data\n"
            "for f in ..data/*; do ln -sf $f .; done\n")


def secret():
    """Shell: the Secret's volume, with the rights that the manifest gives."""
    spec = manifest("picket-ship")["volumes"]["collector"]["secret"]
    true(spec["optional"], "a Secret that must be there")
    return (f"mkdir -p {SECRET} && cd {SECRET} && echo {TOKEN} >token\n"
            f"chgrp {GROUP} token && chmod {spec['defaultMode']:04o} token\n")


class Node(Server):
    def run(self, pod, words="", image=BOX, command="/bin/busybox sleep 9999",
            cgroup=None):
        """A container that stays, in the cgroup that a kubelet gives it."""
        cgroup = cgroup or f"/kubepods/burstable/pod{pod.uid}/{pod.id}"
        self.do(f"{CTR} run -d --null-io --cgroup {cgroup} "
                f"--annotation io.kubernetes.cri.image-name={image} "
                f"{words} {image} {pod.id} {command}")

    def attack(self, pod):
        """Unpacked within it, run, written, connected."""
        self.do(f"{CTR} tasks exec --exec-id a{self.guest.count} {pod.id} "
                "/bin/sh -c '/bin/busybox cp /bin/busybox /tmp/true; "
                "/tmp/true; echo >/etc/written; "
                "/bin/busybox nc -w 1 127.0.0.1 9 || :'")

    def seen(self, words, part):
        """The newest event of a query that has this in it."""
        return json.loads(self.eventually(
            f"set -o pipefail; picket query --journal {JOURNAL} {words} --json "
            f"| grep -F '{part}' | tail -n 1", f"{words} with {part}"))

    def told(self, pod, kind, part):
        return self.seen(f"--container {pod.id} --kind {kind}", part)

    def named(self, pod):
        """Until what is begun in it is told with the pod's name."""
        self.eventually(
            f"{CTR} tasks exec --exec-id $RANDOM {pod.id} /bin/busybox true\n"
            f"picket query --journal {JOURNAL} --container {pod.id} --json | "
            f"grep '\"pod\":\"{pod.name}\"'", "the pod's name")

    def check(self, pod, image=BOX):
        """Exec, write and connect carry what the container is."""
        wanted = {"container": pod.id, "container_image": image,
                  "container_name": "app", "pod": pod.name,
                  "pod_namespace": "shop", "pod_uid": pod.uid}
        for kind, part in (("exec", '"/tmp/true"'), ("write", "/etc/written"),
                           ("connect", "127.0.0.1")):
            self.attack(pod)
            who = self.told(pod, kind, part)["process"]
            equal({key: who.get(key) for key in wanted}, wanted,
                  f"whose {kind} it was")

    def probe(self, pod, command, name):
        """As the kubelet asks: a program run in the container."""
        self.eventually(f"{CTR} tasks exec --exec-id p$RANDOM {pod.id} "
                        + " ".join(command), name)

    agent = None

    def as_daemonset(self):
        """picket's container; both run instead of the host's services."""
        if self.agent:
            return self.agent
        self.do("systemctl disable --now picket picket-ship 2>&1\n"
                "rm -rf /var/lib/picket; mkdir -p /var/lib/picket /root/agent\n"
                "cat >/root/agent/agent.ini <<'END'\n" + AGENT_INI + "END\n"
                + configmap("first") + secret())
        own = {"picket-agent": "/root/agent", "picket-policy": POLICY,
               "picket-collector": SECRET}
        agent, ship = Pod(16, "picket-a"), Pod(17, "picket-b")
        self.run(agent, as_the_manifest_says("picket", own), AGENT, RUN)
        probes = manifest("picket")
        for name in ("startupProbe", "readinessProbe", "livenessProbe"):
            self.probe(agent, probes[name]["exec"]["command"], name)
        self.run(ship, as_the_manifest_says("picket-ship", own) + " --net-host",
                 SHIP, "/usr/bin/picket-ship --config /etc/picket/agent.ini")
        self.probe(ship, manifest("picket-ship")["livenessProbe"]["exec"]
                   ["command"], "livenessProbe")
        none = f"{0:016x}"
        equal(self.rights(ship), {"CapPrm": none, "CapEff": none,
                                  "NoNewPrivs": "1", "Seccomp": "2"},
              "what picket-ship may")
        self.agent = agent
        return agent

    def process(self, pod):
        """A container's first."""
        return self.do(f"{CTR} tasks ls | awk '$1 == \"{pod.id}\" "
                       "{ print $2 }'").strip()

    def rights(self, pod):
        said = self.do("grep -E '^(CapPrm|CapEff|NoNewPrivs|Seccomp):' "
                       f"/proc/{self.process(pod)}/status")
        return dict(line.split(":\t") for line in said.splitlines())

    def delivered_of(self, pod):
        """The alert at the collector, by OpenTelemetry's names."""
        self.delivered(pod.id, "the container at the collector")
        found = [r["attributes"] for r in self.collector.records()
                 if r["attributes"].get("container.id") == pod.id
                 and r["attributes"].get("k8s.pod.name") == pod.name
                 and DRIFT in json.dumps(r["attributes"])]
        true(found, f"no alert of {DRIFT} with the pod's name arrived")
        equal((found[0]["k8s.namespace.name"], found[0]["k8s.pod.uid"]),
              ("shop", pod.uid), "the pod downstream")


@contextlib.contextmanager
def node():
    need_root()
    p = subprocess.run([HERE / "fetch-debs", DEBS, *RUNTIMES],
                       capture_output=True, text=True)
    true(p.returncode == 0, p.stderr)
    with workdir("containers") as directory, \
            Collector(directory) as collector:
        copies = {f"/root/debs/{f.name}": f for f in DEBS.glob("*.deb")}
        copies["/root/images.tar"] = images(directory)
        copies["/root/box.tar"] = directory / "box.tar"
        # Before it boots: attaching once takes long enough here.
        first = ("sed -i 's,^dir = /etc/picket/policy.d$,"
                 f"dir = /usr/share/picket/policy.d-cluster,' {CONFIG}\n"
                 f"sed -i 's,^url =.*,url = http://{COLLECTOR}/v1/logs,' "
                 f"{CONFIG}\nmkdir -p /var/log/containers\n"
                 # A container in the host's network is given it.
                 "touch /etc/resolv.conf\n"
                 "systemctl -q enable picket-ship.service\n"
                 # Neither a bridge nor a firewall's rules.
                 "mkdir -p /etc/docker && printf '%s' '{\"bridge\": \"none\", "
                 "\"iptables\": false, \"ip6tables\": false}' "
                 ">/etc/docker/daemon.json\n")
        with System(port=collector.port, copies=copies, first=first) as g:
            g.do(NETWORK + "ip link set lo up")
            n = Node(g, collector)
            n.watching()
            n.do("dpkg --force-depends -i /root/debs/*.deb 2>&1\n"
                 "systemctl start containerd", 900)
            n.eventually(f"{CTR} version", "containerd")
            n.do(f"{CTR} images import /root/images.tar", 400)
            yield n


@test
def a_container_that_starts_is_no_alert(n):
    pod, first = Pod(5, "quiet-1"), n.journal()["next_seq"]
    n.do(f"ln -s /var/log/pods/none {pod.log}")
    n.run(pod, "--net-host")
    n.do(f"{CTR} tasks exec --exec-id quiet {pod.id} /bin/busybox uname -a")
    n.told(pod, "exec", '"uname"')
    n.do(f"{CTR} tasks kill -s KILL {pod.id}")
    n.told(pod, "exit", '"9999"')
    told = n.records(first, "--alerts")
    equal([json.dumps(r) for r in told], [], "alerts of an ordinary container")


@test
def a_container_is_told_with_what_it_is(n):
    pod = Pod(1, "web-1")
    n.do(f"ln -s /var/log/pods/none {pod.log}")
    n.run(pod, "--net-host")
    n.check(pod)
    n.eventually(f"picket tail --journal {JOURNAL} --alerts --since 1h "
                 f"--no-follow --container {pod.id} | grep {DRIFT}",
                 "the alert")
    n.delivered_of(pod)


@test
def a_pods_name_is_kept_when_the_pod_is_gone(n):
    pod = Pod(4, "gone-1")
    n.do(f"ln -s /var/log/pods/none {pod.log}")
    n.run(pod, "--net-host")
    n.named(pod)
    # The kubelet's name goes before all that was begun in it has ended.
    n.do(f"rm {pod.log}")
    n.do(f"{CTR} tasks exec --exec-id last {pod.id} /bin/sh -c "
         "'/bin/busybox cp /bin/busybox /tmp/; /tmp/busybox true'")
    equal(n.told(pod, "exec", '"/tmp/busybox"')["process"].get("pod"), pod.name,
          "whose a program was that was begun then")
    n.do(f"{CTR} tasks kill -s KILL {pod.id}")
    equal(n.told(pod, "exit", '"9999"')["process"].get("pod"), pod.name,
          "whose the end was")


@test
def a_pods_name_that_comes_late_is_told_from_then_on(n):
    pod = Pod(2, "late-1")
    n.run(pod, "--net-host --runc-systemd-cgroup",
          cgroup=f"kubepods-pod{pod.uid.replace('-', '_')}.slice:"
                 f"cri-containerd:{pod.id}")
    n.attack(pod)
    true("pod" not in n.told(pod, "exec", '"/tmp/true"')["process"],
         "a name before there was one")
    n.do(f"ln -s /var/log/pods/none {pod.log}")
    n.named(pod)
    n.check(pod)


def of_a_manager(n, tool, name, image):
    """A container that it runs, and what is told of what is done in it."""
    first = n.journal()["next_seq"]
    # There is nothing in the guest that loads a profile.
    full = n.do(f"{tool} run -d --net host --security-opt apparmor=unconfined "
                f"--name {name} {image} /bin/busybox sleep 9999").split()[-1]
    n.seen(f"--container {full} --kind exec", '"9999"')
    equal([json.dumps(r) for r in n.records(first, "--alerts")], [],
          f"alerts of a container that {tool} starts")
    n.do(f"{tool} exec {name} /bin/sh -c '/bin/busybox cp /bin/busybox "
         "/tmp/true; /tmp/true'")
    who = n.seen(f"--container {full} --kind exec", '"/tmp/true"')["process"]
    equal({key: who.get(key) for key in
           ("container", "container_name", "container_image", "pod")},
          {"container": full, "container_name": name, "container_image": image,
           "pod": None}, f"whose it was, as {tool} has it")
    n.eventually(f"picket tail --journal {JOURNAL} --alerts --since 1h "
                 f"--no-follow --container {full} | grep {DRIFT}", "the alert")
    n.do(f"{tool} rm -f {name}")


@test
def podman_names_its_containers(n):
    n.do("podman --runtime runc import -q /root/box.tar localhost/pod-box:1")
    of_a_manager(n, "podman --runtime runc", "by-podman", "localhost/pod-box:1")


@test
def docker_names_its_containers(n):
    n.do("systemctl start docker && docker import /root/box.tar docker-box:1")
    of_a_manager(n, "docker", "by-docker", "docker-box:1")


@test
def as_the_daemonset_has_it_it_tells_the_same(n):
    agent, pod = n.as_daemonset(), Pod(3, "web-2")
    n.do(f"ln -s /var/log/pods/none {pod.log}")
    n.run(pod, "--net-host")
    n.check(pod)
    n.delivered_of(pod)
    true(any(r["authorization"] == f"Bearer {TOKEN}"
             for r in n.collector.requests()), "the Secret's token arrived")
    n.do("cp /bin/true /root/of-the-host && /root/of-the-host")
    who = n.seen("--exe /root/of-the-host --kind exec", "of-the-host")["process"]
    true("container" not in who, f"the host's own is in no container: {who}")
    equal(n.rights(agent), {"CapPrm": KEPT, "CapEff": KEPT, "NoNewPrivs": "1",
                            "Seccomp": "2"}, "what picket may, once attached")


@test
def a_changed_configmap_is_taken_without_a_restart(n):
    agent = n.as_daemonset()
    before = n.process(agent)
    n.do(configmap("second", "[deny of-the-second]\nevent = exec\n"
                   "exe = /root/second\n"))
    n.eventually(f"picket status --journal {JOURNAL} | grep 'generation 2'",
                 "the second policy")
    n.do("cp /bin/true /root/second && /root/second")
    n.seen("--exe /root/second --kind exec", '"of-the-second"')
    equal(n.process(agent), before, "picket's process")


if __name__ == "__main__":
    main(node)
