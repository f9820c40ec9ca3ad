"""A container cloned and started beside its back-end alone on the same tree. Needs root: python -m benchmarks.run --only containers

By fleet: from nothing until the program runs, the clone included. Alone: the back-end's own command on the tree that is there already, until its program
has ended. Both privileged, without limits, on the host's network.
"""

from __future__ import annotations

import json
import subprocess
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.harness import Bench, Row, Sample, command, in_turns, ratio, timed
from fleet import registry
from fleet.runner.module import Module, execute
from fleet.validate import validate
from tests.virt.containersite import image

LXC = "lxc.uts.name = alone\nlxc.rootfs.path = dir:%s\nlxc.net.0.type = none\nlxc.apparmor.profile = unconfined\nlxc.autodev = 1\nlxc.mount.auto = proc:mixed\n"
PLAIN = "umount /sys/fs/cgroup/unified 2>/dev/null; exec \"$@\""  # LXC and crun refuse a hybrid host


def container(backend: str, tree: Path, state: str) -> None:
    args = {"name": f"bench-{backend}", "backend": backend, "image": str(tree.parent), "command": ["sleep", "1000"], "state": state, "unprivileged": False}
    result = execute(registry.module("container"), Module(validate(registry.spec("container"), args)))
    if result.get("failed"):
        raise RuntimeError(result["msg"])


def alone(folder: Path, tree: Path) -> dict[str, list[str]]:
    """The commands of the back-ends themselves."""
    (folder / "alone").mkdir(parents=True, exist_ok=True)
    (folder / "lxc.conf").write_text(LXC % tree)
    (folder / "config.json").unlink(missing_ok=True)
    subprocess.run(["unshare", "-m", "sh", "-c", PLAIN, "x", "crun", "spec", "-b", str(folder)], check=True)
    config: dict[str, Any] = json.loads((folder / "config.json").read_text())
    config["root"], config["process"]["terminal"], config["process"]["args"] = {"path": str(tree), "readonly": False}, False, ["true"]
    config["linux"]["namespaces"] = [{"type": kind} for kind in ("pid", "ipc", "uts", "mount")]
    (folder / "config.json").write_text(json.dumps(config))
    plain = ["unshare", "-m", "sh", "-c", PLAIN, "x"]
    return {"nspawn": ["systemd-nspawn", "-q", "-D", str(tree), "--register=no", "--keep-unit", "--link-journal=no", "-a", "true"],
            "lxc": [*plain, "lxc-start", "-n", "alone", "-P", str(folder), "-f", str(folder / "lxc.conf"), "-F", "--", "/bin/true"],
            "crun": [*plain, "crun", "--cgroup-manager=disabled", "run", "-b", str(folder), "alone"]}


def measure(bench: Bench) -> list[Row]:
    tree = image() / "tree"
    rows = []
    for backend, words in alone(bench.folder / "containers", tree).items():
        def ours(backend: str = backend) -> Sample:
            return timed(partial(container, backend, tree, "running"))
        samples = in_turns({"fleet": ours, "alone": partial(command, words)}, bench.runs, {"fleet": partial(container, backend, tree, "absent")})
        container(backend, tree, "absent")
        rows.append(Row(f"clone and start, {backend}", ratio(samples, "fleet", "alone"), 1.5, per=f"{backend} alone", samples=samples))
    return rows
