"""Containers: made and started beside their back-end alone; a command and a file, in one and on its host; fifty with a role, beside ansible-core over ssh.

Needs root. The host is this machine, reached over SSH; the containers are made of the lab's base, which has an sshd and a Python, for those that need them.
A bake beside mmdebstrap is in `images`.
"""

from __future__ import annotations

import json
import os
import queue
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.harness import WORK, Bench, Failed, Row, Sample, command, in_turns, middle, peers, ratio, timed
from fleet import registry
from fleet.connection.base import Endpoint, Reply, Request
from fleet.connection.pool import Pool
from fleet.lab import Lab
from fleet.modules import _container_crun, _container_lxc
from fleet.runner.container import Container
from fleet.validate import validate

PLAIN = "umount /sys/fs/cgroup/unified 2>/dev/null; exec \"$@\""  # LXC and crun refuse a hybrid host
PORT = 23000
SSHD = "mkdir -p /run/sshd && exec /usr/sbin/sshd -D -e -p {port} -h /etc/bench/key -o AuthorizedKeysFile=/etc/bench/login.pub -o StrictModes=no -o UsePAM=no"
ROLE = """\
- user: {name: app, system: true, home: /srv/app, create_home: false, shell: /usr/sbin/nologin}
- file: {path: /srv/app, state: directory, owner: app, mode: "0750"}
- copy: {content: "{{ item }}\\n", dest: "/srv/app/{{ item }}", owner: app, mode: "0640"}
  loop: [one, two, three]
- lineinfile: {path: /etc/motd, line: "made by a role", create: true}
- command: {cmd: "true", creates: /srv/app/one}
"""


class Here:
    """This machine's runner, as a run has it: one process for all requests, until it is let go of, for other runs to come."""

    def __init__(self) -> None:
        self.pool = Pool()
        self.place = Endpoint("here", "local")

    def do(self, module: str, place: Endpoint | None = None, **args: Any) -> dict[str, Any]:
        replies: queue.Queue[Reply] = queue.Queue()
        self.pool.submit(place or self.place, Request(module, validate(registry.spec(module), args)), replies.put)
        reply = replies.get()
        if reply.result is None or reply.result.get("failed"):
            raise Failed(f"{module}: {reply.error or (reply.result or {}).get('msg')}")
        return reply.result

    def free(self) -> None:
        self.pool.close()

    def container(self, name: str, image: Path, state: str, **more: Any) -> None:
        self.do("container", name=name, image=str(image), state=state, unprivileged=False, **{"command": ["sleep", "1000"], **more})


def measure(bench: Bench) -> list[Row]:
    folder = bench.folder / "containers"
    folder.mkdir(exist_ok=True)
    here = Here()
    with Lab(folder / "lab") as lab:
        lab.up(0, hypervisor=True)
        image = folder / "image"
        image.mkdir(exist_ok=True)
        if not (image / "tree").is_symlink():
            (image / "tree").symlink_to(lab.shared / "base")
        try:
            rows = [started(bench, here, backend, image, words) for backend, words in alone(folder, image / "tree").items()]
            with several(here, image, folder, lab, bench.size(50, 2)) as inventory:
                return [*rows, *inside(bench, here, inventory), sent(bench, inventory), role(bench, inventory)]
        finally:
            here.free()


def started(bench: Bench, here: Here, backend: str, image: Path, words: list[str]) -> Row:
    """From nothing until the program runs, the clone included, without limits and with the host's network; the back-end on a tree that is there already."""
    name = f"bench-{backend}"
    make = partial(here.container, name, image, "running", backend=backend)
    away = partial(here.container, name, image, "absent")
    try:
        samples = in_turns({"fleet": lambda: timed(make), "alone": partial(until_it_says, words)}, bench.size(max(bench.runs, 21), 0), {"fleet": away})
    finally:
        away()
    return Row(f"clone and start, {backend}", ratio(samples, "fleet", "alone"), 1.5, per=f"{backend} alone", samples=samples)


def alone(folder: Path, tree: Path) -> dict[str, list[str]]:
    """The commands of the back-ends themselves, with the configuration that fleet gives them."""
    options = validate(registry.spec("container"), {"name": "alone", "command": ["/bin/echo", "up"], "unprivileged": False})
    same = Container("alone", {"options": options, "ids": None})
    same.root = str(tree.resolve())
    shown = [("/etc/resolv.conf", "/etc/resolv.conf", True)]
    (folder / "config.json").write_text(json.dumps(_container_crun.config(same, shown)))
    (folder / "lxc.conf").write_text("".join(f"{key} = {value}\n" for key, value in _container_lxc._config(same, shown, str(folder))))
    plain = ["unshare", "-m", "sh", "-c", PLAIN, "x"]
    return {"nspawn": ["systemd-nspawn", "-q", "-D", same.root, "--register=no", "--keep-unit", "--link-journal=no", "-a", "echo", "up"],
            "lxc": [*plain, "lxc-start", "-n", "alone", "-P", str(folder), "-f", str(folder / "lxc.conf"), "-F", "--", "/bin/echo", "up"],
            "crun": [*plain, "crun", "--cgroup-manager=cgroupfs", "run", "-b", str(folder), "alone"]}


def until_it_says(words: list[str]) -> Sample:
    """Seconds until a command's first output; it ends by itself then, which is not counted."""
    began = time.monotonic()
    with subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        assert process.stdout is not None
        said = process.stdout.read(1)
        seconds = time.monotonic() - began
        rest = process.stdout.read()
    if process.returncode or not said:
        raise Failed(f"{' '.join(words)} ended with status {process.returncode}: {(said + rest).decode(errors='replace')[-2000:]}")
    return Sample(seconds)


@contextmanager
def several(here: Here, image: Path, folder: Path, lab: Lab, count: int) -> Iterator[str]:
    """Containers c1..cN, each with an sshd for those that need one, at a port of its own; the inventory, in which they are reached both ways."""
    keys = folder / "keys"
    keys.mkdir(exist_ok=True)
    if not (keys / "key").exists():
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(keys / "key")], check=True)
    (keys / "login.pub").write_bytes((lab.shared / "id.pub").read_bytes())
    numbers = range(1, count + 1)
    try:
        for number in numbers:
            here.container(f"bench-c{number}", image, "running", backend="crun", binds={"/etc/bench": f"{keys}:ro"},
                           command=["sh", "-c", SSHD.format(port=PORT + number)])
        login = f"ansible_ssh_private_key_file={lab.shared / 'id'} ansible_python_interpreter=/usr/bin/python3"
        lines = [lab.inventory.read_text(), "[boxes]", *(f"c{n} ansible_connection=container fleet_on=hv1 fleet_container=bench-c{n}" for n in numbers)]
        (folder / "hosts").write_text("\n".join(lines) + "\n")
        lines = ["[boxes]", *(f"c{n} ansible_host=127.0.0.1 ansible_port={PORT + n} ansible_user=root {login}" for n in numbers)]
        (folder / "hosts-ssh").write_text("\n".join(lines) + "\n")
        here.free()
        yield str(folder / "hosts")
    finally:
        for number in numbers:
            here.container(f"bench-c{number}", image, "absent")


def inside(bench: Bench, here: Here, inventory: str) -> list[Row]:
    """One command in a container and on its host: a task of a run that is there already; and the whole of `fleet run`, which enters it first."""
    def run(host: str) -> Sample:
        return bench.fleet("run", "-i", inventory, host, "-m", "command", "-a", "true")
    box = Endpoint("c1", "container", via=here.place, container=("crun", "bench-c1", ""))

    def task(place: Endpoint) -> Sample:
        return timed(lambda: here.do("command", place, argv=["true"]))
    runs = bench.size(max(bench.runs, 15), 0)
    whole = in_turns({"container": partial(run, "c1"), "host": partial(run, "hv1")}, runs)
    warm = in_turns({"container": partial(task, box), "host": partial(task, here.place)}, runs * 4)
    here.free()
    note = f"entering it first, of the whole of `fleet run`: {difference(whole):.0f} ms"
    return [Row("a command in a container, beyond one on its host", difference(warm), 5, "ms", note=note, samples=warm)]


def difference(samples: dict[str, list[Sample]]) -> float:
    """Milliseconds."""
    return (middle(samples["container"]) - middle(samples["host"])) * 1000


def sent(bench: Bench, inventory: str) -> Row:
    size = bench.size(256, 4)
    source = bench.folder / "containers" / "file"
    if not source.exists() or source.stat().st_size != size << 20:
        with source.open("wb") as stream:
            for _ in range(size):
                stream.write(os.urandom(1 << 20))
    places = {"container": ("c1", "/srv/sent"), "host": ("hv1", "/var/lib/fleet/bench-sent")}
    books = {name: bench.write(f"containers/{name}.yml", _play(host, f"- copy: {{src: {source}, dest: {dest}}}\n")) for name, (host, dest) in places.items()}
    gone = {name: bench.write(f"containers/{name}-gone.yml", _play(host, f"- file: {{path: {dest}, state: absent}}\n")) for name, (host, dest) in places.items()}

    def clear(name: str) -> None:
        bench.fleet("apply", "-i", inventory, gone[name])
        os.sync()
    samples = in_turns({name: partial(bench.fleet, "apply", "-i", inventory, book) for name, book in books.items()}, min(bench.runs, 5),
                       {name: partial(clear, name) for name in books})
    for name in books:
        clear(name)
    return Row(f"copy of {size} MiB into a container", ratio(samples, "host", "container"), 0.8, "x", low=False, per="the rate to its host", samples=samples)


def _play(hosts: str, tasks: str) -> str:
    return f"- hosts: {hosts}\n  gather_facts: false\n  tasks:\n" + "".join(f"    {line}\n" for line in tasks.splitlines())


def role(bench: Bench, inventory: str) -> Row:
    """The first time a role is applied, and facts are gathered, as both do by default. Once: ansible-core takes minutes."""
    folder = bench.folder / "containers"
    (folder / "roles/work/tasks").mkdir(parents=True, exist_ok=True)
    (folder / "roles/work/tasks/main.yml").write_text(ROLE)
    book = bench.write("containers/role.yml", "- hosts: boxes\n  roles: [work]\n")
    undo = bench.write("containers/undo.yml", _play("boxes", "- shell: userdel app; rm -rf /srv/app; sed -i /made/d /etc/motd; true\n"))
    contenders = {"fleet": lambda: bench.fleet("apply", "-i", inventory, book)}
    if not bench.smoke:
        env = {"ANSIBLE_CONFIG": str(WORK / "ansible.cfg")}
        contenders["ansible-core"] = lambda: command([str(peers() / "bin/ansible-playbook"), "-i", inventory + "-ssh", book], env=env)
    samples = in_turns(contenders, 0, {name: lambda: bench.fleet("apply", "-i", inventory, undo) for name in contenders})
    times = ratio(samples, "ansible-core", "fleet") if "ansible-core" in samples else 0.0
    count = sum(line.startswith("c") for line in Path(inventory).read_text().splitlines())
    return Row(f"a role in {count} containers, against ansible-core over ssh", times, 20, "x faster", low=False, per="ansible-core", samples=samples)
