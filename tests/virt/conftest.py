"""Hypervisors, an image and a booted guest for the tests, all real and all ending with the session.

Two private libvirtd run in namespaces (see fleet.lab.hypervisor) and are hosts to fleet like any other. The image is built once by fleet's own
`image` module and kept in the state folder, and so is the state of a booted guest: booting it takes half a minute of emulation, restoring it a second.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import libvirt
import libvirt_qemu
import pytest

from fleet.events import TaskResult
from fleet.lab import Lab
from fleet.modules import _image_store as store_
from tests.engine.harness import Seen, Site

libvirt.registerErrorHandler(lambda context, error: None, None)
IMAGES = "/var/lib/libvirt/images"
NETWORK = {"name": "lan", "address": "192.168.77.1/24", "dhcp": ["192.168.77.100", "192.168.77.199"], "reservations": {"g1": "192.168.77.10"}}
GUEST = {"name": "g1", "memory": "384M", "max_memory": "512M", "vcpus": 1, "max_vcpus": 2, "networks": ["lan"], "accel": "tcg"}


@dataclass
class Hypervisor:
    """A private libvirtd: its connection, and the folder that is /var there."""

    name: str
    socket: str
    var: Path
    login: tuple[str, ...] = ()
    connection: Any = None

    def sh(self, command: str) -> str:
        """What a command line prints there."""
        return subprocess.run([*self.login, command], check=True, capture_output=True, text=True).stdout

    def kill_libvirtd(self) -> None:
        """At once, as the kernel would."""
        for process in Path("/proc").glob("[0-9]*"):
            try:
                if (process / "comm").read_text() == "libvirtd\n" and os.path.samefile(process / "root/run", self.socket.partition("/libvirt/")[0]):
                    os.kill(int(process.name), signal.SIGKILL)
            except OSError:
                continue

    def restart_libvirtd(self) -> None:
        """Killed, and there again at once, as systemd would have it."""
        self.kill_libvirtd()
        self.start_libvirtd()

    def start_libvirtd(self) -> None:
        self.sh("until ! pidof libvirtd >/dev/null; do sleep 0.01; done; libvirtd -d")
        end = time.monotonic() + 30
        while True:
            try:
                self.reopen()
                return
            except libvirt.libvirtError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.02)

    def reopen(self) -> None:
        """After libvirtd was restarted."""
        if self.connection is not None:
            self.connection.close()
        self.connection = libvirt.open(f"qemu+unix:///system?socket={self.socket}")

    @property
    def images(self) -> Path:
        """Where /var/lib/libvirt/images of the hypervisor is, seen from here."""
        return self.var / "lib/libvirt/images"


@dataclass
class Machine:
    """A running guest, restored from its saved state by `fresh`."""

    hypervisor: Hypervisor
    name: str
    saved: Path
    address: str

    @property
    def domain(self) -> Any:
        return self.hypervisor.connection.lookupByName(self.name)

    def fresh(self) -> Machine:
        """As it was when it had just booted, whatever was done to it."""
        connection = self.hypervisor.connection
        for domain in connection.listAllDomains():
            if domain.name() == self.name and domain.isActive():
                domain.destroy()
            if domain.name() == self.name:
                domain.undefineFlags(libvirt.VIR_DOMAIN_UNDEFINE_MANAGED_SAVE | libvirt.VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA
                                     | libvirt.VIR_DOMAIN_UNDEFINE_CHECKPOINTS_METADATA | libvirt.VIR_DOMAIN_UNDEFINE_NVRAM)
        shutil.copyfile(self.saved / "disk.qcow2", self.hypervisor.images / f"{self.name}.qcow2")
        connection.defineXML((self.saved / "domain.xml").read_text())
        connection.restore(str(self.saved / "memory"))
        return self.answering()

    def answering(self, seconds: float = 60) -> Machine:
        """Once its agent answers."""
        end = time.monotonic() + seconds
        while True:
            try:
                self.agent("guest-ping")
                return self
            except libvirt.libvirtError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.1)

    def sh(self, command: str, seconds: float = 60) -> str:
        """What a command line prints in the guest, run by its agent."""
        done = self.agent("guest-exec", path="/bin/sh", arg=["-c", command], **{"capture-output": True})
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            status = self.agent("guest-exec-status", pid=done["pid"])
            if status["exited"]:
                import base64
                assert status.get("exitcode") == 0, base64.b64decode(status.get("err-data", "")).decode()
                return base64.b64decode(status.get("out-data", "")).decode()
            time.sleep(0.05)
        raise AssertionError(f"`{command}` does not end in the guest")

    def stored(self, path: str) -> str:
        """A file on its disk, read without it: the guest is switched off, which it may be in the middle of booting."""
        if self.domain.isActive():
            self.domain.destroy()
        disk = self.domain.XMLDesc().split("<source file='")[1].split("'")[0]
        raw = self.hypervisor.var / "lib/libvirt/disk.raw"
        there = ["nsenter", "--mount", "--target", self.hypervisor.socket.split("/")[2]]
        subprocess.run([*there, "qemu-img", "convert", "-O", "raw", disk, "/var/lib/libvirt/disk.raw"], check=True)
        subprocess.run(["e2fsck", "-y", "-E", "journal_only", raw], capture_output=True)
        return subprocess.run(["debugfs", "-R", f"cat {path}", raw], capture_output=True, text=True, check=True).stdout

    def agent(self, command: str, **arguments: Any) -> Any:
        text = json.dumps({"execute": command, "arguments": arguments})
        return json.loads(libvirt_qemu.qemuAgentCommand(self.domain, text, 20, 0))["return"]


def succeeded(seen: Seen) -> dict[str, Any]:
    """The last task's result of a run that went well."""
    assert seen.status == 0, seen.error or [event.result.get("msg") for event in seen.events if isinstance(event, TaskResult)]
    return dict(seen.results()[-1].result)


@contextmanager
def alone(folder: Path) -> Iterator[Path]:
    """What is kept in the state folder is made by one session at a time."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder


@pytest.fixture(scope="session")
def hypervisor_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with Lab(tmp_path_factory.mktemp("hv")) as lab:
        lab.up(0, hypervisors=2)
        site = _site(lab, tmp_path_factory.mktemp("start"))
        succeeded(site.run("- hosts: all\n  gather_facts: false\n  tasks:\n    - hypervisor:\n"))
        yield lab


def _site(lab: Lab, folder: Path) -> Site:
    site = Site(folder)
    site.write("hosts", lab.inventory.read_text())
    return site


@pytest.fixture
def site(hypervisor_lab: Lab, tmp_path: Path) -> Site:
    """A directory whose inventory has the hypervisors hv1 and hv2, and the guest g1 reached through hv1."""
    site = _site(hypervisor_lab, tmp_path)
    known = tmp_path / "guests_known_hosts"
    from fleet.virt import identity
    known.write_text(f"{NETWORK['reservations']['g1']} {identity.host_key('g1', 'hv1')[1]}\n")  # type: ignore[index]
    site.write("hosts", hypervisor_lab.inventory.read_text() + "\n[guests]\n"
               f"g1 fleet_on=hv1 ansible_host=192.168.77.10 ansible_user=root ansible_ssh_private_key_file={hypervisor_lab.shared / 'id'} "
               f"ansible_ssh_known_hosts_file={known} ansible_python_interpreter=/usr/bin/python3\n")
    return site


@pytest.fixture(scope="session")
def hypervisors(hypervisor_lab: Lab) -> Iterator[dict[str, Hypervisor]]:
    """hv1 and hv2, with connections that do not go through fleet."""
    found = {}
    for name, host in hypervisor_lab.status().items():
        inner = Path(f"/proc/{host['pid']}/task/{host['pid']}/children").read_text().split()[0]
        login = ("ssh", "-q", "-i", str(hypervisor_lab.shared / "id"), "-o", f"UserKnownHostsFile={hypervisor_lab.folder / 'known_hosts'}",
                 f"{host['user']}@{host['address']}")
        found[name] = Hypervisor(name, f"/proc/{inner}/root/run/libvirt/libvirt-sock", Path(host["folder"]) / "var", login)
        found[name].reopen()
        found[name].images.mkdir(exist_ok=True)
    yield found
    for each in found.values():
        each.connection.close()


@pytest.fixture
def apply(site: Site) -> Callable[..., dict[str, Any]]:
    """Apply one task to a host, twice: the last result of the first run; the second must change nothing. Also as apply.once, apply.plan, apply.fails."""
    return Apply(site)


class Apply:
    def __init__(self, site: Site) -> None:
        self.site = site

    def run(self, module: str, args: dict[str, Any], host: str = "hv1", **options: Any) -> Seen:
        task = json.dumps({module: args, **options.pop("task", {})})
        return self.site.run(f"- hosts: {host}\n  gather_facts: false\n  tasks:\n    - {task}\n", **options)

    def once(self, module: str, args: dict[str, Any], host: str = "hv1", **options: Any) -> dict[str, Any]:
        return succeeded(self.run(module, args, host, **options))

    def plan(self, module: str, args: dict[str, Any], host: str = "hv1") -> list[tuple[str, Any, Any]]:
        """What would change: (what, before, after)."""
        result = succeeded(self.run(module, args, host, check=True, diff=True))
        return [(each["what"], each["before"], each["after"]) for each in result.get("diff", ())]

    def fails(self, module: str, args: dict[str, Any], host: str = "hv1") -> str:
        seen = self.run(module, args, host)
        assert seen.status == 2, [event.result for event in seen.results()]
        return str(seen.results()[-1].result["msg"])

    def __call__(self, module: str, args: dict[str, Any], host: str = "hv1") -> dict[str, Any]:
        first = self.once(module, args, host)
        again = succeeded(self.run(module, args, host, diff=True))
        assert not again.get("changed"), again
        return first


@pytest.fixture(scope="session")
def image(hypervisor_lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The directory of a small Debian image with a disk, the same path on both hypervisors."""
    with alone(hypervisor_lab.shared.parent / "tests-virt") as kept:
        task = {"image": {"name": "test", "path": str(kept / "image"), "formats": ["disk"], "size": "1500M"}}
        succeeded(_site(hypervisor_lab, tmp_path_factory.mktemp("image")).run(
            f"- hosts: hv1\n  gather_facts: false\n  tasks:\n    - {json.dumps(task)}\n"))
        return str(kept / "image")


@pytest.fixture(scope="session")
def booted(hypervisor_lab: Lab, hypervisors: dict[str, Hypervisor], image: str, tmp_path_factory: pytest.TempPathFactory) -> Machine:
    """The guest g1 on hv1, as the `guest` action with GUEST declares it, booted, its cloud-init done, its agent answering. Shared by all tests: leave
    it running, or take `fresh_guest`."""
    hypervisor = hypervisors["hv1"]
    site = _site(hypervisor_lab, tmp_path_factory.mktemp("guest"))
    declared = {**GUEST, "image": image, "authorized_keys": [(hypervisor_lab.shared / "id.pub").read_text().strip()]}

    def run(*tasks: Any) -> None:
        succeeded(site.run("- hosts: hv1\n  gather_facts: false\n  tasks:\n" + "".join(f"    - {json.dumps(task)}\n" for task in tasks)))

    run({"network": NETWORK}, {"guest": {**declared, "state": "present"}})
    domain = hypervisor.connection.lookupByName("g1")
    with alone(hypervisor_lab.shared.parent / "tests-virt") as kept:
        network = hypervisor.connection.networkLookupByName("lan").XMLDesc(libvirt.VIR_NETWORK_XML_INACTIVE)
        parts = [domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE), network, (Path(image) / "manifest.json").read_text(), str(hypervisor.connection.getVersion())]
        saved = kept / hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]
        machine = Machine(hypervisor, "g1", saved, str(NETWORK["reservations"]["g1"]))  # type: ignore[index]
        if not (saved / "domain.xml").exists():
            run({"guest": {**declared, "wait": "cloud-init", "timeout": 400}})
            machine.sh("cloud-init status --wait", 120)
            _save(machine)
        for other in kept.glob("*/domain.xml"):
            if time.time() - other.stat().st_atime > 86400 and other.parent != saved:
                shutil.rmtree(other.parent)
    return machine.fresh()


@pytest.fixture
def guest(booted: Machine) -> Machine:
    """The guest, running; restored when the test before took it away."""
    try:
        running = booted.domain.isActive()
    except libvirt.libvirtError:
        running = False
    return booted if running else booted.fresh()


def _save(machine: Machine) -> None:
    work = machine.saved.with_suffix(f".{os.getpid()}")
    work.mkdir()
    inactive = machine.domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE)
    machine.domain.save(str(work / "memory"))
    shutil.copyfile(machine.hypervisor.images / f"{machine.name}.qcow2", work / "disk.qcow2")
    (work / "domain.xml").write_text(inactive)
    work.rename(machine.saved)


@pytest.fixture
def fresh_guest(booted: Machine) -> Machine:
    """The same guest just restored, for tests that do much to it."""
    return booted.fresh()


@pytest.fixture
def near(hypervisors: dict[str, Hypervisor], tmp_path: Path) -> Site:
    """hv2 without SSH, for many runs."""
    site = Site(tmp_path)
    site.write("hosts", f"hv2 ansible_connection=local fleet_libvirt_uri='qemu+unix:///system?socket={hypervisors['hv2'].socket}'\n")
    return site


@pytest.fixture
def own_keys(hypervisor_lab: Lab, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A state folder of the test's own with the guest's host key, for what moves that; the folder of the keys."""
    kept = hypervisor_lab.shared.parent / "host-keys"
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    folder = tmp_path / "state/fleet/host-keys"
    folder.mkdir(parents=True)
    shutil.copy(kept / "hv1+g1", folder)
    return folder


@pytest.fixture
def test_driver(tmp_path: Path) -> str:
    """The URI of libvirt's mock driver with a node of its own: no domain, one network, one pool."""
    node = tmp_path / "node.xml"
    node.write_text("<node><cpu><mhz>3000</mhz><model>i9</model><active>8</active><nodes>1</nodes><sockets>1</sockets><cores>8</cores><threads>1</threads>"
                    "</cpu><memory>16777216</memory><network type='network'><name>default</name><bridge name='virbr0'/></network></node>")
    return f"test://{node}"


@pytest.fixture(scope="session")
def kept() -> Iterator[str]:
    """A store that stays in the state folder, so that its base is made once."""
    with alone(Lab().shared.parent / "tests-image") as folder:
        store = store_.Store(str(folder / "store"))
        yield store.path
        for name in store.names():
            os.unlink(os.path.join(store.path, name))
        for id_ in store.ids():
            shutil.rmtree(store.image(id_))
        folder_ = os.path.join(store.path, "layers")
        for key in os.listdir(folder_):
            if store_.read_json(f"{folder_}/{key}/layer.json").get("kind") != "base" or not Path(folder_, key, "lists").is_dir():
                shutil.rmtree(os.path.join(folder_, key))
