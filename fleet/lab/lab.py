"""Hosts of the lab: each a network namespace behind one bridge, an overlay on the base root, and an sshd in its own PID, mount and UTS namespaces.

Everything made is recorded in the lab's folder, and only that is taken away again.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fleet.errors import UsageError
from fleet.lab import base
from fleet.lab import hypervisor as own_hypervisor
from fleet.lab.owner import hand_over

_START = """exec unshare -m -p -u -i -f --kill-child sh -c '
set -e
mount -t overlay overlay -o lowerdir=%(base)s,upperdir=%(dir)s/up,workdir=%(dir)s/work %(dir)s/root
mount --rbind /dev %(dir)s/root/dev; mount -t proc proc %(dir)s/root/proc; mount -t sysfs sysfs %(dir)s/root/sys
mount -t tmpfs tmpfs %(dir)s/root/run; mount -t tmpfs tmpfs %(dir)s/root/tmp; chmod 1777 %(dir)s/root/tmp
mount --rbind /sys/fs/cgroup %(dir)s/root/sys/fs/cgroup 2>/dev/null || true
mkdir -p -m 755 %(dir)s/root/run/sshd; mkdir -p -m 1777 %(dir)s/root/run/lock; hostname %(name)s
exec chroot %(dir)s/root /bin/sh -c "/usr/sbin/sshd -D -e & sleep infinity & wait"'
"""  # the shell is the host's process 1: it takes in orphans, and lives on when sshd is restarted


def default_folder() -> Path:
    named = os.environ.get("FLEET_LAB")
    return Path(named) if named else Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state") / "fleet" / "lab"


class Lab:
    """A lab in a folder; two labs in two folders do not meet. say: where progress goes."""

    def __init__(self, folder: Path | None = None, say: Callable[[str], Any] = lambda text: None) -> None:
        self.folder = (folder or default_folder()).absolute()
        self.shared = default_folder().parent / "lab-base" if "FLEET_LAB" not in os.environ else Path(
            os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state") / "fleet" / "lab-base"
        self.say = say
        digest = hashlib.sha256(str(self.folder).encode()).digest()
        self.id = digest.hex()[:6]
        self.bridge = f"flb{self.id}"
        # 10.128-10.254.x: 127 times 16 subnets of 4096 addresses; two labs meet only by a rare accident, which `up` refuses.
        self.net = (128 + digest[3] % 127, (digest[4] % 16) * 16)
        self.record = self.folder / "lab.json"

    @property
    def inventory(self) -> Path:
        return self.folder / "inventory"

    def address(self, number: int) -> str:
        return f"10.{self.net[0]}.{self.net[1] + number // 250}.{number % 250 + 2}"

    @property
    def gateway(self) -> str:
        return f"10.{self.net[0]}.{self.net[1]}.1"

    # -- up

    def up(self, count: int, prefix: str = "h", hypervisor: bool = False, hypervisors: int = 0) -> None:
        """Start hosts prefix1..prefixN that do not run yet; write the inventory, the key and the known hosts. Raises UsageError.

        hypervisor: also hv1, this machine itself. hypervisors: also hv1..hvN, each with a libvirt of its own (see fleet.lab.hypervisor).
        """
        if hypervisor and hypervisors:
            raise UsageError("hv1 is either this machine or a hypervisor of its own", hint="give --hypervisor or --hypervisors, not both")
        if os.getuid() != 0:
            raise UsageError("the lab needs root, for network namespaces and mounts", hint="run it with sudo")
        root = base.build(self.shared, self.say)
        self.folder.mkdir(parents=True, exist_ok=True)
        self._bridge()
        hosts = self._load()
        wanted = {f"{prefix}{number}": _plain(root) for number in range(1, count + 1)}
        wanted |= {f"hv{number}": own_hypervisor.script((self.shared / "id.pub").read_text()) for number in range(1, hypervisors + 1)}
        started = []
        for name, script in wanted.items():
            if name in hosts and _alive(hosts[name]):
                continue
            if name in hosts:
                self._remove(name, hosts.pop(name))
            number = min(set(range(1, len(hosts) + 2)) - {host["number"] for host in hosts.values()})
            hosts[name] = self._start(name, number, script)
            started.append(name)
        if hypervisor and not ("hv1" in hosts and _alive(hosts["hv1"])):
            hosts["hv1"] = self._start_hypervisor()
            started.append("hv1")
        self._save(hosts)
        for name in started:
            _wait_for(hosts[name]["address"], hosts[name]["port"], name, Path(hosts[name]["log"]))
        self._write_inventory(hosts)
        hand_over(self.folder, self.shared)

    def _bridge(self) -> None:
        if _run("ip", "link", "show", self.bridge, check=False).returncode == 0:
            return
        _run("ip", "link", "add", self.bridge, "type", "bridge")
        _run("ip", "addr", "add", f"{self.gateway}/20", "dev", self.bridge)
        _run("ip", "link", "set", self.bridge, "up")
        Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
        network = f"10.{self.net[0]}.{self.net[1]}.0/20"
        rules = (f"table ip fleet_lab_{self.id} {{\n chain post {{ type nat hook postrouting priority 100;\n"
                 f"  ip saddr {network} ip daddr != {network} masquerade\n }}\n}}\n")
        subprocess.run(["nft", "-f", "-"], input=rules.encode(), check=True)

    def _start(self, name: str, number: int, script: Callable[[str, Path], str]) -> dict[str, Any]:
        """A host in namespaces of its own. script: prepares the host's folder, and gives what becomes its sshd."""
        folder, space, link = self.folder / "hosts" / name, f"fl{self.id}{name}", f"v{self.id}{number}"
        key = folder / "ssh_host_ed25519_key"
        folder.mkdir(parents=True, exist_ok=True)
        if not key.exists():
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(key)], check=True)
        text = script(f"{self.id}/{name}", folder)
        address = self.address(number)
        _run("ip", "netns", "add", space)
        _run("ip", "link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", space)
        _run("ip", "link", "set", link, "master", self.bridge, "up")
        batch = f"addr add {address}/20 dev eth0\nlink set eth0 up\nlink set lo up\nroute add default via {self.gateway}\n"
        subprocess.run(["ip", "-n", space, "-batch", "-"], input=batch.encode(), check=True)
        with (folder / "log").open("ab") as log:
            process = subprocess.Popen(["nsenter", f"--net=/run/netns/{space}", "sh", "-c", text], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                       start_new_session=True)
        process.returncode = 0  # it is to outlive us
        return {"number": number, "address": address, "port": 22, "user": "root", "pid": process.pid, "started": _started(process.pid), "space": space,
                "link": link, "key": key.with_suffix(".pub").read_text().strip(), "log": str(folder / "log"), "folder": str(folder)}

    def _start_hypervisor(self) -> dict[str, Any]:
        """An sshd in the machine's own root and network, bound to the bridge."""
        folder = self.folder / "hosts" / "hv1"
        folder.mkdir(parents=True, exist_ok=True)
        key = folder / "ssh_host_ed25519_key"
        if not key.exists():
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "hv1", "-f", str(key)], check=True)
        keys = folder / "authorized_keys"
        shutil.copyfile(self.shared / "id.pub", keys)
        port = 22022
        config = folder / "sshd_config"
        config.write_text(f"ListenAddress {self.gateway}\nPort {port}\nHostKey {key}\nAuthorizedKeysFile {keys}\nStrictModes no\nUsePAM no\nUseDNS no\n"
                          f"PermitRootLogin prohibit-password\nPasswordAuthentication no\nMaxStartups 100\nMaxSessions 100\nPidFile {folder}/sshd.pid\n"
                          "SetEnv SHLVL=1\n"  # this machine's .bashrc is no part of the lab
                          "Subsystem sftp internal-sftp\n")
        os.makedirs("/run/sshd", mode=0o755, exist_ok=True)
        with (folder / "log").open("ab") as log:
            process = subprocess.Popen(["/usr/sbin/sshd", "-D", "-e", "-f", str(config)], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                       start_new_session=True)
        process.returncode = 0
        return {"number": 0, "address": self.gateway, "port": port, "user": "root", "pid": process.pid, "started": _started(process.pid),
                "key": key.with_suffix(".pub").read_text().strip(), "log": str(folder / "log"), "folder": str(folder)}

    def _write_inventory(self, hosts: dict[str, Any]) -> None:
        known = self.folder / "known_hosts"
        lines = []
        for host in hosts.values():
            place = host["address"] if host["port"] == 22 else f"[{host['address']}]:{host['port']}"
            lines.append(f"{place} {' '.join(host['key'].split()[:2])}\n")
        known.write_text("".join(lines))
        listed = []
        for name, host in hosts.items():
            port = f" ansible_port={host['port']}" if host["port"] != 22 else ""
            listed.append(f"{name} ansible_host={host['address']}{port} ansible_user={host['user']}\n")
        self.inventory.write_text("[lab]\n" + "".join(listed) + f"\n[lab:vars]\nansible_ssh_private_key_file={self.shared / 'id'}\n"
                                  f"ansible_ssh_known_hosts_file={known}\nansible_python_interpreter=/usr/bin/python3\n")

    def listing(self, hosts: dict[str, dict[str, Any]]) -> dict[str, Any]:
        """The lab as an inventory program prints it, with `lab_key`, `lab_folder` and `lab_images` (kept when the lab goes) for what
        lives on its hosts."""
        return {
            "all": {"vars": {"lab_key": str(self.shared / "id"), "lab_folder": str(self.folder), "lab_images": str(self.shared.parent / "images")}},
            "lab": {"hosts": list(hosts), "vars": {
                "ansible_ssh_private_key_file": str(self.shared / "id"), "ansible_ssh_known_hosts_file": str(self.folder / "known_hosts"),
                "ansible_python_interpreter": "/usr/bin/python3"}},
            "_meta": {"hostvars": {name: {"ansible_host": host["address"], "ansible_port": host["port"], "ansible_user": host["user"]}
                                   for name, host in hosts.items()}},
        }

    # -- status, down

    def status(self) -> dict[str, dict[str, Any]]:
        """The lab's hosts by name, each with `running`."""
        return {name: {**host, "running": _alive(host)} for name, host in self._load().items()}

    def down(self) -> int:
        """End and remove all hosts of this lab, and its bridge; how many there were."""
        hosts = self._load()
        for name, host in hosts.items():
            self._remove(name, host)
        self.record.unlink(missing_ok=True)
        _run("ip", "link", "del", self.bridge, check=False)
        _run("nft", "delete", "table", "ip", f"fleet_lab_{self.id}", check=False)
        shutil.rmtree(self.folder / "hosts", ignore_errors=True)
        return len(hosts)

    def _remove(self, name: str, host: dict[str, Any]) -> None:
        if _alive(host):
            os.kill(host["pid"], signal.SIGKILL if host.get("space") else signal.SIGTERM)
            for _ in range(100):
                if not _alive(host):
                    break
                time.sleep(0.01)
        if host.get("link"):
            _run("ip", "link", "del", host["link"], check=False)
        if host.get("space"):
            _run("ip", "netns", "del", host["space"], check=False)
            own_hypervisor.clean(f"{self.id}/{name}")
        for _ in range(20):  # the overlay goes with the last process of its mount namespace
            try:
                shutil.rmtree(host["folder"])
                return
            except FileNotFoundError:
                return
            except OSError:
                time.sleep(0.1)

    def _load(self) -> dict[str, Any]:
        return json.loads(self.record.read_text()) if self.record.exists() else {}

    def _save(self, hosts: dict[str, Any]) -> None:
        temporary = self.record.with_suffix(".tmp")
        temporary.write_text(json.dumps(hosts, indent=1))
        temporary.rename(self.record)

    def __enter__(self) -> Lab:
        return self

    def __exit__(self, *exc: object) -> None:
        self.down()


def _plain(root: Path) -> Callable[[str, Path], str]:
    """An ordinary host: an overlay on the base root."""
    def script(identity: str, folder: Path) -> str:
        for each in ("up/etc/ssh", "work", "root"):
            (folder / each).mkdir(parents=True, exist_ok=True)
        name = folder.name
        (folder / "up/etc/hostname").write_text(name + "\n")
        (folder / "up/etc/machine-id").write_text(hashlib.md5(identity.encode()).hexdigest() + "\n")
        shutil.copyfile("/etc/resolv.conf", folder / "up/etc/resolv.conf")
        shutil.copymode(root / "etc/ssh", folder / "up/etc/ssh")
        for key in folder.glob("ssh_host_*"):
            shutil.copy(key, folder / "up/etc/ssh")
        return _START % {"base": root, "dir": folder, "name": name}
    return script


def _run(*command: str, check: bool = True) -> subprocess.CompletedProcess[bytes]:
    done = subprocess.run(command, capture_output=True)
    if check and done.returncode:
        raise UsageError(f"`{' '.join(command)}` failed: {done.stderr.decode(errors='replace').strip()}")
    return done


def _started(pid: int) -> str:
    """When a process started, in the kernel's ticks: with the pid it names one process, not a later one of that number."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except OSError:
        return ""


def _alive(host: dict[str, Any]) -> bool:
    try:
        state = Path(f"/proc/{host['pid']}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return False
    if state[0] == "Z":
        try:
            os.waitpid(host["pid"], os.WNOHANG)
        except OSError:
            pass
        return False
    return bool(state[19] == host["started"])


def _wait_for(address: str, port: int, name: str, log: Path) -> None:
    end = time.monotonic() + 10
    while time.monotonic() < end:
        try:
            with socket.create_connection((address, port), timeout=1):
                return
        except OSError:
            time.sleep(0.02)
    tail = "\n".join(log.read_text(errors="replace").splitlines()[-5:])
    raise UsageError(f"the lab host {name} does not answer; the end of its log:\n{tail}")
