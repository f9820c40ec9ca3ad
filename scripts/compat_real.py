#!/usr/bin/env python3
"""ansible-core's own integration targets, run against fleet: which of the playbooks Ansible tests itself with run here unchanged.

    python scripts/compat.py [TARGET...] [--out DIR] [--jobs N] [--write]

The source distribution comes by pip into the state folder, the first time; it is run from there and nothing of it is kept here. A target that
is a role is applied to a fresh lab host each; one with a script of its own runs that script on this machine, with fleet in the place of
Ansible's commands. A log a target and results.json are written to DIR; --write renews the table of docs/compatibility.md from the last result
of each. Needs root, for the lab.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from fleet.lab import Lab  # noqa: E402

VERSION = "2.21.5"
STATE = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state") / "fleet" / "compat"
BIN = Path(sys.executable).parent
CASES = HERE / "compat.json"
PAGE = HERE.parent / "docs" / "compatibility.md"
BEGIN, END = "<!-- targets: made by `make compat` -->", "<!-- end of targets -->"
LIMIT = 300  # seconds a target may take
# What targets expect of a host beside what the lab's hosts have.
PACKAGES = ("e2fsprogs", "file", "locales", "python3", "python3-venv")
COMMANDS = {n: "/root/.local/state/fleet/bench/venv/bin/" + n for n in ("ansible-playbook", "ansible", "ansible-inventory")}


def source() -> Path:
    """The unpacked source distribution."""
    folder = STATE / f"ansible_core-{VERSION}"
    if not folder.is_dir():
        print(f"getting ansible-core {VERSION}'s source distribution (once)", file=sys.stderr)
        STATE.mkdir(parents=True, exist_ok=True)
        subprocess.run([str(BIN / "pip"), "download", "-q", "--no-deps", "--ignore-requires-python", "--no-binary", ":all:",
                        "-d", str(STATE), f"ansible-core=={VERSION}"], check=True)
        with tarfile.open(STATE / f"ansible_core-{VERSION}.tar.gz") as archive:
            archive.extractall(STATE, filter="data")
    return folder


class Judge:
    """A lab of fresh hosts and a copy of the targets."""

    def __init__(self, sdist: Path, out: Path, targets: list[str]) -> None:
        self.out = out
        self.root = out / "work" / "test" / "integration"
        for old in ("work", "produced"):
            shutil.rmtree(out / old, ignore_errors=True)
        for part in ("integration", "lib"):
            shutil.copytree(sdist / "test" / part, out / "work" / "test" / part, symlinks=True)
        self.remote = [target for target in targets if not self.script(target).exists()]
        self.lab = Lab(out / "lab", say=lambda text: print(text, file=sys.stderr))
        self._commands()

    def _commands(self) -> None:
        """Ansible's commands, by name, as fleet's."""
        folder = self.out / "bin"
        folder.mkdir(parents=True, exist_ok=True)
        for name, command in COMMANDS.items():
            (folder / name).write_text(f'#!/bin/sh\nexec {command} "$@"\n')
            (folder / name).chmod(0o755)

    def script(self, target: str) -> Path:
        return self.root / "targets" / target / "runme.sh"

    def environment(self, target: str) -> dict[str, str]:
        return {**os.environ, "PATH": f"{self.out / 'bin'}:{os.environ['PATH']}", "ANSIBLE_HOST_KEY_CHECKING": "false", "ANSIBLE_PIPELINING": "1",
                "ANSIBLE_ROLES_PATH": str(self.root / "targets"), "OUTPUT_DIR": str(self.folder(target)), "INVENTORY_PATH": "../../inventory",
                "FLEET_LOCK_TIMEOUT": str(LIMIT)}

    def folder(self, target: str) -> Path:
        folder = self.out / "produced" / target
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def up(self) -> None:
        self._inventory("inventory", "ansible_connection=local ansible_python_interpreter=" + sys.executable, "local")
        if not self.remote:
            return
        self.lab.up(len(self.remote), "t")
        hosts = self.lab.listing(self.lab.status())
        shared = " ".join(f"{name}={value}" for name, value in hosts["lab"]["vars"].items())
        for number, target in enumerate(self.remote, 1):
            own = hosts["_meta"]["hostvars"][f"t{number}"]
            self._inventory(f"inventory.{target}", " ".join(f"{name}={value}" for name, value in own.items()) + " " + shared, target)

    def _inventory(self, name: str, host: str, target: str) -> None:
        (self.root / name).write_text(f"[testgroup]\ntesthost {host}\n[testgroup:vars]\noutput_dir={self.folder(target)}\n")

    def run(self, target: str) -> dict[str, Any]:
        """One target: whether it passed, and the seconds it took. Its output is in OUT/TARGET.log."""
        began = time.monotonic()
        if self.script(target).exists():
            command, cwd = ["bash", "./runme.sh"], self.script(target).parent
        else:
            self._prepare(target)
            play = [{"hosts": "testhost", "gather_facts": True, "roles": [{"role": target}]}]
            (self.root / f"play_{target}.yml").write_text(json.dumps(play))
            command, cwd = [str(self.out / "bin" / "ansible-playbook"), "-i", f"inventory.{target}", f"play_{target}.yml"], self.root
            began = time.monotonic()
        with (self.out / f"{target}.log").open("wb") as log:
            process = subprocess.Popen(command, cwd=cwd, env=self.environment(target), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                       start_new_session=True)
            try:
                status: int | str = process.wait(LIMIT)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                status = "too late"
        return {"passed": status == 0, "seconds": round(time.monotonic() - began, 1), "status": status}

    def _prepare(self, target: str) -> None:
        """The packages and the folder that the targets expect on a host."""
        play = [{"hosts": "testhost", "gather_facts": False, "tasks": [
            {"apt": {"name": list(PACKAGES), "install_recommends": False, "update_cache": True, "cache_valid_time": 86400}},
            {"file": {"path": str(self.folder(target)), "state": "directory"}}]}]
        name = self.root / f"prepare_{target}.yml"
        name.write_text(json.dumps(play))
        done = subprocess.run([str(BIN / "fleet"), "apply", "--no-journal", "-i", f"inventory.{target}", str(name)], cwd=self.root, capture_output=True,
                              text=True)
        if done.returncode:
            raise SystemExit(f"a host could not be made ready for {target}:\n{done.stdout}{done.stderr}")


def table(results: dict[str, Any], cases: dict[str, str]) -> str:
    """The page's figure and table."""
    passed = sum(each["passed"] for each in results.values())
    lines = [BEGIN, "", f"**{passed} of {len(results)}** targets of ansible-core {VERSION} pass.", "", "| target | | why it does not pass |", "|---|---|---|"]
    for target, each in results.items():
        why = "" if each["passed"] else cases[target] or "not looked into yet"
        lines.append(f"| {target} | {'passes' if each['passed'] else '**fails**'} | {why} |")
    return "\n".join([*lines, "", END])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help="all of compat.json by default")
    parser.add_argument("--out", type=Path, default=STATE / "out", help="folder for logs and results")
    parser.add_argument("--jobs", type=int, default=2, help="targets run at the same time")
    parser.add_argument("--keep", action="store_true", help="leave the hosts running")
    parser.add_argument("--write", action="store_true", help="renew the table of docs/compatibility.md")
    args = parser.parse_args()
    cases: dict[str, str] = json.loads(CASES.read_text())
    targets = args.targets or list(cases)
    judge = Judge(source(), args.out.absolute(), targets)
    try:
        judge.up()
        with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool, concurrent.futures.ThreadPoolExecutor(1) as here:  # one run at a time on a machine
            jobs = {target: (pool if target in judge.remote else here).submit(judge.run, target) for target in targets}
            results = {}
            for target, job in jobs.items():
                results[target] = each = job.result()
                print(f"{'pass' if each['passed'] else 'FAIL'} {target} {each['seconds']}", flush=True)
    finally:
        if not args.keep:
            judge.lab.down()
    kept = judge.out / "results.json"
    before = json.loads(kept.read_text()) if kept.exists() else {}
    known = {target: found for target in cases if (found := results.get(target) or before.get(target))}
    kept.write_text(json.dumps(known, indent=1) + "\n")
    print(f"{sum(each['passed'] for each in results.values())} of {len(results)}; logs are in {judge.out}")
    if args.write:
        if set(known) != set(cases):
            raise SystemExit("--write needs a result of every target: run them all once")
        text = PAGE.read_text()
        PAGE.write_text(text[:text.index(BEGIN)] + table(known, cases) + text[text.index(END) + len(END):])


if __name__ == "__main__":
    main()
