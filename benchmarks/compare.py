#!/usr/bin/env python3
"""The same work on the same lab hosts with several tools, one after the other in one run: medians, ratios, raw data.

    python benchmarks/compare.py [--hosts 10] [--runs 5] [--tools floor,fleet,dsl,pyinfra,ansible,mitogen] [--out DIR]

Peers are installed by pip into a virtual environment of their own in the state folder, the first time. The floor is work/floor.py piped over
parallel ssh, 10 at a time. Every tool runs once uncounted, which makes the changes; what is measured are the runs after that.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
WORK = HERE / "work"
STATE = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state") / "fleet"
PEERS = ("ansible-core==2.18.6", "mitogen", "pyinfra")
FLEET = [sys.executable, "-m", "fleet"]


def peers() -> Path:
    """The virtual environment with the other tools."""
    home = STATE / "bench" / "venv"
    if not (home / "bin" / "pyinfra").exists():
        print("installing the peers (once)", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
        subprocess.run([str(home / "bin" / "pip"), "install", "-q", *PEERS], check=True)
    return home


class Bench:
    """A lab of its own with `hosts` machines, and each tool's command for the work on it."""

    def __init__(self, hosts: int, lab: Path) -> None:
        self.lab = lab
        self.env = {**os.environ, "FLEET_LAB": str(lab), "ANSIBLE_CONFIG": str(WORK / "ansible.cfg")}
        subprocess.run([*FLEET, "lab", "up", str(hosts), "--prefix", "b"], env=self.env, check=True, stdout=subprocess.DEVNULL)
        self.inventory = lab / "inventory"
        listed = json.loads(self.output([*FLEET, "inventory", "-i", str(self.inventory), "--list"]))
        self.hosts: dict[str, dict[str, Any]] = listed["_meta"]["hostvars"]

    def down(self) -> None:
        subprocess.run([*FLEET, "lab", "down"], env=self.env, check=False, stdout=subprocess.DEVNULL)

    def output(self, command: Sequence[str]) -> str:
        return subprocess.run(command, env=self.env, check=True, stdout=subprocess.PIPE, text=True, cwd=WORK).stdout

    def quiet(self, command: Sequence[str], **env: str) -> None:
        done = subprocess.run(command, env={**self.env, **env}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=WORK)
        if done.returncode:
            raise SystemExit(f"{' '.join(command)} ended with status {done.returncode}:\n{done.stdout[-3000:]}")

    def ssh(self, host: dict[str, Any]) -> list[str]:
        return ["ssh", "-q", "-o", f"UserKnownHostsFile={host['ansible_ssh_known_hosts_file']}", "-i", host["ansible_ssh_private_key_file"],
                f"{host.get('ansible_user', 'root')}@{host['ansible_host']}", "python3", "-"]

    def floor(self) -> None:
        script = (WORK / "floor.py").read_bytes()
        with concurrent.futures.ThreadPoolExecutor(10) as pool:
            jobs = [pool.submit(subprocess.run, self.ssh(host), input=script, stdout=subprocess.DEVNULL, check=True) for host in self.hosts.values()]
            for job in jobs:
                job.result()

    def fleet(self) -> None:
        self.quiet([*FLEET, "apply", "-i", str(self.inventory), "site.yml"])

    def dsl(self) -> None:
        self.quiet([*FLEET, "apply", "-i", str(self.inventory), "site.py"])

    def ansible(self) -> None:
        self.quiet([str(peers() / "bin/ansible-playbook"), "-i", str(self.inventory), "site.yml"])

    def mitogen(self) -> None:
        plugins = next((peers() / "lib").glob("python*/site-packages/ansible_mitogen/plugins/strategy"))
        self.quiet([str(peers() / "bin/ansible-playbook"), "-i", str(self.inventory), "site.yml"],
                   ANSIBLE_STRATEGY="mitogen_linear", ANSIBLE_STRATEGY_PLUGINS=str(plugins))

    def pyinfra(self) -> None:
        lines = [(name, {"ssh_hostname": h["ansible_host"], "ssh_user": h.get("ansible_user", "root"), "ssh_key": h["ansible_ssh_private_key_file"],
                         "ssh_strict_host_key_checking": "off"}) for name, h in self.hosts.items()]
        inventory = self.lab / "pyinfra_inventory.py"
        inventory.write_text(f"lab = {lines!r}\n")
        self.quiet([str(peers() / "bin/pyinfra"), "-y", str(inventory), "deploy.py"])


def measure(work: Callable[[], None], runs: int) -> list[float]:
    work()
    times = []
    for _ in range(runs):
        began = time.monotonic()
        work()
        times.append(time.monotonic() - began)
    return times


def table(times: dict[str, list[float]]) -> str:
    """Medians and ratios as Markdown."""
    middle = {tool: statistics.median(found) for tool, found in times.items()}
    base, ours = middle.get("floor"), middle.get("fleet")
    lines = ["| tool | median s | against the floor | fleet is |", "|---|---|---|---|"]
    for tool, value in middle.items():
        against = f"{value / base:.2f}x" if base else ""
        faster = f"{value / ours:.1f}x faster" if ours and tool not in ("fleet", "floor", "dsl") else ""
        lines.append(f"| {tool} | {value:.2f} | {against} | {faster} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hosts", type=int, default=10)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--tools", default="floor,fleet,dsl,pyinfra,mitogen,ansible")
    parser.add_argument("--out", type=Path, default=HERE / "results")
    given = parser.parse_args()
    bench = Bench(given.hosts, STATE / "bench" / "lab")
    times: dict[str, list[float]] = {}
    try:
        for tool in given.tools.split(","):
            slow = tool in ("ansible", "mitogen")
            times[tool] = measure(getattr(bench, tool), min(given.runs, 1 if tool == "ansible" else 2) if slow else given.runs)
            print(f"{tool:10} {statistics.median(times[tool]):8.2f} s   {[round(t, 2) for t in times[tool]]}", flush=True)
    finally:
        bench.down()
    given.out.mkdir(parents=True, exist_ok=True)
    machine = {"cpus": os.cpu_count(), "python": platform.python_version(), "kernel": platform.release()}
    (given.out / f"compare-{given.hosts}.json").write_text(json.dumps({"hosts": given.hosts, "machine": machine, "seconds": times}, indent=1) + "\n")
    print("\n" + table(times))


if __name__ == "__main__":
    main()
